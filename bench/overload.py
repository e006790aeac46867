#!/usr/bin/env python3
"""Ten times the calls that Kingdee allows us, for half a minute: what is refused and how soon, what those wait who are not,
what hits notice, and how long it takes until all is as before.

Starts a sandbox whose answers take 200 ms and a gateway with the lane as delivered. Cold members are asked for on time,
whatever becomes of those before them: for a while at half the lane's rate, then at ten times, then at half again. 100 hits a
second go on all the time. A burst may wait for its turn, up to `kingdee.call_timeout`; what lasts longer is a crowd, and whoever is
served then is served soon, which the second half of the time shows. Ends with 1 where a figure is missed.

  bench/overload.py [--seconds 30] [--queue 256] [--gateway target/release/points-gateway]
"""
import argparse, asyncio, collections, itertools, json, subprocess, sys, tempfile, time, urllib.request

PORT, ADMIN, KINGDEE, ORDERS = 18870, 18871, 18872, 18873
LANE = 450 / 60  # calls a second
HITS = [f"/members/{member}/points-history" for member in ("1002", "1003", "1004")]


class Callers:
    """As many connections as it takes; each answer with its moment."""

    def __init__(self):
        self.idle, self.seen, self.members = [], [], itertools.count(9_000_000)

    async def ask(self, kind, path):
        begun, retry_after = time.monotonic(), None
        try:
            while self.idle and self.idle[-1][0].at_eof():  # closed while it was idle
                self.idle.pop()[1].close()
            reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", PORT)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
            status = head[9:12].decode()
            if b"retry-after:" in head:
                retry_after = int(head.split(b"retry-after:")[1].split(b"\r\n")[0])
            if b"\r\nconnection: close" in head:
                writer.close()
            else:
                self.idle.append((reader, writer))
        except (OSError, asyncio.IncompleteReadError, IndexError, ValueError) as error:
            status = type(error).__name__
        self.seen.append((kind, begun, time.monotonic() - begun, status, retry_after))

    async def at(self, rate, seconds, path, kind):
        """Sends on time, and comes back when all is answered."""
        begun, asked = time.monotonic(), []
        for n in range(int(rate * seconds)):
            await asyncio.sleep(max(0, begun + n / rate - time.monotonic()))
            asked.append(asyncio.create_task(self.ask(kind, path())))
        return asked

    def cold(self):
        return f"/members/{next(self.members)}/points-history"


def call(port, path, body=None):
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as answer:
        return answer.read().decode()


