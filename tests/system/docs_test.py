#!/usr/bin/env python3
"""The commands of the README and the guides run as they stand there: against the built server, in the order of the page."""
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from zephyr_server import BINARY, QUICK, ROOT, Server, totp, zephyr


def shell_blocks(page):
    return re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(), re.S)


class Docs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.here = Path(self.folder.name)
        (self.here / "build/release").mkdir(parents=True)
        for name in ("zephyr", "build/release/zephyr"):
            (self.here / name).symlink_to(BINARY)

    def tearDown(self):
        self.folder.cleanup()

    def run_line(self, line):
        result = subprocess.run(["bash", "-euo", "pipefail", "-c", line], cwd=self.here, capture_output=True, text=True, timeout=60,
                                env={**os.environ, "PATH": f"{self.here}:{os.environ['PATH']}"})
        self.assertEqual(result.returncode, 0, f"{line}\n{result.stderr}")
        return result.stdout

    def test_the_readmes_tour_from_another_language(self):
        block = next(block for block in shell_blocks("README.md") if "auth/login" in block)
        with Server(data=self.here / "data", flags=QUICK) as server:
            answers, secret = [], None
            for line in block.splitlines():
                if line.startswith("#"):
                    continue
                line = line.replace("127.0.0.1:8080", f"127.0.0.1:{server.port}")
                if "123456" in line:
                    line = line.replace("123456", totp(secret))
                answers.append(self.run_line(line))
                found = re.search(r'"secret":"([A-Z2-7]{32})"', answers[-1])
                secret = found.group(1) if found else secret
        self.assertIn('"mfa":"enrolment_required"', answers[1])
        self.assertEqual(answers[3], '{"status":"enabled"}')
        self.assertIn('"users":1', answers[4])

    def test_the_commands_of_the_operators_guide(self):
        zephyr("migrate", data=self.here / "DATA", check=True)
        ran = 0
        for block in shell_blocks("docs/guides/operate.md"):
            for line in block.splitlines():
                if "--password-stdin" in line:
                    line = 'echo "correct horse battery staple" | ' + line
                self.run_line(line)
                ran += 1
        self.assertGreaterEqual(ran, 2)
        self.assertTrue((self.here / "backup.db").exists())
        self.assertIn("ada", zephyr("user", "list", data=self.here / "DATA").stdout)

    def test_every_command_of_the_reference_exists(self):
        text = (ROOT / "docs/reference/cli.md").read_text()
        rows = re.findall(r"^\| `([a-z-]+)(?: ([a-z\\|-]+))?` \|", text, re.M)
        self.assertGreater(len(rows), 10)
        for command, rest in rows:
            for word in (rest or "").replace("\\", "").split("|"):
                if command == "completion":
                    word = ""
                result = zephyr(command, *([word] if word else []), "--help")
                self.assertEqual(result.returncode, 0, f"{command} {word}: {result.stderr}")

    def test_every_dev_command_that_is_promised_exists(self):
        listed = subprocess.run([str(ROOT / "dev"), "help"], capture_output=True, text=True, check=True).stdout
        for name in ("build", "run", "test", "check", "fmt", "bench", "fuzz", "coverage", "routes", "new-room", "fresh"):
            self.assertRegex(listed, rf"(?m)^  {name} +\S")


if __name__ == "__main__":
    unittest.main()
