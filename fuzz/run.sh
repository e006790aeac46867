#!/usr/bin/env bash
# Fuzzes one target, or all of them one after the other, and leaves a small corpus behind.
#   fuzz/run.sh [minutes [target…]]     needs a nightly toolchain and `cargo install cargo-fuzz --locked`
# With 0 minutes it only makes the corpus smaller.
set -euo pipefail
cd "$(dirname "$0")/.."

minutes=${1:-10}
shift || true
[ $# -gt 0 ] || set -- wire_ledger wire_token wire_authorization question cursor config retry_after

# Most bytes of an input; a longer one says nothing new.
most() {
  case $1 in
    question) echo 9000 ;; # a little more than http.limits.max_uri
    cursor | retry_after) echo 256 ;;
    *) echo 4096 ;;
  esac
}

dict() {
  case $1 in
    wire_*) echo fuzz/dict/wire.dict ;;
    *) echo "fuzz/dict/$1.dict" ;;
  esac
}

# A corpus is one file: an input a line, in base64.
unpack() {
  local number=0 line
  while read -r line; do
    number=$((number + 1))
    base64 -d <<<"$line" >"$2/$number"
  done <"$1"
}
pack() {
  find "$1" -type f -exec sh -c 'base64 -w0 "$1"; echo' _ {} \; | LC_ALL=C sort -u
}

# Freed memory that the sanitizer holds back to catch late readers; by default it would be most of the limit below.
export ASAN_OPTIONS="quarantine_size_mb=16${ASAN_OPTIONS:+:$ASAN_OPTIONS}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for target in "$@"; do
  mkdir -p "$work/$target/"{old,new,few}
  unpack "fuzz/corpus/$target.base64" "$work/$target/old"
  # What an input may cost: one second, 64 MiB at once, 512 MiB in all with the sanitizer's own. Time is the wall's: on a
  # busy machine a second passes while nothing runs, so what took one is written down (slow-unit-…) to be tried again.
  flags=(-max_len="$(most "$target")" -timeout=20 -report_slow_units=1 -malloc_limit_mb=64 -rss_limit_mb=512)
  [ ! -f "$(dict "$target")" ] || flags+=(-dict="$(dict "$target")")
  if [ "$minutes" != 0 ]; then
    nice -n 15 cargo +nightly fuzz run "$target" "$work/$target/new" "$work/$target/old" -- \
      "${flags[@]}" -max_total_time=$((minutes * 60)) -print_final_stats=1
  fi
  # Few inputs that reach every edge that was reached: what the tests replay, and where the next run begins.
  nice -n 15 cargo +nightly fuzz run "$target" "$work/$target/few" "$work/$target/new" "$work/$target/old" -- \
    -max_len="$(most "$target")" -set_cover_merge=1 -use_counters=0
  pack "$work/$target/few" >"fuzz/corpus/$target.base64"
done