def resident_mib(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(dict(line.split(":", 1) for line in status)["VmRSS"].split()[0]) / 1024


def at(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] * 1000 if values else float("nan")


async def play(pid, seconds):
    callers, paths = Callers(), itertools.cycle(HITS)
    for path in HITS:
        await callers.ask("warm", path)
    hits = asyncio.create_task(callers.at(100, seconds + 60, lambda: next(paths), "hit"))
    await asyncio.gather(*await callers.at(LANE / 2, 20, callers.cold, "quiet"))
    await asyncio.sleep(8)  # the burst that is saved up in a quiet time is part of what comes
    memory, begun = [resident_mib(pid)], time.monotonic()
    crowd = asyncio.create_task(callers.at(LANE * 10, seconds, callers.cold, "crowd"))
    while not crowd.done():
        await asyncio.sleep(0.2)
        memory.append(resident_mib(pid))
    ended = time.monotonic()
    await asyncio.gather(*await callers.at(LANE / 2, 20, callers.cold, "after"))
    memory.append(resident_mib(pid))
    await asyncio.gather(*await crowd)
    await asyncio.gather(*await hits)
    return callers.seen, memory, begun, ended


def judge(seen, memory, begun, ended):
    of = lambda kind, *statuses: [s for s in seen if s[0] == kind and (not statuses or s[3] in statuses)]
    took = lambda some: [s[2] for s in some]
    during = lambda s: begun <= s[1] < ended
    quiet, crowd = at(took(of("quiet")), 0.99), of("crowd")
    served, refused = of("crowd", "200"), of("crowd", "503")
    late = [s for s in served if s[1] >= begun + (ended - begun) / 2]
    hits, before = [s[2] for s in of("hit") if during(s)], [s[2] for s in of("hit") if s[1] < begun]
    # Normal is an answer in the time that the quiet took.
    abnormal = [s[1] - ended for s in of("after") if s[3] != "200" or s[2] * 1000 > 2 * quiet]
    back = max(abnormal, default=0)
    kinds = collections.Counter(s[3] for s in crowd)
    odd = [s[3] for s in seen if s[3] not in ("200", "503") or (s[0] != "crowd" and s[0] != "after" and s[3] != "200")]
    silent = sum(1 for s in refused if not s[4])
    print(f"quiet: {len(of('quiet'))} misses, p99 {quiet:.0f} ms; hits p99 {at(before, 0.99):.1f} ms; resident {memory[0]:.1f} MiB")
    print(f"crowd: {len(crowd)} misses: {dict(kinds)}; refused p50 {at(took(refused), 0.5):.1f}, p99 {at(took(refused), 0.99):.1f} ms, "
          f"Retry-After {min((s[4] or 0 for s in refused), default=0)} to {max((s[4] or 0 for s in refused), default=0)} s")
    print(f"       served p50 {at(took(served), 0.5):.0f}, p99 {at(took(served), 0.99):.0f} ms; in the second half {at(took(late), 0.5):.0f}, "
          f"{at(took(late), 0.99):.0f} ms; hits p99 {at(hits, 0.99):.1f} ms; resident at most {max(memory):.1f} MiB")
    print(f"after: {dict(collections.Counter(s[3] for s in of('after')))}, as before after {back:.1f} s; resident {memory[-1]:.1f} MiB")
    missed = {
        "a refusal within 10 ms": at(took(refused), 0.99) > 10, "each with Retry-After": silent > 0,
        "served within twice the quiet time, once it is no burst": at(took(late), 0.99) > 2 * quiet,
        "hits within twice the quiet time": at(hits, 0.99) > 2 * max(at(before, 0.99), 5),
        "memory bounded": max(memory) > memory[0] + 40, "as before within 2 s": back > 2, "nothing odd": bool(odd),
    }
    for promise, is_missed in missed.items():
        print(f"{'MISSED' if is_missed else 'kept  '} {promise}" + (f" {collections.Counter(odd)}" if promise == "nothing odd" and odd else ""))
    return 1 if any(missed.values()) else 0


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--seconds", type=float, default=30)
    a.add_argument("--queue", type=int, default=256)
    a.add_argument("--gateway", default="target/release/points-gateway")
    a = a.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sandbox = subprocess.Popen([a.gateway, "sandbox", "--port", str(KINGDEE), "--admin-port", str(ORDERS)], stdout=subprocess.PIPE, text=True)
        told = "".join(itertools.takewhile(lambda line: line != "[accounts.outlet]\n", sandbox.stdout))
        extra = (f'[http]\nlisten = "127.0.0.1:{PORT}"\nadmin_listen = "127.0.0.1:{ADMIN}"\n[kingdee.lane]\nqueue = {a.queue}\n'
                 '[cache]\nfresh = "1h"\n[log]\nlevel = "error"\n')
        with open(f"{folder}/gateway.toml", "w") as file:
            file.write(told[told.index("default_account"):] + extra)
        gateway = subprocess.Popen([a.gateway, "serve", "--config", f"{folder}/gateway.toml"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(1)
            call(ORDERS, "/sandbox/faults", {"latency": {"fixed_ms": 200}})
            return judge(*asyncio.run(play(gateway.pid, a.seconds)))
        finally:
            for process in (gateway, sandbox):
                process.terminate()
                process.wait(40)


if __name__ == "__main__":
    sys.exit(main())
