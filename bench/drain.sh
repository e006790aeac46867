#!/usr/bin/env bash
# Ten restarts under 2 000 requests a second: each gateway gets SIGTERM, its successor starts on the same port while it
# drains (SO_REUSEPORT), and every request must be answered with 200. Each has a sandbox of its own, since Kingdee gives
# few tokens a minute, and an empty cache. One request in twenty comes on a connection of its
# own, so that also who stands at the door is counted. Loopback only; ends what it started.
#
#   bench/drain.sh             GATEWAY_BIN=target/debug/points-gateway RATE=1000 bench/drain.sh
set -euo pipefail
cd "$(dirname "$0")/.."
gateway=${GATEWAY_BIN:-target/release/points-gateway}
port=${PORT:-18890} sandbox_port=${SANDBOX_PORT:-18892} rate=${RATE:-2000} rounds=${ROUNDS:-10}

folder=$(mktemp -d)
started=()
trap 'for id in "${started[@]}"; do kill "$id" 2>/dev/null || true; done; rm -rf "$folder"' EXIT

# What is added to the configuration that a sandbox prints.
cat >"$folder/more_settings" <<TOML
[http]
listen = "127.0.0.1:$port"

[http.drain]
grace = "2s"

[cache]
fresh = "1h"
fresh_settled = "1h"

[log]
format = "json"
TOML

# start N: a sandbox, and a gateway in front of it whose admin listener is its own; waits until it serves.
start() {
  "$gateway" sandbox --port $((sandbox_port + 2 * $1)) --admin-port $((sandbox_port + 2 * $1 + 1)) >"$folder/sandbox.$1" &
  started+=($!)
  until grep -q '^\[accounts.outlet\]' "$folder/sandbox.$1" 2>/dev/null; do sleep 0.02; done
  sed -n '/^default_account/,$p' "$folder/sandbox.$1" | cat - "$folder/more_settings" >"$folder/gateway.toml"
  POINTS_GATEWAY__HTTP__ADMIN_LISTEN="127.0.0.1:0" POINTS_GATEWAY__LOG__ACCESS=false \
    "$gateway" serve --config "$folder/gateway.toml" 2>"$folder/log.$1" &
  current=$!
  started+=("$current")
  until grep -q '"message":"serving"' "$folder/log.$1"; do
    kill -0 "$current" || { cat "$folder/log.$1"; exit 1; }
    sleep 0.02
  done
}

start 0
python3 bench/callers.py steady "$port" --rate 50 --seconds 1 >/dev/null # warm
python3 bench/callers.py steady "$port" --rate "$rate" --seconds $((rounds * 6 + 3)) --connections 64 --churn 5 >"$folder/told" &
callers=$!
started+=("$callers")
sleep 1
for round in $(seq "$rounds"); do
  old=$current
  kill -TERM "$old"
  start "$round"
  code=0
  wait "$old" || code=$?
  cut=$(grep -c 'were cut' "$folder/log.$((round - 1))" || true)
  echo "round $round: the old one ended with $code, $cut threads with connections cut"
  [ "$code" = 0 ]
  sleep 1
done
wait "$callers"
cat "$folder/told"
python3 -c 'import json, sys; sys.exit(json.load(open(sys.argv[1]))["failures"] != 0)' "$folder/told"
