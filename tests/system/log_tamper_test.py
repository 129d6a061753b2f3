#!/usr/bin/env python3
"""The tamper test of the audit log, nothing left out: every byte of every file of a 100 KB log flipped, every file cut at every length, every
record dropped, doubled and swapped, the log ended after every number of entries. All of it is found, and the right entry named."""
import os
import re
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(ROOT, "build", "release", "log_tamper")


class LogTamperTest(unittest.TestCase):
    def test_every_change_of_a_log_is_found_and_the_first_bad_entry_named(self):
        with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
            run = subprocess.run([PROGRAM, folder, str(os.cpu_count() or 1)], capture_output=True, text=True, timeout=540)
        print(run.stdout)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        size = int(re.search(r"^bytes: (\d+)$", run.stdout, re.M).group(1))
        self.assertGreater(size, 100_000)
        for part in ("flipped", "cut"):
            self.assertIn(f"{part}: {size} tried, 0 missed, 0 misplaced", run.stdout)


if __name__ == "__main__":
    unittest.main()
