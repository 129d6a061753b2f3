#!/usr/bin/env python3
"""Codes and links that leave the server: by SMS through a gateway that speaks Twilio's published API and through an SMS centre that speaks
SMPP, by mail through a server with STARTTLS and AUTH. And what happens when these hang, refuse, answer rubbish or die, or we do."""
import email.utils
import json
import re
import sqlite3
import tempfile
import time
import unittest
from pathlib import Path

from code_gateways import MailServer, SmppGateway, SmsGateway, wait_until
from zephyr_server import QUICK, Server, add_user, totp, zephyr

PHONE = "+4915112345678"
POLL = 3  # seconds between two looks of the server at what is due
SENT, DEAD = "ZMSGS01I", "ZMSGS02W"


def phone(number):
    """Several numbers: only so many codes go to one that is being added."""
    return PHONE[:-1] + str(number)


class Messages(unittest.TestCase):
    """A server of its own for each test."""
    server = None

    def folder(self):
        folder = tempfile.TemporaryDirectory(prefix="zephyr-messages-")
        self.addCleanup(folder.cleanup)
        return Path(folder.name)

    def start(self, *flags, data=None):
        self.server = Server(data=data, flags=[*QUICK, *flags])
        self.addCleanup(self.server.stop)

    def signed_in(self, name, *flags):
        add_user(self.server.data, name, *flags)
        client = self.server.client()
        self.assertEqual(client.log_in(name)[0], 200)
        return client

    def with_app(self, name):
        """Somebody with an authenticator app; the secret."""
        client = self.signed_in(name)
        secret = client.post("/auth/mfa/totp/setup")[1]["secret"]
        self.assertEqual(client.post("/auth/mfa/totp/verify", {"code": totp(secret)})[0], 200)
        return secret

    def assert_app_signs_in(self, name, secret):
        start = time.monotonic()
        client = self.server.client()
        self.assertEqual(client.log_in(name)[1]["mfa"], "required")
        self.assertEqual(client.post("/auth/mfa/totp/verify", {"code": totp(secret, 1)})[0], 200)  # the step of the enrolment is used
        self.assertEqual(client.get("/auth/me")[0], 200)
        self.assertLess(time.monotonic() - start, 3)

    def ask_for_sms(self, name, to=PHONE):
        client = self.signed_in(name)
        status, body = client.post("/auth/mfa/sms/setup", {"phone": to})
        self.assertEqual((status, body.get("status"), body.get("expires_in")), (200, "sent", 300), body)
        return client

    def log_of_sending(self, holds):
        return [line for line in self.server.log().splitlines() if "messages." in line and holds in line]

    def events(self, code):
        return json.loads(zephyr("audit", "list", "--code", code, "--json", "--limit", "100", data=self.server.data, check=True).stdout)

    def reasons(self):
        """Why messages died, by the audit log."""
        return [event["reason"] for event in self.events(DEAD)]


class MessagesByTwilio(Messages):
    def setUp(self):
        self.gateway = SmsGateway()
        self.addCleanup(self.gateway.stop)
        self.start("--mfa-sms-prefixes", "+49", *self.gateway.flags(self.folder()))

    def tearDown(self):
        self.assertEqual(self.gateway.complaints, [])

    def test_a_code_goes_by_twilios_published_api_and_enrols(self):
        client = self.ask_for_sms("anna")
        text = self.gateway.text_to(PHONE)
        self.assertEqual(self.gateway.sent[0]["From"], self.gateway.FROM)
        self.assertLessEqual(len(text), 160)
        code = re.search(r"\n@127\.0\.0\.1 #(\d{6})$", text).group(1)
        self.assertEqual(client.post("/auth/mfa/sms/verify", {"code": code})[0], 200)

    def test_a_gateway_that_refuses_for_a_while_loses_nothing_and_doubles_nothing(self):
        self.gateway.fail("503", "429")
        self.ask_for_sms("ben")
        wait_until(lambda: self.gateway.sent, 20)
        time.sleep(POLL + 1)
        self.assertEqual((len(self.gateway.sent), self.gateway.requests), (1, 3))

    def test_one_that_may_have_been_taken_is_not_sent_again(self):
        for number, fault in enumerate(("die", "garbage"), 1):
            self.gateway.fail(fault)
            self.ask_for_sms("carl" + fault, phone(number))
            wait_until(lambda: len(self.reasons()) == number)
            time.sleep(2 * POLL)
            self.assertEqual(self.gateway.requests, number, fault)
        self.assertEqual(self.reasons(), ["uncertain", "uncertain"])
        self.assertIn("messages.not_sent", self.server.log())
        self.assertNotIn(PHONE[:-1], self.server.log())

    def test_a_gateway_that_hangs_leaves_other_factors_alone(self):
        secret = self.with_app("dora")
        self.gateway.fail(*["hang"] * 4)
        for number in range(4):
            self.ask_for_sms(f"e{number}", phone(number))
        wait_until(lambda: self.gateway.requests)
        self.assert_app_signs_in("dora", secret)
        self.gateway.released.set()


