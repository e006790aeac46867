#!/usr/bin/env bash
# Compares hits, herd, cold start and memory with nginx, Varnish, HAProxy and bare hyper on this machine, one core each in
# turn; the gateway is built as the image has it (scripts/build.sh). The yardstick itself lies outside this repository, since
# others are measured with it too: $PEERS names its folder.
#
#   bench/compare.sh                                     everything, some fifteen minutes on a quiet machine
#   PHASES="hits herd" ROUNDS=3 SECS=4 bench/compare.sh  a shorter run
set -euo pipefail
cd "$(dirname "$0")/.."
peers=${PEERS:-../shared/bench}
[ -x "$peers/run-peers.sh" ] || { echo "$peers/run-peers.sh is not here: name the folder of the comparison in PEERS" >&2; exit 1; }
GATEWAY_BIN=$(scripts/build.sh)
export GATEWAY_BIN GATEWAY_CMD=bench/serve.sh GATEWAY_URL=http://127.0.0.1:18680
export PHASES=${PHASES:-hits herd cold memory} TARGETS=${TARGETS:-nginx varnish haproxy barehyper_array}
export BENCH_TARGET_DIR=${BENCH_TARGET_DIR:-$PWD/target/peers} BENCH_OUT=${BENCH_OUT:-$PWD/target/bench}
exec "$peers/run-peers.sh"
