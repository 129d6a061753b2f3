#!/usr/bin/env python3
"""Our notes, checkpoints and proofs against another implementation, Go's golang.org/x/mod/sumdb: what each makes, the other verifies."""
import base64
import hashlib
import os
import random
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOL = os.environ.get("ZEPHYR_TLOG_TOOL", str(ROOT / "build/dev/tests/tlog_tool"))
HERE = ROOT / "tests/system/tlog_interop"
GO = "/usr/bin/go" if Path("/usr/bin/go").exists() else "go"
# Every shape of a small tree, and the edges of the larger ones.
SIZES = [*range(1, 300), 511, 512, 513, 1000, 1023, 1024, 1025, 4095, 4096, 4097, 5000]
NAMES = ["log.example/audit/n1", "PeterNeumann", "é.example/日本", "a-b_c.d:8443/x"]


def b64(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def unb64(text):
    return base64.b64decode(text).decode()


class Program:
    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer.endswith("\n"):
            raise AssertionError(f"no answer to {words}")
        return answer[:-1]

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(timeout=30)


def seed(name):
    return hashlib.sha256(name.encode()).hexdigest()


def flipped(hash64):
    """The same hash with one bit changed."""
    changed = bytearray(base64.b64decode(hash64))
    changed[13] ^= 4
    return b64(bytes(changed))


class TlogInterop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        binary = str(Path(cls.folder.name) / "sumdb")
        # Debian's packages of Go libraries are a GOPATH. Nothing is fetched.
        environment = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "", "GOTOOLCHAIN": "local",
                       "GOCACHE": str(Path(cls.folder.name) / "cache")}
        subprocess.run([GO, "build", "-o", binary, "main.go"], cwd=HERE, env=environment, check=True)
        cls.ours, cls.theirs = Program(TOOL), Program(binary)
        cls.pairs = ((cls.ours, cls.theirs), (cls.theirs, cls.ours))
        for size in (0, *SIZES):
            root = cls.ours.ask("grow", size)
            if size > 0 and root != cls.theirs.ask("grow", size):  # Go says zeros of the empty tree
                raise AssertionError(f"two roots of {size} entries")

    @classmethod
    def tearDownClass(cls):
        statuses = (cls.ours.close(), cls.theirs.close())
        cls.folder.cleanup()
        if statuses != (0, 0):
            raise AssertionError(f"ended with {statuses}")

    def both(self, *words):
        answers = [program.ask(*words) for program in (self.ours, self.theirs)]
        self.assertEqual(answers[0], answers[1], words)
        return answers[0]

    def test_a_changed_note_is_refused_by_both(self):
        chance = random.Random(4)
        for name in NAMES:
            vkey, text = self.both("vkey", seed(name), b64(name)), f"some words\n\nof {name}\n"
            note = base64.b64decode(self.both("sign", seed(name), b64(name), b64(text)))
            for _ in range(100):
                # Up to the last character of the base64, whose unused bits Go overlooks and we do not.
                at, bit = chance.randrange(len(note) - 3), 1 << chance.randrange(8)
                changed = note[:at] + bytes([note[at] ^ bit]) + note[at + 1:]
                self.assertEqual(self.both("open", vkey, b64(changed)), "refused", changed)
            self.assertEqual(self.ours.ask("open", vkey, b64(note[:-3] + bytes([note[-3] ^ 1]) + note[-2:])), "refused")
            for length in range(1, len(note)):
                self.assertEqual(self.both("open", vkey, b64(note[:length])), "refused", length)

    def test_a_note_under_another_key_is_refused_by_both(self):
        note = self.both("sign", seed("a"), b64("log.example"), b64("text\n"))
        self.assertEqual(self.both("open", self.both("vkey", seed("b"), b64("log.example")), note), "refused")
        self.assertEqual(self.both("open", self.both("vkey", seed("a"), b64("other.example")), note), "refused")
        self.assertEqual(self.both("open", b64("log.example+00000000+AAAA"), note), "refused")

    def test_spoiled_proofs_are_refused_by_both(self):
        chance = random.Random(9162)
        for size in SIZES[1::3]:
            root, index = self.both("grow", size), chance.randrange(size)
            proof = self.both("inclusion", index, size).split()
            at = chance.randrange(len(proof))
            for bad in (proof[:at] + proof[at + 1:], proof + [root], [root] + proof, proof[:at] + [flipped(proof[at])] + proof[at + 1:]):
                self.assertEqual(self.both("check_inclusion", index, size, root, *bad), "refused")
            self.assertEqual(self.both("check_inclusion", index, size, flipped(root), *proof), "refused")
            old = chance.randrange(1, size)
            old_root, proof = self.both("grow", old), self.both("consistency", old, size).split()
            at = chance.randrange(len(proof))
            for bad in (proof[:at] + proof[at + 1:], proof + [root], [root] + proof, proof[:at] + [flipped(proof[at])] + proof[at + 1:]):
                self.assertEqual(self.both("check_consistency", old, size, old_root, root, *bad), "refused")
            self.assertEqual(self.both("check_consistency", old, size, root, root, *proof), "refused")
            self.assertEqual(self.both("check_consistency", old, size, old_root, flipped(root), *proof), "refused")

    def test_notes_are_the_same_to_the_byte_and_open_on_the_other_side(self):
        for name in NAMES:
            vkey = self.both("vkey", seed(name), b64(name))
            for text in ("words\n", "\n", "two\n\nparagraphs\n", "ünïcode 日本\n", "— looks like a signature AAAA\n\n\n",
                         "x" * 5000 + "\n"):
                note = self.both("sign", seed(name), b64(name), b64(text))
                self.assertEqual(unb64(self.both("open", vkey, note)), text)

    def test_checkpoints_of_each_side_are_read_by_the_other(self):
        for number, size in enumerate(SIZES):
            name = NAMES[number % len(NAMES)]
            vkey, root = self.both("vkey", seed(name), b64(name)), self.both("grow", size)
            for maker, reader in self.pairs:
                checkpoint = maker.ask("checkpoint", seed(name), b64(name), size)
                self.assertEqual(reader.ask("read_checkpoint", vkey, checkpoint), f"{size} {root}")
        self.assertEqual(unb64(self.both("checkpoint", seed("x"), b64("x.example"), 7)).split("\n")[:2], ["x.example", "7"])

    def test_inclusion_proofs_of_each_side_verify_on_the_other(self):
        chance, checked = random.Random(6962), 0
        for size in SIZES:
            root = self.both("grow", size)
            places = range(size) if size <= 33 else {0, 1, size // 2, size - 2, size - 1, *(chance.randrange(size) for _ in range(5))}
            for index in places:
                proof = self.both("inclusion", index, size)
                for program in (self.ours, self.theirs):
                    self.assertEqual(program.ask("check_inclusion", index, size, root, proof), "good", (index, size))
                checked += 1
        self.assertGreater(checked, 2500)

    def test_consistency_proofs_of_each_side_verify_on_the_other(self):
        chance, checked = random.Random(2), 0
        for size in SIZES[1:]:
            root = self.both("grow", size)
            olds = range(1, size) if size <= 33 else {1, 2, size // 2, size - 1, *(chance.randrange(1, size) for _ in range(5))}
            for old in olds:
                old_root, proof = self.both("grow", old), self.both("consistency", old, size)
                for program in (self.ours, self.theirs):
                    self.assertEqual(program.ask("check_consistency", old, size, old_root, root, proof), "good", (old, size))
                checked += 1
        self.assertGreater(checked, 2500)


if __name__ == "__main__":
    unittest.main()