class MessagesBySmpp(Messages):
    def begin(self, *flags, **more):
        self.smsc = SmppGateway(self.folder())
        self.addCleanup(self.smsc.stop)
        self.start("--mfa-sms-prefixes", "+49", *self.smsc.flags(**more), *flags)

    def count(self, what):
        return len(self.smsc.events(what))

    def tearDown(self):
        self.assertEqual(self.smsc.events("broken"), [])
        self.assertNotIn(PHONE[:-1], self.server.log())
        self.assertNotIn(self.smsc.PASSWORD, self.server.log())

    def test_a_code_enrols_and_another_signs_in_by_one_session(self):
        # Of the GSM alphabet and its extension table; the emoji is in neither, and is left out.
        self.begin("--server-name", "Zéphyr [€] Ω 🔑")
        client = self.ask_for_sms("anna")
        message = self.smsc.message_to(PHONE)
        self.assertEqual((message["from"], message["from_type"], message["coding"]), (self.smsc.FROM[1:], 1, 0))
        self.assertIn("Zéphyr [€] Ω", message["text"])
        self.assertNotIn("🔑", message["text"])
        code = re.search(r"\n@127\.0\.0\.1 #(\d{6})$", message["text"]).group(1)
        self.assertEqual(client.post("/auth/mfa/sms/verify", {"code": code})[0], 200)

        client = self.server.client()
        self.assertEqual(client.log_in("anna")[1]["mfa"], "required")
        self.assertEqual(client.get("/auth/me")[0], 403)
        time.sleep(1.1)  # a rest, after which the session is asked for first
        status, sent = client.post("/auth/mfa/sms/send")
        self.assertEqual((status, sent["status"], sent["expires_in"]), (200, "sent", 300), sent)
        code = self.smsc.code_to(PHONE)
        wrong = f"{(int(code) + 1) % 1_000_000:06d}"
        self.assertEqual(client.post("/auth/mfa/sms/verify", {"code": wrong})[0], 400)
        self.assertEqual(client.post("/auth/mfa/sms/verify", {"code": code})[0], 200)
        self.assertEqual(client.get("/auth/me")[0], 200)

        self.assertEqual((self.count("bind"), self.count("submit"), self.count("enquire_link")), (1, 2, 1))
        wait_until(lambda: len(self.events(SENT)) == 2)
        self.assertEqual({event["details"]["provider"] for event in self.events(SENT)}, {"smpp"})
        self.server.process.terminate()  # it says good-bye
        self.server.process.wait(30)
        wait_until(lambda: self.count("unbind") == 1)

    def test_a_wrong_password_sends_nothing_and_the_operator_reads_why(self):
        self.begin(password="not-this")
        secret = self.with_app("ben")
        self.ask_for_sms("anna")
        lines = wait_until(lambda: self.log_of_sending("0x0000000e"))  # ESME_RINVPASWD
        self.assertIn("later", lines[0])
        wait_until(lambda: self.count("bind") >= 2)
        self.assertEqual({event["status"] for event in self.smsc.events("bind")}, {14})
        self.assertEqual(self.count("submit"), 0)
        self.assert_app_signs_in("ben", secret)

    def test_one_that_refuses_for_a_while_loses_nothing_and_doubles_nothing(self):
        self.begin()
        self.smsc.fail("refuse", "throttle")
        client = self.ask_for_sms("anna")
        wait_until(lambda: self.count("message"), 20)
        time.sleep(POLL + 1)
        self.assertEqual([event["status"] for event in self.smsc.events("bind")], [13, 0])    # ESME_RBINDFAIL
        self.assertEqual([event["status"] for event in self.smsc.events("submit")], [88, 0])  # ESME_RTHROTTLED
        self.assertEqual(self.count("message"), 1)
        self.assertEqual(self.reasons(), [])
        self.assertEqual(client.post("/auth/mfa/sms/verify", {"code": self.smsc.code_to(PHONE)})[0], 200)

    def test_one_that_forgets_the_session_is_asked_for_a_new_one(self):
        self.begin()
        self.smsc.fail("forget")
        self.ask_for_sms("anna")
        self.smsc.message_to(PHONE)
        self.assertEqual((self.count("bind"), self.count("message")), (2, 1))

    def test_one_that_dies_or_answers_rubbish_is_not_sent_the_message_again(self):
        self.begin()
        for number, fault in enumerate(("die", "garbage"), 1):
            self.smsc.fail(fault)
            self.ask_for_sms("carl" + fault, phone(number))
            wait_until(lambda: len(self.reasons()) == number)
            time.sleep(2 * POLL)
            self.assertEqual(self.count("submit"), number, fault)
        self.assertEqual(self.reasons(), ["uncertain", "uncertain"])
        # The next one finds a new session.
        self.ask_for_sms("dora")
        wait_until(lambda: self.count("message") == 3)
        self.assertEqual(self.count("bind"), 3)

    def test_one_that_hangs_leaves_other_factors_alone_and_is_not_sent_the_message_again(self):
        self.begin()
        secret = self.with_app("dora")
        self.smsc.fail("hang")
        self.ask_for_sms("anna")
        wait_until(lambda: self.count("submit") == 1)
        second = self.ask_for_sms("ben", phone(9))
        self.assert_app_signs_in("dora", secret)
        # Who comes behind it waits for the end of its time, 20 s, and no longer.
        wait_until(lambda: self.count("message") == 2, 40)
        self.assertEqual(second.post("/auth/mfa/sms/verify", {"code": self.smsc.code_to(phone(9))})[0], 200)
        time.sleep(2 * POLL)
        self.assertEqual((self.count("submit"), self.count("bind")), (2, 2))
        self.assertEqual(self.reasons(), ["uncertain"])


