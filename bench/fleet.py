#!/usr/bin/env python3
"""Several gateways, one Redis, one sandbox that counts: the quota of all together, and Redis's bad days.

quota   1, then 4, then 2 replicas are asked for members that nobody knows, a minute each, with 450 calls a minute set;
        the sandbox's busiest minute must not be above that.
faults  1 000 requests a second over 3 replicas while Redis is killed, paused, emptied and poisoned in turn: no request
        may fail, and the p99 of each bad spell is told beside that of a quiet one.

  bench/fleet.py [--phases quota faults] [--gateway target/release/points-gateway] [--rate 1000]
"""
import argparse, asyncio, json, os, random, signal, subprocess, sys, tempfile, time, urllib.request

FIRST, KINGDEE, ORDERS, REDIS = 18920, 18910, 18911, 18912
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def fetch(url):
    with HTTP.open(url, timeout=5) as answer:
        return answer.read()


def metric(admin, name):
    lines = fetch(f"http://127.0.0.1:{admin}/metrics").decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name) and line[len(name)] in " {")


class Fleet:
    def __init__(self, gateway, folder, more=""):
        self.gateway, self.folder, self.more = gateway, folder, more
        self.sandbox = subprocess.Popen([gateway, "sandbox", "--port", str(KINGDEE), "--admin-port", str(ORDERS)], stdout=subprocess.PIPE, text=True)
        told = []
        for line in self.sandbox.stdout:
            told.append(line)
            if line.startswith("[accounts.outlet]"):
                break
        text = "".join(told)
        self.config = text[text.index("default_account"):text.index("[accounts.outlet]")]
        self.redis, self.replicas = self.start_redis(), {}

    def start_redis(self):
        return subprocess.Popen(["redis-server", "--bind", "127.0.0.1", "--port", str(REDIS), "--save", "", "--appendonly", "no"], cwd=self.folder, stdout=subprocess.DEVNULL)

    def add(self, number):
        port = FIRST + 2 * number
        path = f"{self.folder}/{number}.toml"
        with open(path, "w") as file:
            file.write(self.config + f'[http]\nlisten = "127.0.0.1:{port}"\nadmin_listen = "127.0.0.1:{port + 1}"\n[http.drain]\ngrace = "0s"\nidle = "0s"\n' + self.more)
        environment = os.environ | {"POINTS_GATEWAY__SHARED__URL": f"redis://127.0.0.1:{REDIS}/0", "POINTS_GATEWAY__SHARED__REPLICAS": "4"}
        self.replicas[number] = subprocess.Popen([self.gateway, "serve", "--config", path], env=environment, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                fetch(f"http://127.0.0.1:{port + 1}/readyz")
                return
            except OSError:
                time.sleep(0.05)
        sys.exit(f"replica {number} does not come up")

    def remove(self, number):
        replica = self.replicas.pop(number)
        replica.terminate()
        replica.wait(40)

    def end(self):
        for number in list(self.replicas):
            self.remove(number)
        for process in (self.redis, self.sandbox):
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.wait(40)


async def caller(number, fleet, path, rate, until, seen):
    ways, rng = {}, random.Random(number)
    while (now := time.monotonic()) < until[0]:
        await asyncio.sleep(rng.expovariate(rate))
        replica = rng.choice(list(fleet.replicas))
        begun = time.monotonic()
        try:
            if replica not in ways or ways[replica][0].at_eof():
                ways[replica] = await asyncio.open_connection("127.0.0.1", FIRST + 2 * replica)
            reader, writer = ways[replica]
            writer.write(f"GET {path(rng)} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
            seen.append((begun, time.monotonic() - begun, head[9:12].decode()))
            if b"\r\nconnection: close" in head:
                ways.pop(replica)
        except (OSError, asyncio.IncompleteReadError, IndexError, ValueError) as error:
            ways.pop(replica, None)
            seen.append((begun, time.monotonic() - begun, type(error).__name__))


def told(seen, since, until):
    spell = sorted(taken for begun, taken, _ in seen if since <= begun < until)
    failed = [status for begun, _, status in seen if since <= begun < until and status != "200"]
    at = lambda share: spell[min(len(spell) - 1, int(len(spell) * share))] * 1000 if spell else 0
    return len(spell), len(failed), at(0.5), at(0.99), set(failed)


async def quota(fleet, minutes):
    seen, until = [], [time.monotonic() + 3 * minutes * 60]
    stranger = lambda rng: f"/members/{rng.randrange(10**12)}/points-history"
    fleet.add(0)
    callers = [asyncio.create_task(caller(n, fleet, stranger, 4, until, seen)) for n in range(32)]
    for replicas in (1, 4, 2):
        for number in range(4):
            if number < replicas and number not in fleet.replicas:
                await asyncio.to_thread(fleet.add, number)
            if number >= replicas and number in fleet.replicas:
                await asyncio.to_thread(fleet.remove, number)
        await asyncio.sleep(minutes * 60)
        busiest = json.loads(fetch(f"http://127.0.0.1:{ORDERS}/sandbox/state"))["busiest_minute"]
        print(f"{replicas} replicas: busiest minute so far {busiest}", flush=True)
    await asyncio.gather(*callers)
    return busiest["record"] <= 450


async def faults(fleet, rate):
    seen, until = [], [time.monotonic() + 3600]
    paths = [f"/members/{m}/points-history?page_size={s}" for m in ("1001", "1002", "1003", "1004", "1005") for s in (10, 20, 50)]
    for number in range(3):
        fleet.add(number)
    callers = [asyncio.create_task(caller(n, fleet, lambda rng: rng.choice(paths), rate / 50, until, seen)) for n in range(50)]
    await asyncio.sleep(3)
    cli = lambda *words: subprocess.run(["redis-cli", "-p", str(REDIS), *words], capture_output=True, text=True)

    def kill():
        fleet.redis.kill()
        fleet.redis.wait()

    def restart():
        fleet.redis = fleet.start_redis()

    def poison():
        for key in cli("--scan", "--pattern", "pg:*").stdout.split():
            cli("set", key, "garbage")

    spells = [("quiet", lambda: None, lambda: None), ("killed", kill, restart), ("paused", lambda: fleet.redis.send_signal(signal.SIGSTOP), lambda: fleet.redis.send_signal(signal.SIGCONT)),
              ("emptied", lambda: cli("flushall"), lambda: None), ("poisoned", poison, lambda: cli("flushall")), ("quiet again", lambda: None, lambda: None)]
    good = True
    for name, begin, end in spells:
        since = time.monotonic()
        await asyncio.to_thread(begin)
        await asyncio.sleep(8)
        until_then = time.monotonic()
        await asyncio.to_thread(end)
        back = time.monotonic()
        admins = [FIRST + 2 * n + 1 for n in range(3)]
        while not all(metric(admin, "points_gateway_shared_up") == 1 for admin in admins) and time.monotonic() - back < 20:
            await asyncio.sleep(0.05)
        back = time.monotonic() - back
        count, failed, p50, p99, how = told(seen, since, until_then)
        print(f"{name:12} {count} answers, {failed} failed {how or ''}, p50 {p50:.1f} ms, p99 {p99:.1f} ms; back to shared after {back:.2f} s", flush=True)
        good &= failed == 0 and back < 5
        await asyncio.sleep(2)
    until[0] = 0
    await asyncio.gather(*callers)
    return good


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--phases", nargs="+", default=["quota", "faults"], choices=["quota", "faults"])
    a.add_argument("--gateway", default="target/release/points-gateway")
    a.add_argument("--rate", type=float, default=1000)
    a.add_argument("--minutes", type=float, default=1.5, help="how long each number of replicas is asked")
    a = a.parse_args()
    good = True
    for phase in a.phases:
        with tempfile.TemporaryDirectory() as folder:
            fleet = Fleet(a.gateway, folder, '[cache]\nfresh = "1s"\n' if phase == "faults" else "")
            try:
                good &= asyncio.run(quota(fleet, a.minutes) if phase == "quota" else faults(fleet, a.rate))
            finally:
                fleet.end()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
