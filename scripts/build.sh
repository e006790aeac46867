#!/bin/sh
# Builds the program as the image has it: optimised by what it was seen to do (pgo/), where there is a profile for this
# toolchain and machine; otherwise as `cargo build --release` does. Prints the program's path. More words go to cargo.
set -eu
cd "$(dirname "$0")/.."
host=$(rustc --print host-tuple)
profile=$PWD/pgo/$host-$(rustc --version | cut -d' ' -f2).profdata
if [ -f "$profile" ]; then
  # Functions that changed since are built without it, silently. What is built for `--target` alone gets the flags.
  RUSTFLAGS="${RUSTFLAGS-} -Cprofile-use=$profile -Cllvm-args=-no-pgo-warn-mismatch"
  export RUSTFLAGS
else
  echo "no $profile: built without it (scripts/train.py makes one)" >&2
fi
target=${CARGO_TARGET_DIR:-target}/trained
cargo build --release --locked --target "$host" --target-dir "$target" "$@" >&2
echo "$target/$host/release/points-gateway"
