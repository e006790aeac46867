#!/usr/bin/env python3
"""What seeing costs: hits per CPU-second with the access log on, off, and with traces on that sample nothing.

The three run in turns, pinned to one core, asked by wrk from another; processor time is the gateway's own. Metrics can't be
switched off, so they are part of all three.

  bench/seeing.py [--tools FOLDER] [--rounds 7] [--seconds 3]
"""
import argparse, os, re, statistics, subprocess, sys, time, urllib.request

PATH = "/members/{}/points-history?page=1&page_size=20"
KINDS = {"access log on": {}, "access log off": {"LOG__ACCESS": "false"}, "traces on, none sampled": {"TRACE__ENDPOINT": "http://127.0.0.1:9/v1/traces", "TRACE__SAMPLE_PERCENT": "0"}}
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--tools", default="target/peers/tuned", help="folder of the comparison's stub upstream")
    a.add_argument("--rounds", type=int, default=7)
    a.add_argument("--seconds", type=int, default=3)
    a = a.parse_args()
    upstream, ports = 28710, {kind: 28711 + 2 * n for n, kind in enumerate(KINDS)}
    running = [subprocess.Popen(["taskset", "-c", "1", f"{a.tools}/upstream", "--port", str(upstream), "--latency-ms", "0", "--max-age", "3600"], stdout=subprocess.DEVNULL)]
    gateways, seen = {}, {kind: [] for kind in KINDS}
    try:
        for kind, more in KINDS.items():
            settings = more | {"KINGDEE__BASE_URL": f"http://127.0.0.1:{upstream}", "HTTP__LISTEN": f"127.0.0.1:{ports[kind]}", "HTTP__ADMIN_LISTEN": f"127.0.0.1:{ports[kind] + 1}", "HTTP__THREADS": "1"}
            environment = os.environ | {f"POINTS_GATEWAY__{key}": value for key, value in settings.items()}
            command = ["taskset", "-c", "0", "target/release/points-gateway", "serve", "--config", "bench/gateway.toml"]
            gateways[kind] = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
            running.append(gateways[kind])
        time.sleep(1)
        for kind in KINDS:
            HTTP.open(f"http://127.0.0.1:{ports[kind]}{PATH.format(1001)}", timeout=5).read()
        for _ in range(a.rounds):
            for kind in KINDS:
                before = processor_seconds(gateways[kind].pid)
                url = f"http://127.0.0.1:{ports[kind]}{PATH.format(1001)}"
                told = subprocess.run(["taskset", "-c", "1", "wrk", "-t1", "-c64", f"-d{a.seconds}", url], capture_output=True, text=True, check=True).stdout
                answers = int(re.search(r"(\d+) requests in", told).group(1))
                seen[kind].append(answers / (processor_seconds(gateways[kind].pid) - before))
        base = statistics.median(seen["access log off"])
        for kind in KINDS:
            ratios = [one / other for one, other in zip(seen[kind], seen["access log off"])]
            print(f"{kind:24} {statistics.median(seen[kind]):9.0f} hits per CPU-second, {statistics.median(ratios):.3f} of those without a log (pairs from {min(ratios):.3f} to {max(ratios):.3f})")
        return 0 if statistics.median(seen["access log on"]) >= 0.9 * base else 1
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(40)


if __name__ == "__main__":
    sys.exit(main())
