"""The built server as a test meets it: started on a free port in a folder of its own, spoken to over HTTP."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Taken out of the environment: the server refuses to start with a ZEPHYR_… that is no setting.
BINARY = os.environ.pop("ZEPHYR_BINARY", str(ROOT / "build/release/zephyr"))
PASSWORD = "correct horse battery staple"
# Cheap hashes for tests that are not about hashing; no limits per address for tests that are not about limits.
NO_LIMITS = ["--limits-sign-in-per-minute", "0", "--limits-factor-per-minute", "0", "--limits-register-per-hour", "0",
             "--limits-requests-per-second", "0"]
QUICK = ["--passwords-argon2-memory-kib", "7168", "--passwords-argon2-passes", "5", *NO_LIMITS]


def zephyr(*arguments, data=None, stdin="", environment=None, check=False):
    command = [BINARY, *arguments] + (["--data", str(data)] if data else [])
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60,
                            env={**os.environ, **(environment or {})})
    if check and result.returncode != 0:
        raise AssertionError(f"{command} ended with {result.returncode}: {result.stderr}")
    return result


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, data=None, flags=(), binary=BINARY, serve=("serve",), environment=None, listen="127.0.0.1:0"):
        self.folder, self.clients = None, []
        if data is None:
            self.folder = tempfile.TemporaryDirectory(prefix="zephyr-test-")
            data = Path(self.folder.name) / "data"
        self.data = Path(data)
        self.errors = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen([binary, *serve, "--data", str(data), "--listen", listen, *flags],
                                        stdout=subprocess.PIPE, stderr=self.errors, text=True,
                                        env={**os.environ, **(environment or {})})
        try:
            self.link, url = self.read_greeting()
        except BaseException:  # nobody has this object yet, so nobody else could end its process
            self.kill()
            raise
        # The address it says is the public one: with a proxy in front, not its own.
        self.port = int((url if listen.endswith(":0") else listen).rsplit(":", 1)[1])

    def read_greeting(self):
        link = url = None
        for line in self.process.stdout:
            if "Ctrl-C" in line:
                break
            found = re.search(r"http://127\.0\.0\.1:\d+(/setup/\S+)?", line)
            if found and found.group(1):
                link = found.group(0)
            elif found:
                url = found.group(0)
        if url is None:
            raise AssertionError("the server did not start: " + self.log())
        return link, url

    def log(self):
        self.errors.seek(0)
        return self.errors.read()

    def client(self):
        self.clients.append(Client(self.port))
        return self.clients[-1]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        for client in self.clients:
            client.connection.close()
        self.process.stdout.close()
        self.errors.close()
        if self.folder:
            self.folder.cleanup()
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Client:
    """One keep-alive connection and its cookies."""
    tries_again = True  # on a new connection, when the server has closed the idle one

    def __init__(self, port):
        self.port = port
        self.cookies = {}
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.headers = {}

    def request(self, method, path, body=None, headers=None):
        sent = dict(headers or {})
        if isinstance(body, str):
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        elif body is not None:
            body = json.dumps(body)
            sent["Content-Type"] = "application/json"
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            self.connection.request(method, path, body=body, headers=sent)
            response = self.connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError):
            # An idle connection that the server closed; a fresh one decides.
            self.connection.close()
            if not self.tries_again:
                raise
            self.connection.request(method, path, body=body, headers=sent)
            response = self.connection.getresponse()
        text = response.read().decode()
        self.headers = dict(response.getheaders())
        for name, value in response.getheaders():
            if name.lower() == "set-cookie":
                pair = value.split(";", 1)[0]
                key, content = pair.split("=", 1)
                if content and "Max-Age=0" not in value:
                    self.cookies[key] = content
                else:
                    self.cookies.pop(key, None)
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, body=None):
        return self.request("POST", path, {} if body is None else body)

    def submit(self, path, fields=None):
        """Opens a page and sends the form in it to the same address, as a browser does."""
        browser = {"Accept": "text/html,application/xhtml+xml"}
        status, page = self.request("GET", path, headers={**browser, "Sec-Fetch-Site": "none"})
        if status != 200:
            return status, page
        token = re.search(r'name="csrf_token" value="([^"]+)"', page).group(1)
        body = urllib.parse.urlencode({"csrf_token": token, **(fields or {})})
        return self.request("POST", path, body, {**browser, "Sec-Fetch-Site": "same-origin"})

    def log_in(self, username, password=PASSWORD):
        return self.post("/auth/login", {"username": username, "password": password})


def totp(secret, steps_ahead=0):
    """A code from an independent generator."""
    at = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(time.time() + 30 * steps_ahead))
    return subprocess.run(["oathtool", "--totp", "-b", "--now", at, secret], capture_output=True, text=True, check=True).stdout.strip()


def add_user(data, name, *flags, password=PASSWORD):
    return zephyr("user", "add", name, "--password-stdin", *flags, data=data, stdin=password + "\n", check=True)
