#!/usr/bin/env python3
"""Builds the program twice: once to watch it serve, once by what was seen (profile-guided optimisation).

The watched program serves a sandbox's rows to clients on loopback for a while: mostly hits, as in life. Needs Linux, a
toolchain of rustup with the component llvm-tools, and two and a half times as long as `cargo build --release`.
bench/README.md says what it brings. Prints the path of the program.

  scripts/trained.py [--seconds 20]
"""
import argparse, itertools, os, pathlib, random, shutil, signal, socket, subprocess, sys, tempfile, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MEMBERS = [str(number) for number in range(1001, 1009)]


def rustc(*words):
    return subprocess.run(["rustc", *words], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def build(target, host, flag):
    """Only the program gets the flag, no build script: that is what naming a target does."""
    flags = " ".join(filter(None, [os.environ.get("RUSTFLAGS"), flag]))
    command = ["cargo", "build", "--release", "--locked", "--target", host, "--target-dir", target]
    subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"RUSTFLAGS": flags})
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


def request():
    """What apps ask, about as often as they ask it."""
    member, dice = random.choice(MEMBERS), random.random()
    path, more, method = f"/members/{member}/points-history?page=1&page_size=20", "", "GET"
    if dice < 0.10:
        path = f"/members/{member}/points-history?page_size={random.choice((10, 50, 100))}&page={random.randint(1, 3)}"
    elif dice < 0.14:
        path = f"/members/{member}/points-history"
    elif dice < 0.16:
        more = 'If-None-Match: "never"\r\nX-Request-Id: app-17\r\n'
    elif dice < 0.17:
        method = "HEAD"
    elif dice < 0.18:
        path = f"/members/{member}/points-history?page_size=1000"
    return method == "HEAD", f"{method} {path} HTTP/1.1\r\nHost: apps\r\nAccept: */*\r\n{more}\r\n".encode()


def load(port, seconds):
    """Keeps 64 connections busy, and says how many answers came."""
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(64)]
    requests, answers, end = [request() for _ in range(4096)], 0, time.monotonic() + seconds
    while time.monotonic() < end:
        asked = random.choices(requests, k=len(sockets))
        for one, (_, question) in zip(sockets, asked):
            one.sendall(question)
        for one, (bodiless, _) in zip(sockets, asked):
            got = one.recv(65_536)
            while b"\r\n\r\n" not in got:
                got += one.recv(65_536)
            head, _, body = got.partition(b"\r\n\r\n")
            missing = 0 if bodiless else int(head.split(b"content-length: ")[1].split(b"\r\n")[0]) - len(body)
            while missing > 0:
                missing -= len(one.recv(65_536))
            answers += 1
    for one in sockets:
        one.close()
    return answers


def watch(program, profiles, seconds):
    port, admin, kingdee, orders = free_ports(4)
    environment = os.environ | {"LLVM_PROFILE_FILE": str(profiles / "%p-%m.profraw")}
    settings = {"HTTP__LISTEN": f"127.0.0.1:{port}", "HTTP__ADMIN_LISTEN": f"127.0.0.1:{admin}", "HTTP__DRAIN__GRACE": "0s"}
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
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "trained"
    profiles = target / "profiles"
    shutil.rmtree(profiles, ignore_errors=True)
    profiles.mkdir(parents=True)
    watch(build(target / "watched", host, f"-Cprofile-generate={profiles}"), profiles, seconds)
    merged = profiles / "merged.profdata"
    subprocess.run([profdata, "merge", "-o", merged, *profiles.glob("*.profraw")], check=True)
    print(build(target, host, f"-Cprofile-use={merged}"))


if __name__ == "__main__":
    main()
