"""The programs that run.py starts and asks: the product, its floors and the load generators. Whatever is started here ends here."""
import http.client
import json
import os
import re
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
TOKEN = "a-token-for-the-collector"
NO_LIMITS = ["--limits-sign-in-per-minute", "0", "--limits-requests-per-second", "0", "--limits-refresh-per-minute", "0",
             "--limits-forward-per-second", "0"]

sys.path.insert(0, str(ROOT / "tests/system"))


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


def pinned(core):
    """The command's beginning that keeps it on one core, where there are two to share out."""
    return ["taskset", "-c", str(core)] if core is not None and CORES > 1 else []


class Zephyr:
    def __init__(self, data, *flags, core=None, environment=None):
        self.data, self.port, self.environment = data, free_port(), {**os.environ, "ZEPHYR_METRICS_TOKEN": TOKEN, **(environment or {})}
        self.process = subprocess.Popen(
            [*pinned(core), SERVER, "serve", "--data", data, "--listen", f"127.0.0.1:{self.port}", "--log-level", "error", *flags],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment)
        self.started = first_answer(self.port, "/healthz")

    def command(self, *arguments, stdin=""):
        return subprocess.run([SERVER, *arguments, "--data", self.data], input=stdin, text=True, check=True, capture_output=True,
                              env=self.environment).stdout

    def metrics(self):
        """Every unlabelled number of /metrics. Needs --metrics-enabled."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        text = connection.getresponse().read().decode()
        connection.close()
        return {name: float(value) for name, value in re.findall(r"^(zephyr_\w+) (\S+)$", text, re.MULTILINE)}

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class FloorB0:
    def __init__(self, core=None):
        self.port = free_port()
        self.process = subprocess.Popen([*pinned(core), BENCH / "benchmarks/floor_b0", str(self.port)], stdout=subprocess.DEVNULL)
        self.started = first_answer(self.port, "/")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def floor_h():
    command = [BENCH / "benchmarks/floor_h", str(SECONDS), str(CORES)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def sign_ins(folder, log):
    """Sign-ins per second of one process without sockets, "log" or "no-log"."""
    command = [BENCH / "benchmarks/sign_in_bench", folder, str(SECONDS), log]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def factor_steps(folder, clients):
    """{"checks": one-time passwords per second, "floor", "step": requests per second}"""
    said = subprocess.run([BENCH / "benchmarks/mfa_bench", folder, str(clients)], capture_output=True, text=True, check=True).stdout
    return {name: float(value) for name, value in (line.split() for line in said.splitlines() if not line.startswith("#"))}


def wrk(port, path, connections=64, script=None, headers=(), core=None):
    """Requests per second, and how many answers were no 2xx or 3xx."""
    command = [*pinned(core), "wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s"]
    if script:
        command += ["-s", str(ROOT / "benchmarks" / script)]
    for header in headers:
        command += ["-H", header]
    out = subprocess.run(command + [f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    return rate, int(failed.group(1)) if failed else 0


def zbench(port, flow, *options, path="", core=None):
    """The JSON that zbench prints. One wrong answer makes the figure worth nothing."""
    command = [*pinned(core), BENCH / "benchmarks/zbench", "--flow", flow, *map(str, options), f"http://127.0.0.1:{port}{path}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"zbench {flow}: {done.stderr or done.stdout}")
    return json.loads(done.stdout)


def median_iqr(values):
    quartiles = statistics.quantiles(values, n=4) if len(values) > 2 else [min(values), statistics.median(values), max(values)]
    return {"median": statistics.median(values), "low": quartiles[0], "high": quartiles[2]}


class Client:
    """A program with a cookie jar; raises for any answer but 200."""

    def __init__(self, port):
        self.connection, self.cookies = http.client.HTTPConnection("127.0.0.1", port, timeout=30), {}

    def ask(self, method, path, body=None, headers=None):
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **(headers or {})}
        if body is not None:
            sent["Content-Type"] = "application/json"
        self.connection.request(method, path, None if body is None else json.dumps(body), sent)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise SystemExit(f"{method} {path}: {answer.status} {text}")
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, content = value.split(";", 1)[0].split("=", 1)
                self.cookies[key] = content
        return json.loads(text) if text.startswith("{") else text


def add_users(server, count):
    for number in range(count):
        server.command("user", "add", f"u{number}", "--password-stdin", stdin=PASSWORD + "\n")


def temporary():
    return tempfile.TemporaryDirectory(prefix="zephyr-bench-")
