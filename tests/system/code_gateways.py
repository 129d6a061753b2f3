"""Where codes arrive in tests: a real SMTP server that demands STARTTLS and a password, and a gateway that speaks Twilio's published API, whose
requests are held against the API's own OpenAPI document when that is at hand."""
import base64
import email
import email.policy
import json
import os
import re
import socket
import subprocess
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
USER, PASSWORD = "zephyr", "mail-password-of-a-test"


def certificate(folder):
    """A certificate authority and a server certificate for localhost. Returns (ca, certificate, key)."""
    folder = Path(folder)
    ca, key, request, cert = (folder / name for name in ("mail-ca.pem", "mail.key", "mail.csr", "mail.pem"))
    run = lambda *words, **more: subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, **more)
    run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", folder / "mail-ca.key", "-out", ca, "-days", "30",
        "-subj", "/CN=Test CA", "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=localhost")
    extensions = folder / "mail.ext"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
    run("x509", "-req", "-in", request, "-CA", ca, "-CAkey", folder / "mail-ca.key", "-CAcreateserial", "-out", cert, "-days", "30", "-extfile", extensions)
    return ca, cert, key


def wait_until(what, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("nothing came in time")


class MailServer:
    """smtp_sink.py in a process of its own. Reading a message takes it away, so that each call waits for the next one."""

    def __init__(self, folder):
        self.folder = Path(folder) / "mail"
        self.folder.mkdir()
        self.ca, cert, key = certificate(folder)
        # Debian's own Python: that is the one which has aiosmtpd.
        self.process = subprocess.Popen(["/usr/bin/python3", str(HERE / "smtp_sink.py"), str(self.folder), str(cert), str(key), USER, PASSWORD],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.taken = set()

    def flags(self):
        os.environ.pop("ZEPHYR_SMTP_PASSWORD", None)
        secret = self.folder.parent / "smtp-password"
        secret.write_text(PASSWORD)
        secret.chmod(0o600)
        return ["--mfa-email-provider", "smtp", "--mail-from", "login@example.test", "--smtp-host", "localhost", "--smtp-port", str(self.port),
                "--smtp-username", USER, "--smtp-password-file", str(secret), "--smtp-ca-file", str(self.ca)]

    def messages(self):
        return sorted(self.folder.glob("*.eml"), key=lambda path: int(path.stem))

    def next_to(self, address, holds=r"."):
        """The oldest message to `address` not taken yet whose text holds a pattern: (message, text)."""
        def find():
            for path in self.messages():
                if path.name in self.taken:
                    continue
                message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                text = message.get_body(("plain",)).get_content()
                if message["X-RcptTo"] == address and re.search(holds, text):
                    self.taken.add(path.name)
                    return message, text
            return None
        return wait_until(find)

    def code_to(self, address):
        return re.search(r"\b\d{6}\b", self.next_to(address, r"\b\d{6}\b")[1]).group(0)

    def link_to(self, address):
        return re.search(r"https?://\S+", self.next_to(address, r"https?://\S+")[1]).group(0)

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class SmsGateway:
    """POST /2010-04-01/Accounts/{sid}/Messages.json, as Twilio documents it."""
    SID, TOKEN = "AC" + "0" * 31 + "1", "twilio-token-of-a-test"

    def __init__(self):
        gateway = self
        self.sent, self.taken, self.lock, self.complaints = [], 0, threading.Lock(), []
        self.answer = None  # a function of the handler, for a gateway that misbehaves; true when it has answered
        self.contract = contract()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if gateway.answer and gateway.answer(self, body):
                    return
                fields = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
                with gateway.lock:
                    gateway.complaints += gateway.check(self, fields)
                wanted = "Basic " + base64.b64encode(f"{gateway.SID}:{gateway.TOKEN}".encode()).decode()
                if self.headers["Authorization"] != wanted:
                    return self.reply(401, {"code": 20003, "message": "Authenticate", "status": 401})
                with gateway.lock:
                    gateway.sent.append(fields)
                    number = len(gateway.sent)
                return self.reply(201, {"sid": f"SM{number:032x}", "status": "queued", "to": fields["To"], "body": fields["Body"]})

            def reply(self, status, answer):
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def check(self, request, fields):
        """What is wrong with a request, by the document."""
        if self.contract is None:
            return []
        wrong = []
        if request.path != f"/2010-04-01/Accounts/{self.SID}/Messages.json":
            wrong.append(f"no such path: {request.path}")
        if request.headers["Content-Type"] != "application/x-www-form-urlencoded":
            wrong.append(f"content type {request.headers['Content-Type']}")
        schema = self.contract
        wrong += [f"missing {name}" for name in schema.get("required", []) if name not in fields]
        for name, value in fields.items():
            described = schema["properties"].get(name)
            if described is None:
                wrong.append(f"unknown parameter {name}")
                continue
            if "pattern" in described and not re.search(described["pattern"], value):
                wrong.append(f"{name} does not match {described['pattern']}")
            if len(value) < described.get("minLength", 0) or len(value) > described.get("maxLength", 1 << 20):
                wrong.append(f"{name} has {len(value)} characters")
        return wrong

    def flags(self, folder=None):
        secret = Path(folder or "/tmp") / f"twilio-token-{os.getpid()}"
        secret.write_text(self.TOKEN)
        secret.chmod(0o600)
        return ["--mfa-sms-provider", "twilio", "--twilio-account-sid", self.SID, "--twilio-auth-token-file", str(secret), "--twilio-from", "+15005550000",
                "--twilio-url", f"http://127.0.0.1:{self.port}"]

    def code_to(self, number):
        def find():
            with self.lock:
                for index in range(self.taken, len(self.sent)):
                    if self.sent[index]["To"] == number:
                        self.taken = index + 1
                        return self.sent[index]["Body"]
            return None
        return re.search(r"\b\d{6}\b", wait_until(find)).group(0)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def contract():
    """The form of a new message in Twilio's OpenAPI document; None without the vectors."""
    path = Path(os.environ.get("ZEPHYR_VECTORS", "")) / "sms/twilio_messages_openapi.json"
    if not os.environ.get("ZEPHYR_VECTORS") or not path.exists():
        print("the gateway does not hold requests against Twilio's document: ZEPHYR_VECTORS is not set")
        return None
    document = json.loads(path.read_text())
    paths = document.get("paths", document)
    operation = next(entry["post"] for name, entry in paths.items() if name.endswith("/Messages.json") and "post" in entry)
    return operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]


def refused_port():
    """A port where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
