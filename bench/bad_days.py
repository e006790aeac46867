#!/usr/bin/env python3
"""Half an hour of bad days: 300 requests a second over the sandbox's members, rows fresh for two seconds, and every ten
seconds another fault. Counts what callers saw, and watches the gateway's memory, threads and sockets.

A member's rows are known after the first minute, which is a good one; from then on every answer must be a 200.
Ends with 1 if one was not, if memory of the last two thirds grows faster than 1 MiB in ten minutes, or if sockets do.

  bench/bad_days.py [--minutes 30] [--gateway target/release/points-gateway]
"""
import argparse, asyncio, collections, itertools, json, os, random, subprocess, sys, tempfile, time, urllib.request

PORT, ADMIN, KINGDEE, ORDERS = 18860, 18861, 18862, 18863
FAULTS = [
    {"fault": "hang"}, {"fault": "reset"}, {"fault": "truncated"}, {"fault": "html"}, {"fault": "empty"},
    {"fault": {"code": 5007}, "percent": 30, "seed": 1}, {"fault": {"status": 503}}, {"fault": "foreign_rows"},
    {"fault": {"gzip_bomb": 64}}, {"fault": "endless"}, {"fault": "count_off"}, {"fault": {"throttled": {"retry_after": 3}}},
    {"latency": {"pareto": {"least_ms": 5, "shape": 1.2, "most_ms": 4000}}}, {"every": {"job": "rotate_app_secret", "seconds": 60}},
    {"every": {"job": "expire_tokens", "seconds": 60}}, {"move_domain": "no_route"}, {"idle_timeout_seconds": 5},
    {"fault": {"code": 1000202001}, "times": 1}, {"endpoint": "token", "fault": "html", "times": 2}, {"fault": "reset_mid_body"},
]


def order(body, method="POST"):
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"http://127.0.0.1:{ORDERS}/sandbox/faults", data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as answer:
            return answer.read()
    except urllib.error.HTTPError as refusal:
        sys.exit(f"the sandbox refuses {body}: {refusal.read().decode()[:600]}")


def facts(pid):
    with open(f"/proc/{pid}/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    return int(fields["VmRSS"].split()[0]) / 1024, int(fields["Threads"]), len(os.listdir(f"/proc/{pid}/fd"))


async def caller(number, paths, rate, until, seen):
    reader = writer = None
    rng = random.Random(number)
    while time.monotonic() < until:
        await asyncio.sleep(rng.expovariate(rate))
        path = rng.choice(paths)
        try:
            if writer is None or reader.at_eof():
                reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
            stale = b"fwd=stale" in head
            seen[head[9:12].decode() + (" stale" if stale else "")] += 1
            if b"\r\nconnection: close" in head:
                writer = None
        except (OSError, asyncio.IncompleteReadError, IndexError, ValueError) as error:
            seen[type(error).__name__] += 1
            writer = None


async def play(pid, minutes):
    paths = [f"/members/{m}/points-history?page_size={s}" for m in ("1002", "1003", "1004", "1005") for s in (10, 20, 50)]
    seen, samples, begun = collections.Counter(), [], time.monotonic()
    until = begun + minutes * 60
    callers = [asyncio.create_task(caller(n, paths, 10, until, seen)) for n in range(30)]
    faults = itertools.cycle(FAULTS)
    await asyncio.sleep(min(60, minutes * 20))
    while time.monotonic() < until - 10:
        fault = next(faults)
        await asyncio.to_thread(order, fault)
        await asyncio.sleep(7)
        await asyncio.to_thread(order, None, "DELETE")
        await asyncio.sleep(3)
        samples.append((time.monotonic() - begun, *facts(pid)))
        if len(samples) % 12 == 0:
            print(f"{samples[-1][0] / 60:5.1f} min: {samples[-1][1]:.1f} MiB, {samples[-1][2]} threads, {samples[-1][3]} descriptors; {dict(seen)}", flush=True)
    await asyncio.gather(*callers)
    return seen, samples


def slope(samples, column):
    late = [s for s in samples if s[0] > samples[-1][0] / 3]
    mean_x, mean_y = sum(s[0] for s in late) / len(late), sum(s[column] for s in late) / len(late)
    spread = sum((s[0] - mean_x) ** 2 for s in late)
    return sum((s[0] - mean_x) * (s[column] - mean_y) for s in late) / spread * 600 if spread else 0


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--minutes", type=float, default=30)
    a.add_argument("--gateway", default="target/release/points-gateway")
    a = a.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sandbox = subprocess.Popen([a.gateway, "sandbox", "--port", str(KINGDEE), "--admin-port", str(ORDERS)], stdout=subprocess.PIPE, text=True)
        told = []
        for line in sandbox.stdout:
            told.append(line)
            if line.startswith("[accounts.outlet]"):
                break
        text = "".join(told)
        config = text[text.index("default_account"):text.index("[accounts.outlet]")]
        extra = f'[http]\nlisten = "127.0.0.1:{PORT}"\nadmin_listen = "127.0.0.1:{ADMIN}"\n[cache]\nfresh = "2s"\nstale_while_revalidate = "1m"\n'
        with open(f"{folder}/gateway.toml", "w") as file:
            file.write(config + extra)
        gateway = subprocess.Popen([a.gateway, "serve", "--config", f"{folder}/gateway.toml"], stderr=subprocess.DEVNULL)
        try:
            time.sleep(1)
            seen, samples = asyncio.run(play(gateway.pid, a.minutes))
        finally:
            for process in (gateway, sandbox):
                process.terminate()
                process.wait(40)
    bad = {key: count for key, count in seen.items() if not key.startswith("200")}
    memory, sockets = slope(samples, 1), slope(samples, 3)
    print(f"{sum(seen.values())} answers: {dict(seen)}")
    print(f"memory {memory:+.2f} MiB and descriptors {sockets:+.1f} in ten minutes, over the last two thirds")
    return 1 if bad or memory > 1 or sockets > 5 else 0


if __name__ == "__main__":
    sys.exit(main())
