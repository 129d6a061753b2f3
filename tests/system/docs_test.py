#!/usr/bin/env python3
"""The commands of the README and the guides run as they stand there: against the built server, in the order of the page."""
import json
import os
import re
import shlex
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from zephyr_server import BINARY, QUICK, ROOT, Server, add_user, totp, zephyr


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
        self.assertEqual(json.loads(answers[3])["status"], "enabled")
        self.assertEqual(len(json.loads(answers[3])["backup_codes"]), 10)
        self.assertIn('"users":1', answers[4])

    def test_the_commands_of_the_operators_guide(self):
        zephyr("migrate", data=self.here / "DATA", check=True)
        accounts = re.search(r"```json\n(.*?)```", (ROOT / "docs/guides/operate.md").read_text(), re.S).group(1)
        (self.here / "accounts.jsonl").write_text(accounts)
        ran = 0
        for block in shell_blocks("docs/guides/operate.md"):
            for line in block.splitlines():
                if "--password-stdin" in line:
                    line = 'echo "correct horse battery staple" | ' + line
                self.run_line(line)
                ran += 1
        self.assertGreaterEqual(ran, 2)
        self.assertTrue((self.here / "backup.db").exists())
        people = zephyr("user", "list", data=self.here / "DATA").stdout
        for name in ("ada", "grace", "linus"):
            self.assertIn(name, people)

    def test_the_commands_of_the_audit_guide(self):
        add_user(self.here / "DATA", "ada", "--email", "ada@example.test")
        said = [self.run_line(block) for block in shell_blocks("docs/guides/audit.md")]
        self.assertGreaterEqual(len(said), 6)
        self.assertIn(": authenticated", said[1])
        self.assertIn(": authenticated", said[2])
        self.assertIn("case-2026-7", said[-1])
        self.assertIn("ZUSER01I", (self.here / "events.csv").read_text())
        # No witness signed here: what the guide's policy asks for is not met, and verify says so.
        refused = subprocess.run([BINARY, "audit", "verify", "copy-of-the-log", "--witness-policy", "policy"], cwd=self.here, capture_output=True)
        self.assertEqual(refused.returncode, 4, refused.stderr)

    def test_somebody_new_has_a_second_factor_on_an_existing_application_within_ten_minutes(self):
        """docs/guides/enable-mfa.md from the top, with the quickstart example as the application that exists already."""
        page = (ROOT / "docs/guides/enable-mfa.md").read_text()
        quickstart = Path(BINARY).parent / "example_quickstart"
        data, config = self.here / "DATA", self.here / "zephyr.toml"
        add_user(data, "ada", "--role", "admin")  # there without a second factor until today
        begin = time.monotonic()
        config.write_text(re.search(r"```toml\n(.*?)```", page, re.S).group(1))
        before, check, by_hand = shell_blocks("docs/guides/enable-mfa.md")
        said = self.run_line(before)
        self.assertIn("ada", said)
        self.run_line(check)
        secret, answers = None, []
        with Server(data=data, binary=str(quickstart), serve=(), flags=[*QUICK, "--config", str(config)]) as server:
            for line in by_hand.splitlines():
                line = line.replace("127.0.0.1:8080", f"127.0.0.1:{server.port}")
                if "123456" in line:
                    line = line.replace("123456", totp(secret))
                answers.append(self.run_line(line))
                found = re.search(r'"secret":"([A-Z2-7]{32})"', answers[-1])
                secret = found.group(1) if found else secret
        took = time.monotonic() - begin
        self.assertIn('"mfa":"enrolment_required"', answers[0])
        self.assertEqual(answers[1].strip(), "403")
        self.assertEqual(json.loads(answers[3])["status"], "enabled")
        self.assertIn("The figures are secret, ada.", answers[4])
        self.assertTrue(answers[4].strip().endswith("200"), answers[4])
        self.assertEqual([factor["kind"] for factor in json.loads(answers[5])["factors"]], ["totp", "backup_code"])
        self.assertLess(took, 600)
        print(f"the guide's commands took {took:.1f} s")

    def test_the_commands_quoted_in_a_sentence(self):
        """`zephyr …` and `python3 tools/…` anywhere in the guides and in CONTRIBUTING.md, with an account in place of NAME."""
        data = self.here / "DATA"
        add_user(data, "ada", "--role", "admin")
        ran = 0
        for page in ["README.md", "CONTRIBUTING.md", *sorted(path.relative_to(ROOT) for path in ROOT.glob("docs/guides/*.md"))]:
            text = re.sub(r"```.*?```", "", (ROOT / page).read_text(), flags=re.S)
            for line in re.findall(r"`((?:zephyr |python3 tools/)[^`]*[a-z]\b[^`]*)`", text):
                words = shlex.split(line.replace("NAME", "ada").replace("…", "because"))
                if words[0] == "python3":
                    self.assertEqual(subprocess.run([word for word in words if word != "--update"], cwd=ROOT, capture_output=True).returncode, 0, line)
                elif len(words) < 2 or words[1] in ("serve", "setup-link", "COMMAND"):
                    continue  # a name, or what needs nobody there or does not end
                elif words[1:3] == ["mfa", "reset"] or len(words) < 4 and words[-1] in ("import", "revoke") or any(
                        re.fullmatch("[A-Z]{2,}|/etc/.*", word) for word in words):
                    # Talked about, of a machine that is not this one, or with a word that stands for another: it must exist.
                    self.assertEqual(zephyr(*words[1:3], "--help").returncode, 0, line)
                else:
                    takes_data = words[1] not in ("completion", "version", "config")
                    result = zephyr(*words[1:], data=data if takes_data and "--data" not in words else None)
                    self.assertEqual(result.returncode, 0, f"{page}: {line}\n{result.stderr}")
                ran += 1
        self.assertGreaterEqual(ran, 5)

    def test_what_contributing_promises_is_there(self):
        text = (ROOT / "CONTRIBUTING.md").read_text()
        listed = subprocess.run([str(ROOT / "dev"), "help"], capture_output=True, text=True, check=True).stdout
        for name in set(re.findall(r"\./dev ([a-z-]+)", text)):
            self.assertRegex(listed, rf"(?m)^  {name} +\S")
        for target in re.findall(r"\./dev fuzz \d+ (\w+)", text):
            self.assertTrue((ROOT / f"fuzz/{target}_fuzz.cpp").exists(), target)
        for suite in re.findall(r"tests/(\w+)_test`", text):
            self.assertTrue(any((ROOT / f"tests/{suite}").glob("*_test.cpp")), suite)
        presets = {preset["name"] for preset in json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]}
        named = re.search(r"A build is by CMake preset: (.*?)\.", text).group(1)
        self.assertLessEqual(set(re.findall(r"`(\w+)`", named)), presets)
        checked = subprocess.run([str(ROOT / "dev"), "check"], capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

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
        for name in ("build", "run", "test", "check", "fmt", "bench", "fuzz", "coverage", "package", "routes", "new-room", "fresh"):
            self.assertRegex(listed, rf"(?m)^  {name} +\S")


if __name__ == "__main__":
    unittest.main()
