#!/usr/bin/env python3
"""Asks for 2 million members, 10 million requests in all, through a cache of 256 MiB, and watches resident memory.

Every request of a pass names another member, so nearly all miss: the hardest case for a cache that must stay within
its bounds. Prints one line a pass; ends with 1 if memory grows after the first pass or goes beyond the limit.

  bench/soak.py [--tools FOLDER] [--members 2000000] [--passes 5] [--limit-mib 400]
"""
import argparse, os, subprocess, sys, time

PATH = "/members/{id}/points-history?page=1&page_size=20"


def resident_mib(pid):
    with open(f"/proc/{pid}/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    return int(fields["VmRSS"].split()[0]) / 1024, int(fields["VmHWM"].split()[0]) / 1024


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--tools", default="target/peers/tuned", help="folder of the comparison's stub upstream and load generator")
    a.add_argument("--members", type=int, default=2_000_000)
    a.add_argument("--passes", type=int, default=5)
    a.add_argument("--limit-mib", type=float, default=400)
    a = a.parse_args()
    upstream, port = 28700, 28701
    stub = subprocess.Popen([f"{a.tools}/upstream", "--port", str(upstream), "--latency-ms", "0", "--max-age", "3600"])
    more = {"KINGDEE__BASE_URL": f"http://127.0.0.1:{upstream}", "HTTP__LISTEN": f"127.0.0.1:{port}", "CACHE__CAPACITY": "256MiB"}
    environment = os.environ | {f"POINTS_GATEWAY__{key}": value for key, value in more.items()}
    command = ["target/release/points-gateway", "serve", "--config", "bench/gateway.toml"]
    gateway = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        time.sleep(1)
        ends, begun = [], time.monotonic()
        for number in range(1, a.passes + 1):
            load = [f"{a.tools}/lg", "fill", "--addr", f"127.0.0.1:{port}", "--path", PATH, "--count", str(a.members),
                    "--conns", "64", "--limit", "3600"]
            told = subprocess.run(load, capture_output=True, text=True, check=True).stdout.strip()
            now, most = resident_mib(gateway.pid)
            ends.append(now)
            print(f"pass {number}: {told}; resident {now:.0f} MiB, most so far {most:.0f} MiB, {time.monotonic() - begun:.0f} s", flush=True)
        grown = ends[-1] - ends[0]
        print(f"grown by {grown:.1f} MiB after the first pass; most {most:.0f} of {a.limit_mib:.0f} MiB")
        return 1 if most > a.limit_mib or grown > 0.05 * ends[0] else 0
    finally:
        gateway.terminate()
        gateway.wait(30)
        stub.terminate()


if __name__ == "__main__":
    sys.exit(main())
