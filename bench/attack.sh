#!/usr/bin/env bash
# Attacks a demo gateway of its own and tells what 200 well-behaved requests a second notice: slowloris with 2 000 sockets
# (our own and slowhttptest's), slow bodies and slow readers, heads of 1 MiB, 100 000 garbage requests. Loopback only;
# ends what it started. Attackers share the machine with the gateway, so the figures are an upper bound.
#
#   bench/attack.sh            GATEWAY_BIN=target/debug/points-gateway bench/attack.sh
set -euo pipefail
cd "$(dirname "$0")/.."
gateway=${GATEWAY_BIN:-target/release/points-gateway}
port=${PORT:-18880} admin=${ADMIN_PORT:-18881} seconds=${SECONDS_EACH:-20}

if ! command -v slowhttptest >/dev/null && command -v apt-get >/dev/null; then
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get update -qq || true
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slowhttptest >/dev/null || true
fi

"$gateway" demo --port "$port" --admin-port "$admin" >/dev/null 2>&1 &
demo=$!
trap 'kill "$demo" 2>/dev/null; wait "$demo" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
  sleep 0.1
done

rss() { awk '/VmRSS/ { print $2 }' "/proc/$demo/status"; }
field() { python3 -c 'import json, sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$1" "$2"; }
good() { python3 bench/callers.py steady "$port" --rate 200 --seconds "$1"; }

good 3 >/dev/null # warm
quiet=$(good "$seconds")
echo "quiet           $quiet  rss $(rss) kB"
quiet_p99=$(field "$quiet" p99_ms)
failed=0

# attack NAME COMMAND...: the command runs while good callers are measured.
attack() {
  local name=$1 told attacked
  shift
  told=$(mktemp)
  nice -n 5 "$@" >"$told" 2>&1 &
  local attacker=$!
  sleep 2
  attacked=$(good "$seconds")
  wait "$attacker" || true
  printf '%-15s %s  rss %s kB\n' "$name" "$attacked" "$(rss)"
  printf '%-15s p99 %s ms, %s x quiet\n' "" "$(field "$attacked" p99_ms)" \
    "$(python3 -c 'import sys; print(round(float(sys.argv[1]) / float(sys.argv[2]), 2))' "$(field "$attacked" p99_ms)" "$quiet_p99")"
  printf '%-15s attacker: %s\n' "" "$(grep -aE '^\{|service available|closed:|error:|Exit status' "$told" | tail -4 | sed 's,\x1b\[[0-9;]*m,,g' | tr -s ' \n' ' ')"
  rm -f "$told"
  failed=$((failed + $(field "$attacked" failures)))
  kill -0 "$demo" || { echo "the gateway has ended"; exit 1; }
}

attack slowloris python3 bench/callers.py slow "$port" --sockets 2000 --seconds "$seconds"
if command -v slowhttptest >/dev/null; then
  for mode in H B X; do
    verb=GET
    [ $mode = B ] && verb=POST
    attack "slowhttptest -$mode" slowhttptest -$mode -c 2000 -r 500 -i 2 -l "$seconds" -t $verb -p 5 \
      -u "http://127.0.0.1:$port/members/1006/points-history?page_size=100"
  done
fi
attack "1 MiB heads" python3 bench/callers.py large "$port" --count 2000
attack garbage python3 bench/callers.py garbage "$port" --count "${GARBAGE:-100000}"
sleep 6
open=$(exec 3<>"/dev/tcp/127.0.0.1/$admin"; printf 'GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&3; grep -a '^points_gateway_http_connections ' <&3)
echo "afterwards      $open (one is ours)  rss $(rss) kB  failures of good callers in all attacks: $failed"
[ "$failed" = 0 ]
