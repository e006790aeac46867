#!/usr/bin/env python3
"""Makes the profile by which scripts/build.sh and the image optimise the program (profile-guided optimisation).

Builds a program that counts what it does, has it serve a sandbox's rows to clients on loopback for a while (mostly hits,
as in life), and writes the counts to pgo/. To be run, and the file committed, before a release and after a change of
toolchain. Needs Linux and rustup's component llvm-tools. bench/README.md says what it brings.

  scripts/train.py [--seconds 20]
"""
import argparse, itertools, os, pathlib, random, shutil, signal, socket, subprocess, sys, tempfile, time
from datetime import datetime

ROOT = pathlib.Path(__file__).resolve().parent.parent
MEMBERS = [str(number) for number in range(1001, 1009)]


def rustc(*words):
    return subprocess.run(["rustc", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def build_watched(target, host, profiles):
    """Only the program gets the flag, no build script: that is what naming a target does."""
    flags = "\x1f".join([*os.environ.get("RUSTFLAGS", "").split(), f"-Cprofile-generate={profiles}"])
    command = ["cargo", "build", "--release", "--locked", "--target", host, "--target-dir", target]
    subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"CARGO_ENCODED_RUSTFLAGS": flags})
    return target / host / "release" / "points-gateway"


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def until_open(port, process):
    for _ in range(200):
        if process.poll() is not None:
            sys.exit("the watched program ended at its start; what it says is above")
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on port {port} after ten seconds")


def ask(member, query, method="GET", more=""):
    head = f"{method} /members/{member}/points-history{query} HTTP/1.1\r\nHost: apps\r\nAccept: */*\r\n{more}\r\n"
    return method == "HEAD", head.encode()


def usual():
    """What apps ask, about as often as they ask it."""
    member, dice = random.choice(MEMBERS), random.random()
    if dice < 0.10:
        return ask(member, f"?page_size={random.choice((10, 50, 100))}&page={random.randint(1, 3)}")
    if dice < 0.14:
        return ask(member, "")
    if dice < 0.16:
        return ask(member, "?page=1&page_size=20", more='If-None-Match: "never"\r\nX-Request-Id: app-17\r\n')
    if dice < 0.17:
        return ask(member, "?page=1&page_size=20", method="HEAD")
    if dice < 0.18:
        return ask(member, "?page_size=1000")
    return ask(member, "?page=1&page_size=20")


def some(connection):
    return connection.recv(65_536) or sys.exit("the watched program closed a connection")


def load(port, seconds):
    """Keeps 64 connections busy, and says how many answers came."""
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(64)]
    questions, answers, end = [usual() for _ in range(4096)], 0, time.monotonic() + seconds
    for turn in itertools.takewhile(lambda _: time.monotonic() < end, itertools.count()):
        asked = random.choices(questions, k=len(sockets))
        if turn % 50 == 0:  # what nobody has asked yet
            asked[0] = ask(random.choice(MEMBERS), f"?from={datetime.fromtimestamp(1_000_000_000 + turn).isoformat()}Z")
        for one, (_, question) in zip(sockets, asked):
            one.sendall(question)
        for one, (bodiless, _) in zip(sockets, asked):
            got = some(one)
            while b"\r\n\r\n" not in got:
                got += some(one)
            head, _, body = got.partition(b"\r\n\r\n")
            missing = 0 if bodiless else int(head.split(b"content-length: ")[1].split(b"\r\n")[0]) - len(body)
            while missing > 0:
                missing -= len(some(one))
            answers += 1
    for one in sockets:
        one.close()
    return answers


def watch(program, profiles, seconds):
    port, admin, kingdee, orders = free_ports(4)
    environment = os.environ | {"LLVM_PROFILE_FILE": str(profiles / "%p-%m.profraw")}
    settings = {"HTTP__LISTEN": f"127.0.0.1:{port}", "HTTP__ADMIN_LISTEN": f"127.0.0.1:{admin}", "HTTP__DRAIN__GRACE": "0s",
                "KINGDEE__LANE__PER_MINUTE": "6000000", "KINGDEE__LANE__BURST": "100000"}
    with tempfile.NamedTemporaryFile("w") as configuration, tempfile.TemporaryFile() as log:
        sandbox = [program, "sandbox", "--port", str(kingdee), "--admin-port", str(orders)]
        running = [subprocess.Popen(sandbox, stdout=subprocess.PIPE, text=True, env=environment)]
        try:
            told = itertools.dropwhile(lambda line: not line.startswith("default_account"), running[0].stdout)
            configuration.writelines(itertools.takewhile(lambda line: line != "[accounts.outlet]\n", told))
            configuration.flush()
            until_open(kingdee, running[0])
            running.append(subprocess.Popen(
                [program, "serve", "--config", configuration.name], stdout=log, env=environment | {f"POINTS_GATEWAY__{key}": value for key, value in settings.items()}))
            until_open(port, running[1])
            answers = load(port, seconds)
        finally:
            for process in reversed(running):
                process.send_signal(signal.SIGTERM)
                process.wait(60)
    print(f"watched {answers} answers", file=sys.stderr)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=int, default=20, help="how long to watch")
    seconds = arguments.parse_args().seconds
    host = rustc("--print", "host-tuple")
    profdata = pathlib.Path(rustc("--print", "target-libdir")).parent / "bin" / "llvm-profdata"
    if not profdata.exists():
        sys.exit("llvm-profdata is missing: rustup component add llvm-tools")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "watched"
    profiles = target / "profiles"
    shutil.rmtree(profiles, ignore_errors=True)
    profiles.mkdir(parents=True)
    watch(build_watched(target, host, profiles), profiles, seconds)
    release = rustc("--version").split()[1]
    merged = ROOT / "pgo" / f"{host}-{release}.profdata"  # as scripts/build.sh looks for it
    merged.parent.mkdir(exist_ok=True)
    subprocess.run([profdata, "merge", "--sparse", "-o", merged, *profiles.glob("*.profraw")], check=True)
    print(f"wrote {merged.relative_to(ROOT)}; scripts/build.sh builds by it")


if __name__ == "__main__":
    main()
