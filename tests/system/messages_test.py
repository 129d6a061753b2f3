#!/usr/bin/env python3
"""Codes and links that leave the server: by SMS through a gateway that speaks Twilio's published API, and by a real mail server with
STARTTLS and AUTH. And what happens when these hang, refuse, answer rubbish or die."""
import base64
import email
import email.policy
import http.server
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse
from pathlib import Path

sys.path.insert(1, "/usr/lib/python3/dist-packages")  # Debian's modules, whichever Python runs this

from zephyr_server import PASSWORD, QUICK, Server, add_user, free_port, totp

try:
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult
except ImportError:
    Controller = None

ACCOUNT, TOKEN, PHONE = "AC" + "0123456789abcdef" * 2, "twilio-auth-token-of-a-test", "+4915112345678"


def wait_for(what, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen within %s s" % seconds)


class Gateway:
    """Twilio's Messages resource. `faults`: what to do with the next requests instead of taking them."""

    def __init__(self):
        gateway = self
        self.taken, self.requests, self.faults, self.open = [], [], [], threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                fault = gateway.faults.pop(0) if gateway.faults else ""
                form = dict(urllib.parse.parse_qsl(body, strict_parsing=True))
                gateway.requests.append((self.path, dict(self.headers), form))
                if fault == "hang":
                    gateway.open.wait(60)
                if fault == "taken and died":
                    gateway.taken.append(form)
                if fault in ("hang", "taken and died"):
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                elif fault == "garbage":
                    self.wfile.write(b"\x16\x03garbage\r\n\r\n")
                    self.close_connection = True
                elif fault:
                    self.answer(int(fault), {"code": 20429, "message": "as the test says", "status": int(fault)})
                else:
                    gateway.taken.append(form)
                    self.answer(201, {"sid": "SM" + "0" * 31 + str(len(gateway.taken) % 10), "status": "queued"})

            def answer(self, status, document):
                text = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self):
        return "http://127.0.0.1:%d" % self.server.server_address[1]

    def flags(self):
        return ["--mfa-sms-provider", "twilio", "--mfa-sms-prefixes", "+49", "--twilio-url", self.url(), "--twilio-account-sid", ACCOUNT,
                "--twilio-from", "+15005550006"]

    def stop(self):
        self.open.set()
        self.server.shutdown()
        self.server.server_close()


def check_against_published_api(test, path, form):
    """The request is one that Twilio's own description allows: path, required fields, known names, types."""
    folder = os.environ.get("ZEPHYR_VECTORS")
    document = Path(folder or "/nonexistent") / "sms/twilio_messages_openapi.json"
    if not document.exists():
        print("left out, ZEPHYR_VECTORS names no folder with sms/twilio_messages_openapi.json", file=sys.stderr)
        return
    api = json.loads(document.read_text())
    operation = api["paths"]["/2010-04-01/Accounts/{AccountSid}/Messages.json"]["post"]
    pattern = operation["parameters"][0]["schema"]["pattern"]
    sid = re.fullmatch(r"/2010-04-01/Accounts/([^/]+)/Messages\.json", path).group(1)
    test.assertRegex(sid, pattern)
    schema = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    test.assertLessEqual(set(schema.get("required", [])), set(form))
    test.assertLessEqual(set(form), set(schema["properties"]))
    for name, value in form.items():
        test.assertEqual(schema["properties"][name]["type"], "string", name)
        test.assertTrue(re.search(schema["properties"][name].get("pattern", ""), value), name)


class MessagesBySms(unittest.TestCase):
    def setUp(self):
        self.gateway = Gateway()
        self.server = Server(flags=[*QUICK, *self.gateway.flags()], environment={"ZEPHYR_TWILIO_AUTH_TOKEN": TOKEN})
        self.addCleanup(self.gateway.stop)
        self.addCleanup(self.server.stop)

    def begin(self, name):
        add_user(self.server.data, name)
        client = self.server.client()
        client.log_in(name)
        return client, client.post("/auth/mfa/sms/setup", {"phone": PHONE})

    def test_a_code_goes_by_twilios_published_api_and_enrols(self):
        client, (status, body) = self.begin("anna")
        self.assertEqual((status, body.get("status")), (200, "sent"), body)
        form = wait_for(lambda: self.gateway.taken)[0]
        path, headers, _ = self.gateway.requests[0]
        self.assertEqual(base64.b64decode(headers["Authorization"].split()[1]).decode(), ACCOUNT + ":" + TOKEN)
        check_against_published_api(self, path, form)
        self.assertEqual((form["To"], form["From"]), (PHONE, "+15005550006"))
        self.assertLessEqual(len(form["Body"]), 160)
        code = re.search(r"\n@127\.0\.0\.1 #(\d{6})$", form["Body"]).group(1)
        self.assertEqual(client.post("/auth/mfa/sms/verify", {"code": code})[0], 200)

    def test_a_gateway_that_refuses_for_a_while_loses_nothing_and_doubles_nothing(self):
        self.gateway.faults = ["503", "429"]
        self.begin("ben")
        wait_for(lambda: self.gateway.taken, 20)
        time.sleep(4)  # longer than the poll: nothing comes again
        self.assertEqual(len(self.gateway.taken), 1)
        self.assertEqual(len(self.gateway.requests), 3)

    def test_one_that_may_have_been_taken_is_not_sent_again(self):
        for fault in ("taken and died", "garbage"):
            self.gateway.faults, before = [fault], len(self.gateway.requests)
            self.begin("carl" + fault[0])
            wait_for(lambda: len(self.gateway.requests) > before)
            time.sleep(6)
            self.assertEqual(len(self.gateway.requests), before + 1, fault)
        self.assertIn("messages.not_sent", self.server.log())
        self.assertNotIn(PHONE, self.server.log())

    def test_a_gateway_that_hangs_leaves_other_factors_alone(self):
        add_user(self.server.data, "dora")
        client = self.server.client()
        client.log_in("dora")
        secret = client.post("/auth/mfa/totp/setup")[1]["secret"]
        self.assertEqual(client.post("/auth/mfa/totp/verify", {"code": totp(secret)})[0], 200)
        self.gateway.faults = ["hang"] * 4
        for name in ("e1", "e2", "e3", "e4"):
            self.begin(name)
        wait_for(lambda: self.gateway.requests)
        start = time.monotonic()
        other = self.server.client()
        self.assertEqual(other.log_in("dora")[1]["mfa"], "required")
        self.assertEqual(other.post("/auth/mfa/totp/verify", {"code": totp(secret, 1)})[0], 200)
        self.assertLess(time.monotonic() - start, 3)
        self.gateway.open.set()


