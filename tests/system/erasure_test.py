#!/usr/bin/env python3
"""A person who is deleted is gone: 200 distinctive strings planted in every field of theirs are nowhere in the data folder afterwards, neither in
the database and its write-ahead log and free pages, nor in the audit log, while the server runs and after it stopped. And the log still verifies."""
import base64
import os
import random
import secrets
import tempfile
import unittest
from pathlib import Path

from zephyr_server import PASSWORD, QUICK, Server, totp, zephyr

PLANTED = 200
SEED = int(os.environ.pop("ZEPHYR_SEED", "1"))
OTHERS = 40  # people whose rows lie between theirs


def spellings(text):
    """How the text might stand in a file: as bytes, UTF-16, hex, base64 at each of its three alignments."""
    raw = text.encode()
    yield raw
    yield raw.upper()
    yield text.encode("utf-16-le")
    yield text.encode("utf-16-be")
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for before in range(3):
        encoded = base64.b64encode(b"x" * before + raw)
        # Without the characters that share bits with what stands before and behind.
        inner = encoded[(0, 2, 3)[before]:len(encoded) // 4 * 4 - 4]
        yield inner
        yield inner.replace(b"+", b"-").replace(b"/", b"_")


def found_in(folder, canaries):
    wanted = {spelling: text for text in canaries for spelling in spellings(text)}
    found = set()
    for path in Path(folder).rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        found |= {(text, path.name) for spelling, text in wanted.items() if spelling in content}
    return found


class Erasure(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="zephyr-erasure-")
        self.addCleanup(self.folder.cleanup)
        self.data = Path(self.folder.name) / "data"
        self.chance = random.Random(SEED)
        self.canaries = []

    def word(self, prefix=""):
        text = prefix + "canary" + secrets.token_hex(6)
        self.canaries.append(text)
        return text

    def address(self):
        # RFC 3849 addresses; no group is short, so that there is one spelling.
        text = "2001:db8:" + ":".join(f"{self.chance.randrange(0x1000, 0xffff):x}" for _ in range(6))
        self.canaries.append(text)
        return text

    def attempt(self, server, login, password=PASSWORD):
        client = server.client()
        client.request("POST", "/auth/login", {"username": login, "password": password},
                       {"X-Forwarded-For": self.address(), "User-Agent": "Mozilla/5.0 (" + self.word() + ")"})
        client.connection.close()
        return client

    def plant(self, server):
        name, mail, shown = self.word("u"), self.word("m") + "@mail.example", self.word("Display ")
        zephyr("user", "add", name, "--email", mail, "--display-name", shown, "--password-stdin", data=self.data, stdin=PASSWORD + "\n",
               check=True)
        client = self.attempt(server, name)
        browser = {"User-Agent": self.word("Agent "), "X-Forwarded-For": self.address()}
        status, setup = client.request("POST", "/auth/mfa/totp/setup", {}, browser)
        self.assertEqual(status, 200, setup)
        self.canaries.append(setup["secret"])
        self.assertEqual(client.request("POST", "/auth/mfa/totp/verify", {"code": totp(setup["secret"])}, browser)[0], 200)
        zephyr("user", "disable", name, "--reason", self.word("Reason "), data=self.data, check=True)
        zephyr("user", "enable", name, "--reason", self.word("Reason "), data=self.data, check=True)
        zephyr("role", "grant", name, "auditor", data=self.data, check=True)
        while len(self.canaries) < PLANTED:
            choice = self.chance.random()
            if choice < 0.3:
                self.attempt(server, name)
            elif choice < 0.6:
                self.attempt(server, mail, "wrong " + self.word())
            else:
                self.attempt(server, self.word("typed "), "wrong")
        return name

    def verify_log(self):
        shown = zephyr("audit", "key", "show", data=self.data, check=True)
        vkey = shown.stdout.strip().splitlines()[-1]
        verified = zephyr("audit", "verify", str(self.data / "audit"), "--vkey", vkey)
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)

    def test_of_200_strings_none_is_left_and_every_proof_still_holds(self):
        flags = [*QUICK, "--log-level", "error", "--trusted-proxies", "127.0.0.1"]
        with Server(self.data, flags) as server:
            for i in range(OTHERS):
                zephyr("user", "add", f"other{i}", "--email", f"other{i}@mail.example", "--password-stdin", data=self.data,
                       stdin=PASSWORD + "\n", check=True)
                if i == OTHERS // 2:
                    name = self.plant(server)
            self.assertGreaterEqual(len(self.canaries), PLANTED)
            before = found_in(self.data, self.canaries)
            self.assertTrue(any(text == name for text, _ in before), "the search finds what is there")
            listed = zephyr("audit", "list", "--limit", "1000", "--json", data=self.data, check=True).stdout
            self.assertGreater(sum(text in listed for text in self.canaries), 60, "sealed in the log, but there")
            zephyr("user", "delete", name, "--reason", self.word("Reason "), data=self.data, check=True)
            self.assertEqual(found_in(self.data, self.canaries), set(), "while the server runs")
            self.assertEqual(self.attempt(server, "other1").cookies.keys() & {"zephyr_session"}, {"zephyr_session"}, "others still sign in")
        self.canaries = self.canaries[:-2]  # that sign-in's
        self.assertEqual(found_in(self.data, self.canaries), set(), "after it stopped")
        self.verify_log()
        print(f"{len(self.canaries)} strings planted, {len(before)} found before, none after")


if __name__ == "__main__":
    unittest.main()
