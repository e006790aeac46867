#!/bin/sh
# Builds the program as the image has it: optimised by what it was seen to do (pgo/), where there are counts for this
# toolchain and machine; otherwise as `cargo build --release` does. Prints the program's path. More words go to cargo.
set -eu
case ${CARGO_TARGET_DIR-} in
'') target=$(cd "$(dirname "$0")/.." && pwd)/target/trained ;;
/*) target=$CARGO_TARGET_DIR/trained ;;
*) target=$PWD/$CARGO_TARGET_DIR/trained ;;
esac
cd "$(dirname "$0")/.."
host=$(rustc --print host-tuple)
counts=pgo/$host-$(rustc --version | cut -d' ' -f2).profdata
if [ -f "$counts" ]; then
  # By a name of its own, so that other counts are other flags to cargo, which builds anew then.
  mkdir -p "$target"
  rm -f "$target"/*.profdata
  used=$target/$(cksum <"$counts" | cut -d' ' -f1).profdata
  cp "$counts" "$used"
  # Functions that changed since are built without counts, silently. What is built for `--target` alone gets the flags.
  # Encoded, since a path may have blanks; flags that were given are kept.
  between=$(printf '\037')
  given=${CARGO_ENCODED_RUSTFLAGS-$(printf '%s' "${RUSTFLAGS-}" | sed 's/^ *//; s/ *$//' | tr -s ' ' "$between")}
  # Each function on a cache line of its own: where the hot ones come to lie is no longer a matter of luck (bench/README.md).
  CARGO_ENCODED_RUSTFLAGS="${given:+$given$between}-Cprofile-use=$used$between-Cllvm-args=-no-pgo-warn-mismatch"
  CARGO_ENCODED_RUSTFLAGS="$CARGO_ENCODED_RUSTFLAGS$between-Cllvm-args=-align-all-functions=6"
  export CARGO_ENCODED_RUSTFLAGS
else
  echo "no $counts: built without counts (scripts/train.py makes some)" >&2
fi
cargo build --release --locked --target "$host" --target-dir "$target" "$@" >&2
echo "$target/$host/release/points-gateway"
