#!/usr/bin/env python3
"""Ratios against floors, taken in one run: a shared machine is noisy, so only figures of one round are compared.

usage: run.py [ROUNDS]    (default 9 rounds of 3 s; prints a table and writes build/bench/results.json)
"""
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / "build/bench"
SERVER = ROOT / "build/release/zephyr"
CORES = os.cpu_count() or 2
SECONDS = 3
PASSWORD = "correct horse battery staple"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def first_answer(port, path, deadline=10):
    """Seconds until the port answers 200."""
    begin = time.perf_counter()
    while time.perf_counter() - begin < deadline:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return time.perf_counter() - begin
        except OSError:
            time.sleep(0.0005)
    raise SystemExit(f"nothing answers on port {port}")


def rss_mib(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) / 1024


class Zephyr:
    def __init__(self, data, *flags):
        self.port = free_port()
        self.process = subprocess.Popen(
            [SERVER, "serve", "--data", data, "--listen", f"127.0.0.1:{self.port}", "--log-level", "error", *flags],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.started = first_answer(self.port, "/healthz")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class FloorB0:
    def __init__(self):
        self.port = free_port()
        self.process = subprocess.Popen([BENCH / "benchmarks/floor_b0", str(self.port)], stdout=subprocess.DEVNULL)
        self.started = first_answer(self.port, "/")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def floor_h():
    command = [BENCH / "benchmarks/floor_h", str(SECONDS), str(CORES)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def wrk(port, path, connections=64, script=None):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s"]
    if script:
        command += ["-s", str(ROOT / "benchmarks" / script)]
    out = subprocess.run(command + [f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    return rate, int(failed.group(1)) if failed else 0


def median_iqr(values):
    quartiles = statistics.quantiles(values, n=4) if len(values) > 2 else [min(values), statistics.median(values), max(values)]
    return {"median": statistics.median(values), "low": quartiles[0], "high": quartiles[2]}


def add_users(data):
    for number in range(100):
        subprocess.run([SERVER, "user", "add", f"u{number}", "--data", data, "--password-stdin"], input=PASSWORD + "\n", text=True,
                       check=True, stdout=subprocess.DEVNULL)


def at_rest(folder, rounds, results):
    starts, floor_starts, rss, floor_rss = [], [], [], []
    for number in range(rounds):
        server, floor = Zephyr(str(folder / f"cold{number}")), FloorB0()
        time.sleep(0.5)
        starts.append(1000 * server.started)
        floor_starts.append(1000 * floor.started)
        rss.append(rss_mib(server.process.pid))
        floor_rss.append(rss_mib(floor.process.pid))
        server.stop()
        floor.stop()
    results["G19 cold start ms"] = median_iqr(starts)
    results["G19 cold start / 60 ms goal"] = median_iqr([s / 60 for s in starts])
    results["G19 cold start / floor B0"] = median_iqr([a / b for a, b in zip(starts, floor_starts)])
    results["G17 idle RSS MiB"] = median_iqr(rss)
    results["G17 idle RSS / 20 MiB goal"] = median_iqr([r / 20 for r in rss])
    results["G17 idle RSS / floor B0"] = median_iqr([a / b for a, b in zip(rss, floor_rss)])


def under_load(folder, rounds, results):
    data = str(folder / "login")
    Zephyr(data).stop()
    add_users(data)
    server = Zephyr(data, "--limits-sign-in-per-minute", "0", "--limits-requests-per-second", "0")
    floor = FloorB0()
    wrk(server.port, "/auth/login", 4, "login.lua")  # warm-up
    figures = []
    for _ in range(rounds):
        figure = {}
        for name in random.sample(["h", "login", "b0", "health"], 4):
            if name == "h":
                figure[name] = floor_h()
            elif name == "login":
                figure[name], failed = wrk(server.port, "/auth/login", CORES * 2, "login.lua")
                if failed:
                    raise SystemExit(f"{failed} sign-ins failed: the figure would be worth nothing")
            else:
                figure[name], _ = wrk(floor.port, "/") if name == "b0" else wrk(server.port, "/healthz")
        figures.append(figure)
    results["G1 sign-in / floor H"] = median_iqr([f["login"] / f["h"] for f in figures])
    results["sign-ins per s"] = median_iqr([f["login"] for f in figures])
    results["floor H hashes per s"] = median_iqr([f["h"] for f in figures])
    results["healthz / floor B0"] = median_iqr([f["health"] / f["b0"] for f in figures])
    results["floor B0 requests per s"] = median_iqr([f["b0"] for f in figures])
    results["RSS after the sign-ins MiB"] = rss_mib(server.process.pid)
    server.stop()
    floor.stop()


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    folder = Path(tempfile.mkdtemp(prefix="zephyr-bench-"))
    results = {"rounds": rounds, "cores": CORES}
    try:
        at_rest(folder, rounds, results)
        under_load(folder, rounds, results)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    (BENCH / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    for name, value in results.items():
        if isinstance(value, dict):
            print(f"{name:32} {value['median']:10.3f}   (quartiles {value['low']:.3f} to {value['high']:.3f})")
        else:
            print(f"{name:32} {value}")


if __name__ == "__main__":
    main()
