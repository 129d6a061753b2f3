#!/usr/bin/env python3
"""Witnesses on their own, a server whose log they watch: what the server signs is cosigned, an auditor who asks for N of M gets them, a data
folder put back to an older copy is refused, and a new epoch says what came before."""
import json
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from zephyr_server import BINARY, QUICK, Server, free_port, zephyr


class Witness:
    def __init__(self, folder, name):
        self.folder, self.name, self.port, self.process = str(folder), name, free_port(), None
        self.key = zephyr("witness", "key", "--folder", self.folder, "--name", name, check=True).stdout.strip()

    @property
    def setting(self):
        return f"{self.key} http://127.0.0.1:{self.port}"

    def trust(self, vkey):
        zephyr("witness", "add-log", vkey, "--folder", self.folder, check=True)

    def start(self):
        self.process = subprocess.Popen([BINARY, "witness", "serve", "--folder", self.folder, "--listen", f"127.0.0.1:{self.port}"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout.readline().startswith("witness "), "it did not start"
        assert self.process.stdout.readline().startswith("listens")

    def stop(self, how=signal.SIGTERM):
        if self.process:
            self.process.send_signal(how)
            self.process.wait(timeout=30)
            self.process.stdout.close()
            self.process = None

    def signed(self):
        rows = json.loads(zephyr("witness", "list", "--folder", self.folder, "--json", check=True).stdout)
        return {row["log"]: row["signed_size"] for row in rows}

    def post(self, body, path="/add-checkpoint"):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read(), refusal.headers


class WitnessTest(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="zephyr-witness-")
        self.addCleanup(self.temporary.cleanup)
        self.at = Path(self.temporary.name)
        self.data = self.at / "data"
        self.witnesses = [Witness(self.at / f"w{number}", f"w{number}.example") for number in (1, 2, 3)]
        for one in self.witnesses:
            self.addCleanup(one.stop)

    def serve(self, *witnesses):
        flags = list(QUICK)
        if witnesses:
            flags += ["--audit-witnesses", ",".join(one.setting for one in witnesses), "--audit-witness-quorum", str(len(witnesses))]
        server = Server(data=self.data, flags=flags)
        self.addCleanup(server.stop)
        return server

    def vkey(self):
        return zephyr("audit", "key", "show", data=self.data, check=True).stdout.strip()

    def verify(self, vkey, quorum, folder="0001"):
        policy = self.at / "policy"
        lines = [f"witness w{n} {one.key}" for n, one in enumerate(self.witnesses, 1)]
        policy.write_text(f"log {vkey}\n" + "\n".join(lines) + f"\ngroup all {quorum} w1 w2 w3\nquorum all\n")
        return zephyr("audit", "verify", str(self.data / "audit" / "epochs" / folder), "--witness-policy", str(policy))

    def until(self, condition, what):
        end = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.1)

    def test_witnesses_sign_what_continues_and_refuse_a_log_that_was_put_back(self):
        self.serve().stop()
        vkey = self.vkey()
        one, two, _ = self.witnesses
        for each in (one, two):
            each.trust(vkey)
            each.start()
        backup = self.at / "backup"
        shutil.copytree(self.data, backup)

        self.serve(one, two).stop()
        origin = vkey.split("+")[0]
        signed = one.signed()[origin]
        self.assertGreater(signed, 2)
        self.assertEqual(two.signed()[origin], signed)
        agreed = self.verify(vkey, 2)
        self.assertEqual(agreed.returncode, 0, agreed.stdout + agreed.stderr)
        self.assertIn("authenticated", agreed.stdout)
        # One of the three never signed: a policy that asks for it is not met.
        self.assertEqual(self.verify(vkey, 3).returncode, 4)

        # The whole folder put back, database and all: it is consistent in itself, and only the witnesses know better.
        shutil.rmtree(self.data)
        shutil.copytree(backup, self.data)
        for each in (one, two):  # they remember over a kill
            each.stop(signal.SIGKILL)
            each.start()
        server = self.serve(one, two)
        refused = lambda: zephyr("audit", "list", "--code", "ZAUDIT15E", "--json", data=self.data).stdout
        self.until(lambda: len(json.loads(refused() or "[]")) >= 2, "both witnesses refuse, and the log says so")
        server.stop()
        self.assertEqual(one.signed()[origin], signed)

        # What a legitimate restore does: a new epoch, which says what came before.
        begun = zephyr("audit", "begin-epoch", "--reason", "restored from the backup of the 24th", data=self.data)
        self.assertEqual(begun.returncode, 0, begun.stderr)
        self.serve().stop()
        later = self.vkey()
        self.assertEqual(later.split("+")[0], origin + "/2")
        self.assertEqual(later[-44:], vkey[-44:], "the same key, under another name")
        events = json.loads(zephyr("audit", "list", "--code", "ZAUDIT10W", "--json", data=self.data, check=True).stdout)
        self.assertEqual(len(events), 1)
        self.assertEqual(events[0]["details"]["old_origin"], origin)
        for each in (one, two):
            each.trust(later)
            each.stop()
            each.start()
        self.serve(one, two).stop()
        agreed = self.verify(later, 2, "0002")
        self.assertEqual(agreed.returncode, 0, agreed.stdout + agreed.stderr)

    def test_a_changed_key_is_followed_by_who_trusts_the_first(self):
        self.serve().stop()
        first = self.vkey()
        changed = zephyr("audit", "key", "rotate", data=self.data, check=True).stdout
        second = self.vkey()
        self.assertNotEqual(first, second)
        self.assertIn(second, changed)
        self.serve().stop()
        folder = str(self.data / "audit" / "epochs" / "0001")
        verified = zephyr("audit", "verify", folder, "--vkey", first)
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
        self.assertEqual(zephyr("audit", "verify", folder).returncode, 3, "without a key nobody vouches")

    def test_a_witness_says_no_to_everybody_else(self):
        one = self.witnesses[0]
        one.start()
        self.assertEqual(one.post(b"rubbish")[0], 400)
        self.assertEqual(one.post(b"x" * (65 * 1024))[0], 413)
        self.assertEqual(one.post(b"", path="/elsewhere")[0], 404)
        with urllib.request.urlopen(f"http://127.0.0.1:{one.port}/healthz", timeout=10) as answer:
            self.assertEqual(answer.status, 200)
        second = zephyr("witness", "serve", "--folder", one.folder, "--listen", f"127.0.0.1:{free_port()}")
        self.assertEqual(second.returncode, 4, "one process at a time: " + second.stderr)
        self.assertEqual((Path(one.folder) / "key").stat().st_mode & 0o777, 0o600)
        (Path(one.folder) / "key").chmod(0o644)
        one.stop()
        self.assertNotEqual(zephyr("witness", "key", "--folder", one.folder).returncode, 0, "a key that others can read")


if __name__ == "__main__":
    unittest.main()
