#!/usr/bin/env bash
# Counts the instructions of a hit, a render, a signature and a decoded page. Installs what it needs where it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v valgrind >/dev/null; then
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends valgrind libc6-dbg >/dev/null
fi
# The runner must be of the very version that Cargo.lock names.
wanted=$(cargo metadata --locked --format-version 1 | grep -o '"name":"gungraun","version":"[^"]*"' | head -1 | cut -d'"' -f8)
if [ "$(gungraun-runner --version 2>/dev/null | grep -o '[0-9.]*$')" != "$wanted" ]; then
  cargo install --locked --quiet gungraun-runner --version "$wanted"
fi
# A tenth more than in the run before fails.
exec cargo bench --locked --bench instructions -- --callgrind-limits='ir=10%' "$@"