class MessagesByMail(Messages):
    def begin(self, **more):
        self.here = self.folder()
        self.mail = MailServer(self.here)
        self.addCleanup(self.mail.stop)
        self.flags = self.mail.flags(**more)
        self.start(*self.flags, data=self.here / "data")

    def ask_for_link(self, name):
        client = self.signed_in(name, "--email", f"{name}@example.test")
        status, body = client.post("/auth/email/verify/send")
        self.assertLess(status, 300, body)
        return client

    def test_a_link_goes_by_starttls_and_auth(self):
        self.begin()
        client = self.ask_for_link("anna")
        message, text = self.mail.next_to("anna@example.test")
        self.assertEqual((message["X-MailFrom"], email.utils.parseaddr(message["From"])[1]), ("login@example.test", "login@example.test"))
        self.assertEqual(message["Auto-Submitted"], "auto-generated")
        self.assertEqual(message.get_content_type(), "multipart/alternative")
        self.assertEqual(message.defects, [])
        _, html = [part.get_content() for part in message.iter_parts()]
        link = re.search(r"http://127\.0\.0\.1:\d+/\S+", text).group(0)
        self.assertIn(link.replace("&", "&amp;"), html)
        self.assertEqual(client.submit(link[link.index("/verify-email/"):])[0], 200)
        self.assertEqual(client.post("/auth/mfa/email/setup")[0], 200)
        self.assertEqual(client.post("/auth/mfa/email/verify", {"code": self.mail.code_to("anna@example.test")})[0], 200)

    def test_a_server_that_puts_off_loses_nothing_and_doubles_nothing(self):
        self.begin()
        self.mail.fail("451 4.3.0 later", "421 4.3.2 closing")
        self.ask_for_link("anna")
        wait_until(self.mail.messages, 20)
        time.sleep(POLL + 1)
        self.assertEqual(self.mail.addressees(), ["anna@example.test"])
        self.assertEqual(len(self.log_of_sending("later")), 2)

    def test_a_refusal_is_for_good_and_leaves_a_trace(self):
        self.begin()
        self.mail.fail("554 5.7.1 not from you")
        self.ask_for_link("anna")
        wait_until(lambda: self.reasons() == ["refused"])
        time.sleep(POLL + 1)
        self.assertEqual(self.mail.messages(), [])
        self.assertEqual(len(self.log_of_sending("never")), 1)

    def test_one_that_dies_or_answers_rubbish_is_not_sent_the_message_again(self):
        self.begin()
        for number, fault in enumerate(("die", "garbage"), 1):
            self.mail.fail(fault)
            self.ask_for_link("carl" + fault)
            wait_until(lambda: len(self.reasons()) == number)
            time.sleep(2 * POLL)
            self.assertEqual(len(self.mail.messages()), number, fault)
        self.assertEqual(self.reasons(), ["uncertain", "uncertain"])

    def test_a_wrong_password_loses_nothing(self):
        self.begin(password="not-the-password")
        self.ask_for_link("anna")
        wait_until(lambda: self.log_of_sending("later"))
        self.assertEqual(self.mail.messages(), [])
        self.assertEqual(self.reasons(), [])
        self.assertNotIn("anna@example.test", self.server.log())
        self.assertNotIn("not-the-password", self.server.log())
        # With the right one after a restart the message goes.
        self.server.stop()
        self.start(*self.mail.flags(), data=self.here / "data")
        self.mail.link_to("anna@example.test")

    def test_a_mail_server_that_hangs_leaves_other_factors_alone(self):
        self.begin()
        secret = self.with_app("dora")
        self.mail.fail("slow", "deaf")
        for name in ("e1", "e2", "e3"):
            self.ask_for_link(name)
        wait_until(lambda: self.mail.left_waiting() == 2)
        self.assert_app_signs_in("dora", secret)
        self.server.kill()  # it would wait for the wire

    def test_killed_while_sending_nothing_is_lost_without_a_trace_and_nothing_sent_twice(self):
        self.begin()
        self.mail.fail("slow", "deaf")  # one that was taken, one that was not; nobody on our side can tell them apart
        people = ["anna", "ben", "carl", "dora"]
        for name in people:
            self.ask_for_link(name)
        wait_until(lambda: self.mail.left_waiting() == 2)
        first = self.mail.addressees()
        self.assertEqual(len(first), 1)
        self.server.kill()

        # As if the three minutes of a claim had passed.
        database = sqlite3.connect(self.here / "data/zephyr.db")
        claimed = database.execute("UPDATE message SET next_at = 0 WHERE state = 'sending'").rowcount
        waiting = database.execute("SELECT count(*) FROM message WHERE state = 'waiting'").fetchone()[0]
        database.commit()
        database.close()
        self.assertEqual((claimed, waiting), (2, 2))

        self.start(*self.flags, data=self.here / "data")
        wait_until(lambda: len(self.mail.messages()) == 3 and len(self.reasons()) == 2)
        time.sleep(2 * POLL)
        self.assertEqual(sorted(self.mail.addressees()), sorted(first + ["carl@example.test", "dora@example.test"]))
        self.assertEqual(self.reasons(), ["uncertain", "uncertain"])
        # Two threads look; both may see the same ones.
        self.assertEqual(len(set(re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", " ".join(self.log_of_sending("messages.abandoned"))))), 2)
        self.assertEqual(len(self.events(SENT)), 2)
        # Of each message one thing became, and the log says what.
        outcomes = [event["subject"] for event in self.events(SENT) + self.events(DEAD)]
        self.assertEqual(len(set(map(str, outcomes))), 4)
        # Whose message it was asks again, and gets it.
        client = self.server.client()
        lost = "ben" if first == ["anna@example.test"] else "anna"
        self.assertEqual(client.log_in(lost)[0], 200)
        self.assertLess(client.post("/auth/email/verify/send")[0], 300)
        self.mail.link_to(f"{lost}@example.test")


if __name__ == "__main__":
    unittest.main()
