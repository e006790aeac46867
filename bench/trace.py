#!/usr/bin/env python3
"""Replays a day-shaped trace against the gateway and against nginx, and counts what each asks upstream.

Members open their history on a phone (10 rows), in a browser (20), at a till (50); some scroll, some filter by type,
some come back. Arrivals rise and fall twice, as at lunch and in the evening. Time runs ten times faster than life: a
freshness of 3 s stands for 30 s, and half a second between two pages for five. The trace is the same for every target
(fixed seed); each target starts with an empty cache.

  bench/trace.py [--upstream PATH_OF_STUB] [--seconds 120] [--sessions 4000] [--members 1500]
"""
import argparse, asyncio, json, math, os, random, subprocess, sys, tempfile, time, urllib.request

FRESH = 3
NGINX = """{user} daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log error;
events {{ worker_connections 4096; }}
http {{ access_log off; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
  uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  proxy_cache_path {dir}/cache levels=1:2 keys_zone=pages:64m max_size=1g inactive=600s use_temp_path=off;
  upstream api {{ server 127.0.0.1:{up}; keepalive 64; }}
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://api; proxy_http_version 1.1;
    proxy_set_header Connection ""; proxy_cache pages; proxy_cache_key $uri$is_args$args; proxy_cache_lock on;
    proxy_ignore_headers Cache-Control Expires; proxy_cache_valid 200 {fresh}s; proxy_cache_use_stale updating;
    proxy_cache_background_update on; }} }} }}
"""


def trace(sessions, members, seconds, seed=20261125):
    """[(due, path)], sorted by due time."""
    rng = random.Random(seed)
    asks = []
    for _ in range(sessions):
        while True:  # two humps over the day
            at = rng.random()
            if rng.random() < 0.15 + 0.85 * max(math.exp(-((at - 0.35) / 0.09) ** 2), math.exp(-((at - 0.75) / 0.12) ** 2)):
                break
        due = at * seconds
        member = 1423424366465100000 + int(members * rng.random() ** 2.2)
        size = rng.choice([10, 10, 10, 20, 20, 50])
        for visit in range(1 + (rng.random() < 0.3)):
            kind = f"&type=00{rng.randint(1, 4)}" if rng.random() < 0.2 else ""
            for page in range(1, 1 + min(100 // size, 1 + int(rng.expovariate(0.6)))):
                asks.append((due, f"/members/{member}/points-history?page={page}&page_size={size}{kind}"))
                due += rng.uniform(0.2, 0.9)
            due += rng.uniform(1, 15)
            if rng.random() < 0.3:
                size = rng.choice([10, 20, 50])
    return sorted((due, path) for due, path in asks if due < seconds + 10)


async def replay(asks, port):
    queue, bad, begun = asyncio.Queue(), 0, time.monotonic()

    async def worker():
        nonlocal bad
        reader = writer = None
        while (path := await queue.get()) is not None:
            for attempt in (1, 2):  # a kept connection may have been closed while it was idle
                try:
                    if writer is None:
                        reader, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.write(f"GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n".encode())
                    head = await reader.readuntil(b"\r\n\r\n")
                    break
                except (asyncio.IncompleteReadError, ConnectionError):
                    writer = None
                    if attempt == 2:
                        raise
            bad += not head.startswith(b"HTTP/1.1 200")
            fields = {k.strip().lower(): v for k, _, v in (l.partition(b":") for l in head.split(b"\r\n"))}
            await reader.readexactly(int(fields[b"content-length"]))
            if fields.get(b"connection", b"").strip() == b"close":
                writer.close()
                writer = None
        if writer is not None:
            writer.close()

    workers = [asyncio.create_task(worker()) for _ in range(64)]
    for due, path in asks:
        wait = due - (time.monotonic() - begun)
        if wait > 0:
            await asyncio.sleep(wait)
        queue.put_nowait(path)
    for _ in workers:
        queue.put_nowait(None)
    await asyncio.gather(*workers)
    return bad


def ask(port, path):
    return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://127.0.0.1:{port}{path}").read()


def wait_for(port, process):
    for _ in range(200):
        try:
            return ask(port, "/__ready")
        except urllib.error.HTTPError:
            return
        except OSError:
            if process.poll() is not None:
                sys.exit("the server under test has ended")
            time.sleep(0.05)
    sys.exit("the server under test does not answer")


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--upstream", default="target/peers/tuned/upstream", help="the comparison's stub upstream (a program)")
    a.add_argument("--gateway", default="target/release/points-gateway")
    a.add_argument("--seconds", type=int, default=120)
    a.add_argument("--sessions", type=int, default=4000)
    a.add_argument("--members", type=int, default=1500)
    a = a.parse_args()
    asks = trace(a.sessions, a.members, a.seconds)
    up, port = 28600, 28601
    stub = subprocess.Popen([a.upstream, "--port", str(up), "--latency-ms", "20", "--max-age", str(FRESH)])
    try:
        results = {}
        for name in ["nginx", "gateway"]:
            with tempfile.TemporaryDirectory() as folder:
                if name == "nginx":
                    open(f"{folder}/nginx.conf", "w").write(NGINX.format(user="user root;" if os.getuid() == 0 else "", dir=folder, up=up, port=port, fresh=FRESH))
                    command, more = ["nginx", "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"], {}
                else:
                    command = [a.gateway, "serve", "--config", "bench/gateway.toml"]
                    more = {
                        "KINGDEE__BASE_URL": f"http://127.0.0.1:{up}", "HTTP__LISTEN": f"127.0.0.1:{port}",
                        "CACHE__FRESH": f"{FRESH}s", "CACHE__FRESH_EMPTY": f"{FRESH}s", "CACHE__FRESH_SETTLED": f"{FRESH}s",
                        "CACHE__JITTER_PERCENT": "0",
                    }
                environment = os.environ | {f"POINTS_GATEWAY__{k}": v for k, v in more.items()}
                server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                try:
                    wait_for(port, server)
                    ask(up, "/__reset")
                    bad = asyncio.run(replay(asks, port))
                    results[name] = json.loads(ask(up, "/__stats"))["pages"]
                    print(f"{name:8} {len(asks)} requests, {bad} not 200, {results[name]} upstream calls", flush=True)
                finally:
                    server.terminate()
                    server.wait(20)
        print(f"gateway / nginx: {results['gateway'] / results['nginx']:.3f}")
    finally:
        stub.terminate()


if __name__ == "__main__":
    main()
