#!/usr/bin/env python3
"""Callers for bench/attack.sh and bench/drain.sh, well-behaved and not. Loopback only; standard library only.

  callers.py steady  PORT --rate 200 --seconds 10 [--connections 32] [--churn 10]   one JSON line: requests, failures, p50, p99
  callers.py slow    PORT --sockets 2000 --seconds 20          half a head, then one more header line every two seconds
  callers.py garbage PORT --count 100000                       requests that are none, 20 at a time
  callers.py large   PORT --count 200                          heads of 1 MiB

A well-behaved caller keeps its connections, and opens a new one after an answer that says `Connection: close`, as
RFC 9112 §9.6 has it, or when a kept one has been closed meanwhile. It never repeats a request: whatever is not a 200
is a failure. `--churn` percent of the requests
come on a connection of their own.
"""
import argparse, asyncio, collections, json, random, time

HOST = "127.0.0.1"
MEMBERS = ["1002", "1003", "1004", "1005", "1006"]


class Caller:
    """One connection at a time."""

    def __init__(self, port):
        self.port, self.reader, self.writer = port, None, None

    async def ask(self, path, close=False):
        if self.reader is not None and self.reader.at_eof():
            self.hang_up()  # closed while it was idle
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(HOST, self.port)
        more = "Connection: close\r\n" if close else ""
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\n{more}\r\n".encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        await self.reader.readexactly(length)
        if b"\r\nconnection: close" in head:
            self.hang_up()
        return head[9:12].decode()

    def hang_up(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


async def steady(port, rate, seconds, connections, churn):
    times, failures = [], collections.Counter()
    begun = time.perf_counter()
    due = iter(range(int(rate * seconds)))
    rng = random.Random(1)

    async def caller():
        mine = Caller(port)
        for n in due:
            at = begun + n / rate
            wait = at - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            alone = rng.randrange(100) < churn
            one = Caller(port) if alone else mine
            path = f"/members/{MEMBERS[n % len(MEMBERS)]}/points-history?page_size=10"
            sent = time.perf_counter()
            try:
                status = await asyncio.wait_for(one.ask(path, alone), 10)
                if status != "200":
                    failures[status] += 1
            except Exception as error:
                failures[type(error).__name__] += 1
                one.hang_up()
            times.append(time.perf_counter() - sent)
        mine.hang_up()

    await asyncio.gather(*(caller() for _ in range(connections)))
    times.sort()
    at = lambda share: round(times[min(len(times) - 1, int(len(times) * share))] * 1000, 2)
    took = time.perf_counter() - begun
    print(json.dumps({
        "requests": len(times), "per_second": round(len(times) / took), "failures": sum(failures.values()),
        "kinds": failures, "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1),
    }))


async def slow(port, sockets, seconds):
    end = time.monotonic() + seconds
    cut = []

    async def hold(after):
        await asyncio.sleep(after)
        while time.monotonic() < end:
            writer = None
            try:
                reader, writer = await asyncio.open_connection(HOST, port)
                born = time.monotonic()
                writer.write(b"GET / HTTP/1.1\r\nHost: bench\r\n")
                gone = asyncio.ensure_future(reader.read(1))
                while time.monotonic() < end and not gone.done():
                    writer.write(b"X-a: b\r\n")
                    await asyncio.wait([gone], timeout=2)
                if gone.done():
                    cut.append(time.monotonic() - born)
                gone.cancel()
            except OSError:
                await asyncio.sleep(0.1)
            finally:
                if writer is not None:
                    writer.close()

    await asyncio.gather(*(hold(i / 500) for i in range(sockets)))
    print(json.dumps({"sockets": sockets, "cut_off": len(cut), "longest_s": round(max(cut, default=0), 1)}))


async def garbage(port, count):
    rng = random.Random(7)
    words = [b"GET ", b"POST ", b"/", b"*", b" HTTP/1.1", b"\r\n", b"\n", b"host: x", b"content-length: 5", b"\0", b"%00",
             b"transfer-encoding: chunked", b": ", b"\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"/members/1003/points-history"]
    todo, statuses = iter(range(count)), collections.Counter()

    async def one():
        for _ in todo:
            bytes_ = rng.randbytes(rng.randrange(200)) if rng.random() < 0.5 else b"".join(rng.choices(words, k=rng.randrange(12)))
            try:
                reader, writer = await asyncio.open_connection(HOST, port)
                writer.write(bytes_)
                writer.write_eof()
                answer = await asyncio.wait_for(reader.read(), 10)
                statuses[answer[9:12].decode("latin-1") if answer.startswith(b"HTTP/1") else "closed"] += 1
            except asyncio.TimeoutError:
                statuses["still open after 10 s"] += 1
            except OSError:
                statuses["reset"] += 1
            finally:
                writer.close()

    await asyncio.gather(*(one() for _ in range(20)))
    print(json.dumps({"requests": count, "answers": statuses}))


async def large(port, count):
    statuses = collections.Counter()
    for _ in range(count):
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            writer.write(b"GET / HTTP/1.1\r\nHost: bench\r\nX-a: " + b"a" * (1 << 20) + b"\r\n\r\n")
            answer = await asyncio.wait_for(reader.read(12), 10)
            statuses[answer[9:12].decode() or "closed"] += 1
        except OSError:
            statuses["reset"] += 1
        finally:
            writer.close()
    print(json.dumps({"heads": count, "answers": statuses}))


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("kind", choices=["steady", "slow", "garbage", "large"])
    a.add_argument("port", type=int)
    for name, default in [("rate", 200), ("seconds", 10), ("connections", 32), ("churn", 0), ("sockets", 2000), ("count", 1000)]:
        a.add_argument(f"--{name}", type=int, default=default)
    a = a.parse_args()
    asyncio.run({
        "steady": lambda: steady(a.port, a.rate, a.seconds, a.connections, a.churn),
        "slow": lambda: slow(a.port, a.sockets, a.seconds),
        "garbage": lambda: garbage(a.port, a.count),
        "large": lambda: large(a.port, a.count),
    }[a.kind]())


if __name__ == "__main__":
    main()
