#!/usr/bin/env bash
# Runs the image that scripts/image.sh built, hardened, and says whether it keeps what it promises. As root.
#
# Hardened: an unprivileged user, a read-only root, no capabilities, no new privileges, 128 MiB, 64 processes.
# The network is this machine's (loopback); ports are free ones.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/image-store.sh

need podman podman runc conmon
need runc runc
podman=(podman --runtime runc --cgroup-manager cgroupfs "${storage[@]}")
hardened=(--network host --no-healthcheck --ulimit nofile=10000:10000 --ulimit nproc=10000:10000 --read-only
  --cap-drop all --security-opt no-new-privileges --memory 128m --pids-limit 64)
configured=(-e POINTS_GATEWAY__KINGDEE__CLIENT_ID=205022 -e POINTS_GATEWAY__KINGDEE__CLIENT_SECRET=a-secret-for-this-check)

most_bytes=60000000
most_start_ms=100
failures=0
containers=()
trap 'for c in "${containers[@]}"; do "${podman[@]}" rm --force --time 0 "$c" >/dev/null 2>&1 || true; done' EXIT

# verdict CONDITION TEXT: one line for each promise.
verdict() {
  if [ "$1" = true ]; then printf 'ok      %s\n' "$2"; else printf 'FAILED  %s\n' "$2"; failures=$((failures + 1)); fi
}
is() { [ "$1" "$2" "$3" ] && echo true || echo false; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
now_us() { local t=${EPOCHREALTIME/[.,]/}; echo "$t"; }
inspect() { "${podman[@]}" inspect --format "$2" "$1"; }

# says_200 PORT PATH: whether a GET is answered so.
says_200() {
  local line
  exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
  printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&3
  read -r line <&3
  [[ $line == "HTTP/1.1 200"* ]]
}

# until_ready ADMIN_PORT: returns when /readyz says 200 there; fails after ten seconds.
until_ready() {
  local end=$((SECONDS + 10))
  until (says_200 "$1" /readyz) 2>/dev/null; do [ $SECONDS -lt $end ] || return 1; done
}

# created NAME ARGUMENTS...: a container, not yet started; its name is $container.
created() {
  local name="points-gateway-check-$1-$$"
  shift
  "${podman[@]}" create --name "$name" "${hardened[@]}" "$@" >/dev/null
  containers+=("$name")
  container=$name
}

bytes=$("${podman[@]}" image inspect --format '{{.Size}}' "$image")
verdict "$(is "$bytes" -le $most_bytes)" "size: $bytes bytes"
user=$("${podman[@]}" image inspect --format '{{.Config.User}}' "$image")
verdict "$(is "$user" = 65532:65532)" "user: $user"
stop_signal=$("${podman[@]}" image inspect --format '{{.Config.StopSignal}}' "$image")
verdict "$(is "$stop_signal" = SIGTERM)" "stop signal: $stop_signal"
asks=$("${podman[@]}" image inspect --format '{{.HealthCheck.Test}}' "$image" 2>/dev/null ||
  "${podman[@]}" image inspect --format '{{.Healthcheck.Test}}' "$image")
verdict "$(is "$asks" = '[CMD /points-gateway health]')" "health check: $asks"

code=0
"${podman[@]}" run --rm "${hardened[@]}" "${configured[@]}" "$image" check >/dev/null || code=$?
verdict "$(is "$code" = 0)" "check of a good configuration: exit $code"
code=0
"${podman[@]}" run --rm "${hardened[@]}" "$image" check >/dev/null 2>&1 || code=$?
verdict "$(is "$code" = 78)" "check without a configuration: exit $code"

# serving NAME OPTIONS...: a container that will serve, prepared; its ports are $public and $admin.
serving() {
  public=$(free_port) admin=$(free_port)
  created "$@" "${configured[@]}" -e "POINTS_GATEWAY__HTTP__LISTEN=127.0.0.1:$public" \
    -e "POINTS_GATEWAY__HTTP__ADMIN_LISTEN=127.0.0.1:$admin" -e POINTS_GATEWAY__HTTP__DRAIN__GRACE=1s "$image"
}

# How long a start takes: the container is ready and waits; timed is what runc does at last, and the program.
best=
for round in 1 2 3 4 5; do
  serving "start-$round"
  "${podman[@]}" init "$container" >/dev/null
  id=$(inspect "$container" '{{.Id}}')
  begun=$(now_us)
  runc start "$id"
  until_ready "$admin"
  took=$((($(now_us) - begun) / 1000))
  echo "        start $round: $took ms until /readyz says 200"
  if [ -z "$best" ] || [ "$took" -lt "$best" ]; then best=$took; fi
  # Started behind podman's back, so runc has to end it.
  runc kill "$id" KILL
  "${podman[@]}" rm --force --time 0 "$container" >/dev/null 2>&1 || true
done
verdict "$(is "$best" -le $most_start_ms)" "start: $best ms (best of 5)"

serving serve
"${podman[@]}" start "$container" >/dev/null
until_ready "$admin"
pid=$(inspect "$container" '{{.State.Pid}}')
status() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$pid/status"; }
verdict "$(is "$(status Uid | cut -f1)" = 65532)" "runs as uid $(status Uid | cut -f1)"
verdict "$(is "$(status CapEff)" = 0000000000000000)" "capabilities: $(status CapEff)"
verdict "$(is "$(status NoNewPrivs)" = 1)" "no new privileges: $(status NoNewPrivs)"
verdict "$(is "$(status NSpid | awk '{print $NF}')" = 1)" "is process $(status NSpid | awk '{print $NF}') in its container"
root=$(awk '$5 == "/" {print substr($6, 1, 2)}' "/proc/$pid/mountinfo" | tail -1)
verdict "$(is "$root" = ro)" "root: $root"
code=0
said=$("${podman[@]}" exec "$container" /points-gateway health 2>&1) || code=$?
verdict "$(is "$code" = 0)" "health: $said"
resident=$(status VmRSS)
echo "        resident: $resident"

begun=$(now_us)
"${podman[@]}" stop --time 30 "$container" >/dev/null
took=$((($(now_us) - begun) / 1000))
code=$(inspect "$container" '{{.State.ExitCode}}')
verdict "$(is "$code" = 0)" "SIGTERM: exit $code after $took ms (1 s of it grace)"
verdict "$(is "$took" -lt 10000)" "SIGTERM: within the ten seconds that engines wait"

# Whoever is called kingdee.example in the container's hosts file gets the first bytes of a TLS handshake (0x16).
kingdee=$(free_port)
serving names --add-host kingdee.example:127.0.0.1 -e "POINTS_GATEWAY__KINGDEE__BASE_URL=https://kingdee.example:$kingdee"
"${podman[@]}" start "$container" >/dev/null
until_ready "$admin"
greeted=$(python3 -c '
import socket, sys, threading, urllib.request
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    server.settimeout(10)
    url = f"http://127.0.0.1:{sys.argv[2]}/members/1003/points-history"
    open_ = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
    threading.Thread(target=lambda: open_(url), daemon=True).start()
    print(server.accept()[0].recv(1).hex())' "$kingdee" "$public" 2>/dev/null || true)
verdict "$(is "$greeted" = 16)" "resolves Kingdee's name and begins TLS: ${greeted:-no}"

public=$(free_port) admin=$(free_port)
created demo "$image" demo --port "$public" --admin-port "$admin"
"${podman[@]}" start "$container" >/dev/null
until_ready "$admin"
total=$(python3 -c '
import json, sys, urllib.request
open_ = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
print(json.load(open_(f"http://127.0.0.1:{sys.argv[1]}/members/1003/points-history?page_size=3"))["total"])' "$public")
verdict "$(is "$total" = 57)" "demo: member 1003 has $total records"

[ $failures = 0 ] || { echo "$failures of the promises are not kept"; exit 1; }
