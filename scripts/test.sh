#!/usr/bin/env bash
# Runs every check and every test. Installs what they need where it is missing (Debian's chromium, redis-server, proxies; as root),
# and unpacks promtool into the target folder.
set -euo pipefail
cd "$(dirname "$0")/.."

# command:package of everything that tests start beside the gateway
needed="chromium:chromium chromedriver:chromium-driver redis-server:redis-server haproxy:haproxy nginx:nginx varnishd:varnish openssl:openssl"
missing() { for pair in $needed; do PATH=$PATH:/usr/sbin command -v "${pair%%:*}" >/dev/null || echo "${pair##*:}"; done; }
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
if [ -n "$(missing)" ]; then
  if command -v apt-get >/dev/null; then
    "${as_root[@]}" apt-get update -qq
    # RUNLEVEL: packages must not start their services here.
    # shellcheck disable=SC2046
    "${as_root[@]}" env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(missing) fonts-noto-cjk >/dev/null
  fi
  [ -z "$(missing)" ] || { echo "install these, the tests need them:" $(missing) >&2; exit 1; }
fi

# The program alone: the package brings a Prometheus that starts with the machine, on the port of our admin listener.
tools=$(realpath -m "${CARGO_TARGET_DIR:-target}/tools")
PATH=$PATH:$tools
if ! command -v promtool >/dev/null; then
  if command -v apt-get >/dev/null; then
    "${as_root[@]}" apt-get update -qq
    mkdir -p "$tools"
    (cd "$tools" && apt-get download -qq prometheus && dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x --strip-components=3 ./usr/bin/promtool && rm prometheus_*.deb)
  fi
  command -v promtool >/dev/null || { echo "install promtool (it comes with Prometheus): the tests need it" >&2; exit 1; }
fi

cargo fmt --check
cargo clippy --locked --all-targets -- -D warnings
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items --quiet
./scripts/manifests.sh
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