@unittest.skipIf(Controller is None, "python3-aiosmtpd is not installed")
class MessagesByMail(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="zephyr-mail-")
        self.addCleanup(folder.cleanup)
        self.certificate, self.key = folder.name + "/c.pem", folder.name + "/k.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", self.key,
                        "-out", self.certificate, "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
        self.mails, self.signed_in, self.faults = [], [], []
        self.port = free_port()
        self.controller = self.mail_server()
        self.server = None

    def tearDown(self):
        if self.server:
            self.server.stop()
        if self.controller:
            self.controller.stop()

    def mail_server(self):
        import ssl
        test = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)

        class Handler:
            async def handle_DATA(self, server, session, envelope):
                if test.faults:
                    return test.faults.pop(0)
                test.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
                return "250 2.0.0 taken"

        def check(server, session, envelope, mechanism, data):
            fine = (data.login, data.password) == (b"zephyr", b"mail-password")
            test.signed_in.append(fine)
            return AuthResult(success=fine, handled=False) if not fine else AuthResult(success=True)

        controller = Controller(Handler(), hostname="127.0.0.1", port=self.port, tls_context=context, require_starttls=True,
                                auth_required=True, authenticator=check)
        controller.start()
        return controller

    def start(self, password="mail-password"):
        self.server = Server(flags=[*QUICK, "--mfa-email-provider", "smtp", "--mail-from", "login@example.com", "--smtp-host", "localhost",
                                    "--smtp-port", str(self.port), "--smtp-username", "zephyr", "--smtp-ca-file", self.certificate],
                             environment={"ZEPHYR_SMTP_PASSWORD": password})
        add_user(self.server.data, "anna", "--email", "anna@example.org")
        return self.server.client()

    def ask_for_code(self, client):
        client.log_in("anna")
        return client.post("/auth/email/verify/send")

    def test_a_link_goes_by_starttls_and_auth(self):
        status, body = self.ask_for_code(self.start())
        self.assertLess(status, 300, body)
        sender, recipients, content = wait_for(lambda: self.mails)[0]
        self.assertEqual((sender, recipients), ("login@example.com", ["anna@example.org"]))
        self.assertEqual(self.signed_in, [True])
        mail = email.message_from_bytes(content, policy=email.policy.default)
        self.assertEqual(mail["Auto-Submitted"], "auto-generated")
        self.assertEqual(mail.get_content_type(), "multipart/alternative")
        text, html = [part.get_content() for part in mail.iter_parts()]
        link = re.search(r"http://127\.0\.0\.1:\d+/\S+", text).group(0)
        self.assertIn(link.replace("&", "&amp;"), html)
        self.assertEqual(mail.defects, [])

    def test_a_mail_server_that_refuses_or_is_away_for_a_while_loses_nothing_and_doubles_nothing(self):
        self.faults = ["451 4.3.0 later"]
        client = self.start()
        self.ask_for_code(client)
        wait_for(lambda: self.mails, 15)
        self.assertEqual(len(self.mails), 1)
        ids = {email.message_from_bytes(content)["Message-ID"] for _, _, content in self.mails}
        self.assertEqual(len(ids), 1)

    def test_a_wrong_password_loses_nothing(self):
        client = self.start(password="not-the-password")
        self.ask_for_code(client)
        wait_for(lambda: "messages.not_sent" in self.server.log())
        self.assertEqual(self.mails, [])
        self.assertIn("later", self.server.log())
        self.assertNotIn("anna@example.org", self.server.log())


if __name__ == "__main__":
    unittest.main()
