#!/usr/bin/env python3
"""Two servers on one PostgreSQL: of 64 presentations of one code at the same time, over both, exactly one is accepted. For each kind of
factor; codes by mail and SMS come through a real SMTP server and an HTTP gateway."""
import re
import tempfile
import threading
import unittest
from pathlib import Path

from code_gateways import MailServer, SmsGateway
from postgres_server import PostgresServer
from zephyr_server import PASSWORD, QUICK, Client, Server, totp, zephyr

PRESENTATIONS = 64
PHONE = "+15005550006"


class TwoNodes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        here = Path(folder.name)
        postgres = PostgresServer()
        cls.addClassCleanup(postgres.stop)
        cls.mail, cls.sms = MailServer(here), SmsGateway()
        cls.addClassCleanup(cls.mail.stop)
        cls.addClassCleanup(cls.sms.stop)
        key = here / "master.key"
        zephyr("key", "create", str(key), check=True)
        cls.environment = {"ZEPHYR_STORAGE_URL": postgres.url(postgres.fresh_database()), "ZEPHYR_KEYS_MASTER_KEY_FILE": str(key)}
        flags = [*QUICK, "--log-level", "warning", "--mfa-sms-prefixes", "+1", *cls.mail.flags(), *cls.sms.flags()]
        cls.nodes = []
        for name in ("a", "b"):
            server = Server(data=here / name, flags=flags, environment=cls.environment)
            cls.addClassCleanup(server.stop)
            cls.nodes.append(server)

    def newcomer(self, name):
        """Somebody with a password, signed in at the first node."""
        zephyr("user", "add", name, "--password-stdin", "--email", f"{name}@example.test", data=self.nodes[0].data, stdin=PASSWORD + "\n",
               environment=self.environment, check=True)
        client = self.nodes[0].client()
        self.assertEqual(client.log_in(name)[0], 200)
        return client

    def person(self, name):
        """Somebody with an authenticator app, signed in at the first node."""
        client = self.newcomer(name)
        secret = client.post("/auth/mfa/totp/setup")[1]["secret"]
        status, enrolled = client.post("/auth/mfa/totp/verify", {"code": totp(secret)})
        self.assertEqual(status, 200, enrolled)
        return client, secret, enrolled["backup_codes"]

    def race(self, path, code, cookies_of):
        """Presents `code` from PRESENTATIONS threads, every other at the other node. How many were accepted, and what the rest were told."""
        start, answers = threading.Barrier(PRESENTATIONS), [None] * PRESENTATIONS

        def present(number):
            client = Client(self.nodes[number % 2].port)
            client.cookies = dict(cookies_of(number))
            client.get("/healthz")  # connected before the race
            start.wait()
            answers[number] = client.post(path, {"code": code})
            client.connection.close()

        threads = [threading.Thread(target=present, args=(number,)) for number in range(PRESENTATIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        accepted = [answer for answer in answers if answer[0] == 200]
        refused = {(status, body.get("id") if isinstance(body, dict) else body) for status, body in answers if status != 200}
        return len(accepted), refused

    def sign_ins(self, name, count):
        """`count` sign-ins that wait for the second factor, half of them at each node."""
        cookies = []
        for number in range(count):
            client = Client(self.nodes[number % 2].port)
            self.assertEqual(client.log_in(name)[1]["mfa"], "required")
            cookies.append(dict(client.cookies))
            client.connection.close()
        return cookies

    def test_one_time_password(self):
        _, secret, _ = self.person("otto")
        cookies = self.sign_ins("otto", PRESENTATIONS)
        code = totp(secret, steps_ahead=1)  # the step of the enrolment is used
        accepted, refused = self.race("/auth/mfa/totp/verify", code, lambda number: cookies[number])
        self.assertEqual(accepted, 1, refused)
        self.assertEqual({status for status, _ in refused}, {400}, refused)

    def test_backup_code(self):
        _, _, codes = self.person("berta")
        cookies = self.sign_ins("berta", PRESENTATIONS)
        accepted, refused = self.race("/auth/mfa/backup-codes/verify", codes[0], lambda number: cookies[number])
        self.assertEqual(accepted, 1, refused)
        # A full gate for hashes may turn somebody away; nobody else is let in.
        self.assertLessEqual({status for status, _ in refused}, {400, 429, 503}, refused)

    def test_code_by_sms(self):
        client, _, _ = self.person("susi")
        self.assertEqual(client.post("/auth/mfa/sms/setup", {"phone": PHONE})[0], 200)
        self.assertEqual(client.post("/auth/mfa/sms/verify", {"code": self.sms.code_to(PHONE)})[0], 200)
        cookies = self.sign_ins("susi", 1)[0]
        sender = Client(self.nodes[1].port)
        sender.cookies = cookies
        status, sent = sender.post("/auth/mfa/sms/send")
        self.assertEqual((status, sent["status"], sent["expires_in"]), (200, "sent", 300), sent)
        self.assertNotIn(PHONE, sent["to"])
        code = self.sms.code_to(PHONE)
        self.assertEqual(self.sms.complaints, [])
        sender.connection.close()
        accepted, refused = self.race("/auth/mfa/sms/verify", code, lambda _: cookies)
        self.assertEqual(accepted, 1, refused)
        self.assertLessEqual({status for status, _ in refused}, {400, 401}, refused)

    def test_code_by_mail(self):
        client = self.newcomer("emil")  # beside an app a code by mail completes no sign-in
        self.verify_address(client, "emil")
        self.assertEqual(client.post("/auth/mfa/email/setup")[0], 200)
        self.assertEqual(client.post("/auth/mfa/email/verify", {"code": self.mail.code_to("emil@example.test")})[0], 200)
        cookies = self.sign_ins("emil", 1)[0]
        sender = Client(self.nodes[0].port)
        sender.cookies = cookies
        self.assertEqual(sender.post("/auth/mfa/email/send")[0], 200)
        code = self.mail.code_to("emil@example.test")
        sender.connection.close()
        accepted, refused = self.race("/auth/mfa/email/verify", code, lambda _: cookies)
        self.assertEqual(accepted, 1, refused)
        self.assertLessEqual({status for status, _ in refused}, {400, 401}, refused)

    def verify_address(self, client, name):
        self.assertIn(client.post("/auth/email/verify/send")[0], (200, 202))
        link = self.mail.link_to(f"{name}@example.test")
        status, page = client.submit(re.sub(r"^https?://[^/]+", "", link))
        self.assertEqual(status, 200, page)


if __name__ == "__main__":
    unittest.main(verbosity=2)
