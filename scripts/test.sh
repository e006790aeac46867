#!/usr/bin/env bash
# Runs every check and every test. Installs what they need where it is missing (Debian's chromium, as root).
set -euo pipefail
cd "$(dirname "$0")/.."

need_browser() { ! command -v chromedriver >/dev/null || ! command -v chromium >/dev/null; }
if need_browser; then
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  if command -v apt-get >/dev/null; then
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium chromium-driver fonts-noto-cjk >/dev/null
  fi
  need_browser && { echo "install chromium and chromedriver: the browser tests need them" >&2; exit 1; }
fi

cargo fmt --check
cargo clippy --locked --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items --quiet
if cargo deny --version >/dev/null 2>&1; then
  cargo deny --log-level error check licenses bans sources
else
  echo "cargo-deny is not installed: licences, bans and sources were not checked (cargo install cargo-deny --locked)"
fi
if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --locked "$@"
else
  cargo test --locked "$@"
fi
