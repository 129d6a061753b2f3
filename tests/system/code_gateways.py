"""Where codes arrive in tests: a real SMTP server that demands STARTTLS and a password; a gateway that speaks Twilio's published API, whose
requests are held against the API's own OpenAPI document when that is at hand; and an SMS centre that speaks SMPP.

Each has flags() for the server's command line, code_to(destination), fail(…) with what is to become of the next messages instead of being
taken, and stop()."""
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


def secret_file(path, secret):
    path.write_text(secret)
    path.chmod(0o600)
    return path


def tell(process, words):
    """One line each to a server of ours, which says when it knows."""
    for word in words:
        process.stdin.write(word + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ok\n"


def end(process):
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


class MailServer:
    """smtp_sink.py in a process of its own. Reading a message takes it away, so that each call waits for the next one."""

    def __init__(self, folder):
        self.folder = Path(folder) / "mail"
        self.folder.mkdir()
        self.ca, cert, key = certificate(folder)
        # Debian's own Python: that is the one which has aiosmtpd.
        self.process = subprocess.Popen(["/usr/bin/python3", str(HERE / "smtp_sink.py"), str(self.folder), str(cert), str(key), USER, PASSWORD],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.taken = set()

    def flags(self, password=PASSWORD):
        secret = secret_file(self.folder.parent / "smtp-password", password)
        return ["--mfa-email-provider", "smtp", "--mail-from", "login@example.test", "--smtp-host", "localhost", "--smtp-port", str(self.port),
                "--smtp-username", USER, "--smtp-password-file", str(secret), "--smtp-ca-file", str(self.ca)]

    def fail(self, *faults):
        """`slow`: kept, and never answered; `deaf`: neither; `die`: kept, and the connection cut; `garbage`: kept, and no answer but rubbish;
        else what it answers, such as `451 4.3.0 later`."""
        tell(self.process, faults)

    def left_waiting(self):
        """How many messages it has heard and never answered."""
        return len(list(self.folder.glob("*.begun")))

    def addressees(self):
        return [email.message_from_bytes(path.read_bytes())["X-RcptTo"] for path in self.messages()]

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
        end(self.process)


class SmsGateway:
    """POST /2010-04-01/Accounts/{sid}/Messages.json, as Twilio documents it."""
    SID, TOKEN, FROM = "AC" + "0123456789abcdef" * 2, "twilio-token-of-a-test", "+15005550000"

    def __init__(self):
        gateway = self
        self.sent, self.taken, self.lock, self.complaints = [], 0, threading.Lock(), []
        self.requests, self.faults, self.released = 0, [], threading.Event()
        self.contract = contract()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fields = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))
                with gateway.lock:
                    gateway.requests += 1
                    gateway.complaints += gateway.check(self, fields)
                    fault = gateway.faults.pop(0) if gateway.faults else ""
                wanted = "Basic " + base64.b64encode(f"{gateway.SID}:{gateway.TOKEN}".encode()).decode()
                if self.headers["Authorization"] != wanted:
                    return self.reply(401, {"code": 20003, "message": "Authenticate", "status": 401})
                if fault.isdigit():
                    return self.reply(int(fault), {"code": 20429, "message": "as the test says", "status": int(fault)})
                if fault == "hang":
                    gateway.released.wait(60)
                with gateway.lock:
                    gateway.sent.append(fields)
                    number = len(gateway.sent)
                if not fault:
                    return self.reply(201, {"sid": f"SM{number:032x}", "status": "queued", "to": fields["To"], "body": fields["Body"]})
                self.close_connection = True
                if fault == "garbage":
                    return self.wfile.write(b"\x16\x03garbage\r\n\r\n")
                return self.connection.shutdown(socket.SHUT_RDWR)

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
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def fail(self, *faults):
        """A status: that, and nothing taken. `die`: taken, and the connection closed; `garbage`: taken, and no HTTP; `hang`: as `die`, once
        released."""
        with self.lock:
            self.faults += faults

    def check(self, request, fields):
        """What is wrong with a request, by the document."""
        if self.contract is None:
            return []
        wrong = []
        schema = self.contract["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
        sid = re.fullmatch(r"/2010-04-01/Accounts/([^/]+)/Messages\.json", request.path)
        if not sid or not re.search(self.contract["parameters"][0]["schema"]["pattern"], sid.group(1)):
            wrong.append(f"no such path: {request.path}")
        if request.headers["Content-Type"] != "application/x-www-form-urlencoded":
            wrong.append(f"content type {request.headers['Content-Type']}")
        wrong += [f"missing {name}" for name in schema.get("required", []) if name not in fields]
        for name, value in fields.items():
            described = schema["properties"].get(name)
            if described is None or described.get("type") != "string":
                wrong.append(f"no such text as {name}")
                continue
            if "pattern" in described and not re.search(described["pattern"], value):
                wrong.append(f"{name} does not match {described['pattern']}")
            if len(value) < described.get("minLength", 0) or len(value) > described.get("maxLength", 1 << 20):
                wrong.append(f"{name} has {len(value)} characters")
        return wrong

    def flags(self, folder=None):
        secret = secret_file(Path(folder or "/tmp") / f"twilio-token-{os.getpid()}", self.TOKEN)
        return ["--mfa-sms-provider", "twilio", "--twilio-account-sid", self.SID, "--twilio-auth-token-file", str(secret), "--twilio-from", self.FROM,
                "--twilio-url", f"http://127.0.0.1:{self.port}"]

    def text_to(self, number):
        def find():
            with self.lock:
                for index in range(self.taken, len(self.sent)):
                    if self.sent[index]["To"] == number:
                        self.taken = index + 1
                        return self.sent[index]["Body"]
            return None
        return wait_until(find)

    def code_to(self, number):
        return re.search(r"\b\d{6}\b", self.text_to(number)).group(0)

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


class SmppGateway:
    """smpp_smsc.mjs in a process of its own: an SMS centre on a library that is not ours."""
    SYSTEM_ID, PASSWORD, FROM = "zephyr", "smsc-pw", "+15005550006"

    def __init__(self, folder):
        self.folder = Path(folder)
        self.file = self.folder / "smsc.jsonl"
        self.file.touch()
        self.process = subprocess.Popen(["node", str(HERE / "smpp_smsc.mjs"), str(self.file), self.SYSTEM_ID, self.PASSWORD],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        first = self.process.stdout.readline()
        if not first:
            end(self.process)
            raise AssertionError("the SMS centre did not start: `./dev test` installs its library, `smpp`, in tests/browser")
        self.port, self.taken = int(first), 0

    def fail(self, *faults):
        """`refuse`: a bind. `throttle`: not taken; `forget`: nor is anything in this session any more; `hang`: taken, never answered; `die`:
        taken, and half an answer; `garbage`: taken, and none."""
        tell(self.process, faults)

    def flags(self, password=PASSWORD):
        secret = secret_file(self.folder / "smpp-password", password)
        return ["--mfa-sms-provider", "smpp", "--smpp-host", "127.0.0.1", "--smpp-port", str(self.port), "--smpp-system-id", self.SYSTEM_ID,
                "--smpp-password-file", str(secret), "--smpp-source", self.FROM]

    def events(self, what):
        lines = self.file.read_text().split("\n")[:-1]  # what follows the last line's end is not finished
        return [event for event in map(json.loads, lines) if event["what"] == what]

    def message_to(self, number):
        """The oldest message to a number that was not taken yet."""
        def find():
            messages = self.events("message")
            for index in range(self.taken, len(messages)):
                if messages[index]["to"] == number:
                    self.taken = index + 1
                    return messages[index]
            return None
        return wait_until(find)

    def code_to(self, number):
        return re.search(r"\b\d{6}\b", self.message_to(number)["text"]).group(0)

    def stop(self):
        end(self.process)


def contract():
    """What Twilio's OpenAPI document says of a new message; None without the vectors."""
    path = Path(os.environ.get("ZEPHYR_VECTORS", "")) / "sms/twilio_messages_openapi.json"
    if not os.environ.get("ZEPHYR_VECTORS") or not path.exists():
        print("the gateway does not hold requests against Twilio's document: ZEPHYR_VECTORS is not set")
        return None
    document = json.loads(path.read_text())
    return document["paths"]["/2010-04-01/Accounts/{AccountSid}/Messages.json"]["post"]
