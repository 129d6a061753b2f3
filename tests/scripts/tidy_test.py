#!/usr/bin/env python3
"""The tidy rules pass on this tree, and each catches what is planted."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def tidy(root):
    return subprocess.run([sys.executable, str(ROOT / "tools/tidy.py"), str(root)], capture_output=True, text=True)


class Tidy(unittest.TestCase):
    def planted(self, path, text):
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / path
            target.parent.mkdir(parents=True)
            target.write_text(text)
            return tidy(folder).stdout

    def test_this_tree_is_clean(self):
        result = tidy(ROOT)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_the_real_clock_is_found_outside_its_room(self):
        self.assertIn("take a Clock", self.planted("src/mfa/x.cpp", "auto t = std::chrono::system_clock::now();\n"))

    def test_coroutines_are_found(self):
        self.assertIn("no coroutines", self.planted("src/http/x.cpp", "co_await something();\n"))

    def test_an_unescaped_substitution_is_found(self):
        self.assertIn("always escape", self.planted("web/templates/x.html", "{{NAME:none}}\n"))

    def test_a_third_party_request_is_found(self):
        self.assertIn("nothing of third parties", self.planted("web/templates/x.html", '<img src="https://cdn.example/x.png">\n'))

    def test_a_room_without_a_door_sign_is_found(self):
        self.assertIn("no door sign", self.planted("src/attic/x.cpp", "\n"))

    def test_a_fuzz_target_without_seeds_is_found(self):
        self.assertIn("no seeds", self.planted("fuzz/x_fuzz.cpp", "\n"))

    def test_an_overlong_file_is_found(self):
        self.assertIn("split", self.planted("src/mfa/x.cpp", "\n" * 600))


if __name__ == "__main__":
    unittest.main()
