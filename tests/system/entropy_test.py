#!/usr/bin/env python3
"""F16 of the fault list, entropy: when the kernel gives no random bytes, whatever needs them is a fault and nothing is made; when it gives some
again, all is well without a restart. getrandom() fails here because a small library loaded before libc says so."""
import subprocess
import tempfile
import unittest
from pathlib import Path

from zephyr_server import PASSWORD, QUICK, Server, add_user, zephyr

SHIM = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>
ssize_t getrandom(void* buffer, size_t size, unsigned flags) {
    char const* file = getenv("NO_ENTROPY_WHILE");
    if (file && access(file, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_getrandom, buffer, size, flags);
}
"""
FLAGS = QUICK + ["--signup-open", "--log-level", "error"]


class Entropy(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        source, library = self.folder / "shim.c", self.folder / "shim.so"
        source.write_text(SHIM)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
        self.switch = self.folder / "dry"
        self.environment = {"LD_PRELOAD": str(library), "NO_ENTROPY_WHILE": str(self.switch)}

    def count(self, data):
        import sqlite3
        with sqlite3.connect(f"{data}/zephyr.db") as database:
            return {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                    for table in ("app_user", "session", "refresh_token", "password_credential")}

    def test_nothing_is_made_without_it_and_all_is_well_after_it(self):
        with Server(flags=FLAGS, environment=self.environment) as server:
            add_user(server.data, "ada")
            ada = server.client()
            self.assertEqual(ada.log_in("ada")[0], 200)
            before = self.count(server.data)
            self.switch.touch()
            stranger = server.client()
            for path, body in (("/auth/register", {"username": "bob", "password": PASSWORD}),
                               ("/auth/login", {"username": "ada", "password": PASSWORD}),
                               ("/auth/token", {"username": "ada", "password": PASSWORD})):
                status, answer = stranger.post(path, body)
                self.assertGreaterEqual(status, 500, f"{path}: {answer}")
                self.assertNotIn("token", answer if isinstance(answer, dict) else {})
                self.assertEqual(stranger.cookies, {})
            self.assertEqual(self.count(server.data), before)
            self.switch.unlink()
            self.assertEqual(ada.get("/auth/me")[0], 200)
            self.assertEqual(stranger.post("/auth/register", {"username": "bob", "password": PASSWORD})[0], 201)
            self.assertEqual(stranger.log_in("bob")[0], 200)

    def test_no_master_key_is_made_without_it(self):
        self.switch.touch()
        data = self.folder / "data"
        refused = zephyr("serve", "--listen", "127.0.0.1:0", data=data, environment=self.environment)
        self.assertNotEqual(refused.returncode, 0)
        self.assertFalse((data / "master.key").exists())
        self.switch.unlink()
        with Server(data=data, flags=FLAGS, environment=self.environment) as server:
            self.assertEqual(server.client().get("/readyz")[0], 200)
            self.assertTrue((data / "master.key").exists())


if __name__ == "__main__":
    unittest.main()
