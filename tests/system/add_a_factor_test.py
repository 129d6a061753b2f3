#!/usr/bin/env python3
"""examples/push_factor as docs/guides/add-a-factor.md describes it: a phone that signs numbers, played with openssl."""
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from zephyr_server import BINARY, PASSWORD, QUICK, Server, add_user

EXAMPLE = os.environ.get("ZEPHYR_EXAMPLE_PUSH", str(Path(BINARY).parent / "example_push_factor"))


class Phone:
    def __init__(self, folder, name):
        self.folder, self.key = Path(folder), Path(folder) / f"{name}.pem"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", self.key], check=True, capture_output=True)

    def public_key(self):
        return subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout.hex()

    def sign(self, question, number):
        said = self.folder / "said"
        said.write_text(f"{question}|{number}")
        return subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", self.key, "-in", said], check=True, capture_output=True).stdout.hex()


class AddAFactor(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        add_user(f"{folder.name}/data", "ada")  # before: this server takes no commands
        self.server = Server(data=f"{folder.name}/data", binary=EXAMPLE, serve=(), flags=[*QUICK, "--log-level", "error"])
        self.addCleanup(self.server.stop)
        self.phone, self.stolen = Phone(folder.name, "phone"), Phone(folder.name, "other")
        self.browser = self.server.client()
        self.assertEqual(self.browser.log_in("ada")[1]["mfa"], "none")
        self.assertEqual(self.browser.post("/push/pair", {"name": "Phone", "public_key": "00"})[0], 400)
        status, paired = self.browser.post("/push/pair", {"name": "Phone", "public_key": self.phone.public_key()})
        self.assertEqual(status, 200, paired)
        self.id = paired["phone"]

    def begin(self):
        self.browser.cookies.clear()
        self.assertEqual(self.browser.log_in("ada")[1]["mfa"], "required")
        self.assertEqual(self.browser.post("/auth/mfa/push/verify", {})[1]["id"], "mfa.not_enrolled", "nothing was asked yet")
        status, sent = self.browser.post("/auth/mfa/push/send")
        self.assertEqual(status, 200, sent)
        self.assertEqual(sent["expires_in"], 60)
        return sent["to"], self.server.client().get(f"/push/questions/{self.id}")[1]["questions"][-1]

    def answer(self, phone, question, number, signed=None):
        signature = phone.sign(question, signed or number)
        return self.server.client().post("/push/answer", {"question": question, "number": number, "signature": signature})[0]

    def test_the_right_number_signed_by_the_right_phone_completes_the_sign_in(self):
        number, question = self.begin()
        self.assertEqual(self.browser.post("/auth/mfa/push/verify", {})[1]["id"], "push.waiting")
        self.assertEqual(self.answer(self.stolen, question, number), 403, "another phone's signature")
        self.assertEqual(self.answer(self.phone, question, number, signed="xx"), 403, "a signature over something else")
        self.assertEqual(self.answer(self.phone, question, number), 204)
        self.assertEqual(self.answer(self.phone, question, number), 403, "answered already")
        self.assertEqual(self.browser.post("/auth/mfa/push/verify", {})[0], 200)
        me = self.browser.get("/auth/me")[1]
        self.assertTrue(me["mfa"])
        self.assertEqual([use["factor"] for use in me["factors"]], ["pwd", "push"])
        self.assertEqual(self.browser.post("/auth/mfa/push/verify", {})[0], 404, "used up")

    def test_a_wrong_number_opens_nothing_and_is_counted(self):
        for wrong in range(5):
            number, question = self.begin() if wrong == 0 else self.again()
            other = f"{(int(number) + 1) % 100:02}"
            self.assertEqual(self.answer(self.phone, question, other), 204)
            self.assertEqual(self.browser.post("/auth/mfa/push/verify", {})[1]["id"], "mfa.wrong_code")
        self.assertEqual(self.browser.post("/auth/mfa/push/verify", {})[1]["id"], "mfa.too_many_attempts")
        self.assertEqual(self.browser.get("/auth/me")[0], 403)

    def again(self):
        status, sent = self.browser.post("/auth/mfa/push/send")
        self.assertEqual(status, 200, sent)
        return sent["to"], self.server.client().get(f"/push/questions/{self.id}")[1]["questions"][-1]


if __name__ == "__main__":
    unittest.main(verbosity=2)
