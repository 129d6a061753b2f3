#!/usr/bin/env python3
"""The room check passes on this tree, and catches what is planted."""
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def check(root):
    return subprocess.run([sys.executable, str(ROOT / "tools/check_rooms.py"), str(root)], capture_output=True, text=True)


class CheckRooms(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        for name in ("include", "src"):
            shutil.copytree(ROOT / name, self.root / name)
        shutil.copy(ROOT / "rooms.toml", self.root / "rooms.toml")

    def tearDown(self):
        self.folder.cleanup()

    def plant(self, path, line):
        target = self.root / path
        target.write_text(line + "\n" + target.read_text())
        return check(self.root)

    def test_this_tree_is_clean(self):
        result = check(self.root)
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_a_domain_room_may_not_include_http(self):
        result = self.plant("src/mfa/totp_service.cpp", '#include "zephyr/http/request.h"')
        self.assertEqual(result.returncode, 1)
        self.assertIn("mfa may not include zephyr/http/request.h", result.stdout)

    def test_a_lower_room_may_not_include_a_higher_one(self):
        result = self.plant("include/zephyr/users/user.h", '#include "zephyr/sessions/session.h"')
        self.assertIn("users may not include zephyr/sessions/session.h", result.stdout)

    def test_only_crypto_sees_openssl(self):
        result = self.plant("src/passwords/password_service.cpp", "#include <openssl/evp.h>")
        self.assertIn("belongs to crypto", result.stdout)

    def test_no_third_party_header_in_a_public_one(self):
        result = self.plant("include/zephyr/crypto/hash.h", "#include <openssl/evp.h>")
        self.assertIn("may not show in a public header", result.stdout)

    def test_nobody_includes_the_stack(self):
        result = self.plant("src/routes/web.cpp", '#include "zephyr/stack.h"')
        self.assertIn("routes may not include zephyr/stack.h", result.stdout)

    def test_a_file_in_no_room_is_found(self):
        (self.root / "src/attic").mkdir()
        (self.root / "src/attic/old.cpp").write_text("\n")
        self.assertIn("stands in no room", check(self.root).stdout)


if __name__ == "__main__":
    unittest.main()
