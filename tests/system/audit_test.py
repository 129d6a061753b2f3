#!/usr/bin/env python3
"""`zephyr audit` as an operator and an auditor use it: verify a copy that nobody vouches for, prove, export, hold, tail."""
import base64
import csv
import hashlib
import io
import json
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from zephyr_server import BINARY, QUICK, Server, add_user, zephyr

DAMAGED, NOT_AUTHENTICATED, NOT_WITNESSED = 1, 3, 4


def witness_key():
    """A key of a witness that never signed anything (RFC 8032 7.1, test 1), written as C2SP signed-note says."""
    name, key = b"witness.example", bytes.fromhex("04d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    return f"witness.example+{hashlib.sha256(name + chr(10).encode() + key).hexdigest()[:8]}+{base64.b64encode(key).decode()}"


class Audit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.here = Path(cls.folder.name)
        cls.data = cls.here / "data"
        add_user(cls.data, "ada", "--email", "ada@example.test", "--role", "admin")
        add_user(cls.data, "bob")
        cls.vkey = zephyr("audit", "key", "show", data=cls.data, check=True).stdout.strip()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def ok(self, *arguments, data=None):
        result = zephyr(*arguments, data=data or self.data)
        self.assertEqual(result.returncode, 0, result.stderr + result.stdout)
        return result.stdout

    def copy(self):
        copy = self.here / f"copy-{time.monotonic_ns()}"
        shutil.copytree(self.data / "audit", copy, ignore=shutil.ignore_patterns("lock"))
        return copy

    def verify(self, folder, *options):
        # In an empty folder and with an empty environment: no settings, no database.
        with tempfile.TemporaryDirectory() as empty:
            return subprocess.run([BINARY, "audit", "verify", str(folder), *options], cwd=empty, env={}, capture_output=True, text=True, timeout=60)

    def epoch(self, folder):
        return sorted((folder / "epochs").iterdir())[-1]

    def test_a_folder_alone_is_verified_and_only_a_key_authenticates_it(self):
        copy = self.copy()
        for folder in (self.data, copy, self.epoch(copy)):
            found = self.verify(folder, "--vkey", self.vkey)
            self.assertEqual(found.returncode, 0, found.stdout + found.stderr)
            self.assertIn(": authenticated", found.stdout)
        alone = self.verify(copy)
        self.assertEqual(alone.returncode, NOT_AUTHENTICATED)
        self.assertIn("self-consistent, not authenticated", alone.stdout)

    def test_a_key_of_somebody_else_does_not_authenticate(self):
        other = self.vkey[:-4] + ("AAA=" if not self.vkey.endswith("AAA=") else "BBA=")
        self.assertEqual(self.verify(self.copy(), "--vkey", other).returncode, 2, "its own hash says that it is no key")
        self.assertNotEqual(self.verify(self.copy(), "--vkey", witness_key()).returncode, 0)

    def key_of(self, name):
        """A sound key that signed nothing here."""
        point = b"\x01" + bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        name_hash = hashlib.sha256(name.encode() + b"\n" + point).hexdigest()[:8]
        return f"{name}+{name_hash}+{base64.b64encode(point).decode()}"

    def test_a_sound_key_that_signed_nothing_here_vouches_for_nothing(self):
        copy = self.copy()
        for name in (self.vkey.split("+")[0], "other.example/audit/n"):
            found = self.verify(copy, "--vkey", self.key_of(name))
            self.assertEqual(found.returncode, NOT_AUTHENTICATED, found.stdout + found.stderr)
            self.assertIn("self-consistent, not authenticated", found.stdout)

    def test_what_a_folder_says_does_not_reach_the_terminal_as_commands(self):
        copy = self.copy()
        epoch = self.epoch(copy)
        (epoch / "origin").write_bytes(b"a\x1b]0;title\x07\xc2\x9b31m\x7f\xe2\x80\xae\n")
        (epoch / "x\x1b[2J").write_text("hidden")
        (epoch / "segments" / "y\x1b[2J").write_text("hidden")
        found = self.verify(copy)
        self.assertEqual(found.returncode, DAMAGED)
        self.assertIn("a?]0;title?", found.stdout)
        for code in ("\x1b", "\x07", "\x9b", "\x7f", "\u202e"):
            self.assertNotIn(code, found.stdout + found.stderr)

    def test_a_folder_that_cannot_be_read_is_damaged(self):
        copy = self.copy()
        with open(self.epoch(copy) / "cosigned", "wb") as file:
            file.truncate(65 << 20)
        found = self.verify(copy, "--vkey", self.vkey)
        self.assertEqual(found.returncode, DAMAGED, found.stdout + found.stderr)

    def test_witnesses_that_were_asked_for_and_did_not_sign(self):
        policy = self.here / "policy"
        policy.write_text(f"log {self.vkey}\nwitness W {witness_key()}\nquorum W\n")
        found = self.verify(self.copy(), "--witness-policy", str(policy))
        self.assertEqual(found.returncode, NOT_WITNESSED, found.stdout + found.stderr)
        policy.write_text("quorum nobody\n")
        self.assertEqual(self.verify(self.copy(), "--witness-policy", str(policy)).returncode, 2)

    def test_damage_is_named_with_its_first_index(self):
        copy = self.copy()
        segment = sorted((self.epoch(copy) / "segments").iterdir())[0]
        content = bytearray(segment.read_bytes())
        at = content.index(b'"ZUSER01I"')
        content[at + 1] ^= 1
        segment.write_bytes(content)
        found = self.verify(copy, "--vkey", self.vkey)
        self.assertEqual(found.returncode, DAMAGED, found.stdout)
        self.assertRegex(found.stdout, r"DAMAGED, first bad index \d+")

    def test_a_log_that_was_rolled_back_does_not_continue_what_was_seen(self):
        old = self.copy()
        self.ok("audit", "hold", "list")  # a start and a stop, perhaps more
        add_user(self.data, f"later{time.monotonic_ns()}")
        seen = self.here / "seen"
        text = (self.epoch(self.data / "audit") / "checkpoints").read_text()
        seen.write_text(text[text.rindex(self.vkey.split("+")[0] + "\n", 0, text.rindex("\n\n")):])
        self.assertEqual(self.verify(self.data, "--vkey", self.vkey, "--from", str(seen)).returncode, 0)
        found = self.verify(old, "--vkey", self.vkey, "--from", str(seen))
        self.assertEqual(found.returncode, DAMAGED, found.stdout + found.stderr)

    def test_where_there_is_no_log_nothing_is_verified(self):
        with tempfile.TemporaryDirectory() as empty:
            self.assertEqual(self.verify(empty).returncode, 2)
        self.assertEqual(self.verify("/proc/none").returncode, 2)

    def event(self, code="ZUSER01I"):
        return json.loads(self.ok("audit", "list", "--code", code, "--json"))[-1]["id"]

    def test_an_event_is_proved_with_two_files(self):
        event = self.event()
        proof, stored = self.here / "x.tlog-proof", self.here / "event.json"
        proof.write_text(self.ok("audit", "prove", event))
        stored.write_text(self.ok("audit", "show", event, "--stored"))
        check = lambda *options: zephyr("audit", "verify-proof", str(proof), str(stored), *options)
        good = check("--vkey", self.vkey)
        self.assertEqual(good.returncode, 0, good.stdout + good.stderr)
        self.assertIn("authenticated", good.stdout)
        self.assertEqual(check().returncode, NOT_AUTHENTICATED)
        self.assertEqual(check("--vkey", self.key_of(self.vkey.split("+")[0])).returncode, NOT_AUTHENTICATED, "nobody's signature")
        lines = proof.read_text().split("\n")
        name, signature = lines[-2].rsplit(" ", 1)
        signature = bytearray(base64.b64decode(signature))
        signature[-1] ^= 1
        wrong = self.here / "wrong.tlog-proof"
        wrong.write_text("\n".join([*lines[:-2], f"{name} {base64.b64encode(signature).decode()}", ""]))
        self.assertEqual(zephyr("audit", "verify-proof", str(wrong), str(stored), "--vkey", self.vkey).returncode, DAMAGED)
        policy = self.here / "proof-policy"
        policy.write_text(f"log {self.vkey}\nwitness W {witness_key()}\nquorum W\n")
        self.assertEqual(check("--witness-policy", str(policy)).returncode, NOT_WITNESSED)
        stored.write_text(stored.read_text().replace("ZUSER01I", "ZUSER02I"))
        self.assertEqual(check("--vkey", self.vkey).returncode, DAMAGED)
        proof.write_text("c2sp.org/tlog-proof@v1\n")
        self.assertEqual(check("--vkey", self.vkey).returncode, DAMAGED)

    def test_a_person_does_not_stand_in_the_bytes_of_the_log(self):
        stored = self.ok("audit", "show", self.event(), "--stored")
        for word in ("ada", "bob", "example.test"):
            self.assertNotIn(word, stored)

    def test_an_unknown_event_is_not_found(self):
        for command in ("show", "prove"):
            self.assertEqual(zephyr("audit", command, "01919f3c-7a10-7c55-8a4e-52b1f2a9d0c3", data=self.data).returncode, 3)
            self.assertEqual(zephyr("audit", command, "x", data=self.data).returncode, 3)

    def test_exports_in_every_format_and_is_recorded(self):
        count = lambda: len(json.loads(self.ok("audit", "list", "--code", "ZAUDIT02I", "--limit", "1000", "--json")))
        before = count()
        for name in ("ocsf", "jsonl", "fhir-balp"):
            lines = self.ok("audit", "export", "--format", name).splitlines()
            self.assertGreater(len(lines), 5)
            for line in lines:
                json.loads(line)
        rows = list(csv.DictReader(io.StringIO(self.ok("audit", "export", "--format", "csv"))))
        self.assertIn("ZUSER01I", {row["code"] for row in rows})
        self.assertTrue(self.ok("audit", "export", "--format", "cef").startswith("CEF:0|"))
        self.assertRegex(self.ok("audit", "export", "--format", "syslog5424"), r"^<\d+>1 ")
        self.assertEqual(count(), before + 6)
        self.assertEqual(zephyr("audit", "export", "--format", "pdf", data=self.data).returncode, 2)
        self.assertEqual(zephyr("audit", "export", "--from", "yesterday", data=self.data).returncode, 2)
        self.assertEqual(self.ok("audit", "export", "--format", "jsonl", "--to", "2001-01-01"), "")
        out = self.here / "events.csv"
        self.ok("audit", "export", "--format", "csv", "--out", str(out))
        self.assertTrue(out.read_text().count("\n") > 5)
        self.assertEqual(zephyr("audit", "export", "--out", "/proc/none/x", data=self.data).returncode, 70)

    def test_what_an_export_leaves_behind(self):
        out = self.here / "private.csv"
        self.ok("audit", "export", "--format", "csv", "--personal", "--out", str(out))
        self.assertEqual(out.stat().st_mode & 0o777, 0o600)
        with tempfile.TemporaryDirectory() as empty:
            (Path(empty) / "no-folder").write_text("")
            failed = zephyr("audit", "export", "--out", str(out), data=Path(empty) / "no-folder" / "data")
        self.assertNotEqual(failed.returncode, 0)
        self.assertGreater(len(out.read_text()), 100, "an export that fails leaves the last one")

    def test_reading_is_recorded_once_a_command(self):
        reads = lambda: [line for line in self.ok("audit", "export", "--format", "jsonl").splitlines() if "ZAUDIT01I" in line]
        for command in (("list", "--user", "ada"), ("show", self.event()), ("tail", "--lines", "5")):
            before = len(reads())
            self.ok("audit", *command)
            after = reads()
            self.assertEqual(len(after), before + 1, command)
            self.assertIn("operator_cli", after[-1])

    def test_an_empty_option_is_not_everything(self):
        for command in (("list", "--user", ""), ("list", "--code", ""), ("hold", "add", "case-8", "--subject", ""), ("hold", "add", ""),
                        ("hold", "release", ""), ("export", "--out", ""), ("export", "--from", ""), ("export", "--to", "")):
            self.assertEqual(zephyr("audit", *command, data=self.data).returncode, 2, command)
        self.assertEqual(json.loads(self.ok("audit", "hold", "list", "--json")), [])

    def test_holds_keep_what_an_erasure_would_destroy(self):
        add_user(self.data, "carol", "--email", "carol@example.test")
        self.ok("audit", "hold", "add", "case-7", "--subject", "carol", "--reason", "court order")
        holds = json.loads(self.ok("audit", "hold", "list", "--json"))
        self.assertEqual([(hold["case"], hold["reason"]) for hold in holds], [("case-7", "court order")])
        self.ok("audit", "hold", "release", "case-7")
        self.assertEqual(json.loads(self.ok("audit", "hold", "list", "--json")), [])
        self.assertEqual(zephyr("audit", "hold", "release", "case-7", data=self.data).returncode, 3)
        self.assertEqual(zephyr("audit", "hold", "add", "x", "--subject", "no one", data=self.data).returncode, 3)


class BesideARunningServer(unittest.TestCase):
    def test_the_same_goes_through_the_server(self):
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "data"
            add_user(data, "ada")
            with Server(data=data, flags=QUICK) as server:
                client = server.client()
                for _ in range(600):
                    client.log_in("ada", "not the password")
                vkey = zephyr("audit", "key", "show", data=data, check=True).stdout.strip()
                exported = zephyr("audit", "export", "--format", "jsonl", data=data, check=True).stdout.splitlines()
                self.assertGreater(len(exported), 600, "more than one part")
                ids = [json.loads(line).get("id") or json.loads(line)["record"]["id"] for line in exported]
                self.assertEqual(len(set(ids)), len(ids), "every event once")
                found = zephyr("audit", "verify", str(data), "--vkey", vkey, "--running")
                self.assertEqual(found.returncode, 0, found.stdout + found.stderr)
                event = json.loads(zephyr("audit", "list", "--json", data=data, check=True).stdout)[0]["id"]
                self.assertTrue(zephyr("audit", "prove", event, data=data, check=True).stdout.startswith("c2sp.org/tlog-proof@v1\n"))
                self.follow(client, data)
            found = zephyr("audit", "verify", str(data), "--vkey", vkey)
            self.assertEqual(found.returncode, 0, found.stdout + found.stderr)

    def follow(self, client, data):
        tail = subprocess.Popen([BINARY, "audit", "tail", "--follow", "--lines", "2", "--format", "jsonl", "--data", str(data)],
                                stdout=subprocess.PIPE, text=True)
        try:
            self.assertTrue(tail.stdout.readline() and tail.stdout.readline())
            client.log_in("ada", "this is new")
            self.assertIn("ZAUTH02W", "".join(tail.stdout.readline() for _ in range(3)), "behind what tells of this reading")
        finally:
            tail.send_signal(signal.SIGKILL)
            tail.wait()
            tail.stdout.close()


if __name__ == "__main__":
    unittest.main()
