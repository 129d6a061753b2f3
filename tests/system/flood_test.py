#!/usr/bin/env python3
"""A sign-in flood of unknown users: it is shed with Retry-After, memory stays bounded, and people who are signed in go on."""
import http.client
import json
import os
import re
import threading
import time
import unittest
from pathlib import Path

from zephyr_server import NO_LIMITS, Server, add_user

SECONDS = 8
FLOODERS = 96
HASH_MIB = 19


def rss_mib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


class Flood(unittest.TestCase):
    def flood(self, server, answers, stop):
        def one(number):
            body = json.dumps({"username": f"nobody{number}", "password": "a password of full length"})
            while not stop.is_set():
                try:
                    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
                    connection.request("POST", "/auth/login", body, {"Content-Type": "application/json"})
                    response = connection.getresponse()
                    response.read()
                    answers.append((response.status, response.getheader("Retry-After")))
                except OSError:
                    answers.append((0, None))
                finally:
                    connection.close()

        threads = [threading.Thread(target=one, args=(number,)) for number in range(FLOODERS)]
        for thread in threads:
            thread.start()
        return threads

    def run_flood(self, flags, allowed):
        with Server(flags=["--log-level", "error", *flags]) as server:
            add_user(server.data, "ada")
            ada = server.client()
            self.assertEqual(ada.log_in("ada")[0], 200)
            base = rss_mib(server.process.pid)
            answers, stop, highest, served = [], threading.Event(), base, []
            threads = self.flood(server, answers, stop)
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                served.append(ada.get("/auth/me")[0])
                highest = max(highest, rss_mib(server.process.pid))
            stop.set()
            for thread in threads:
                thread.join()
            statuses = [status for status, _ in answers]
            self.assertEqual(set(served), {200}, "somebody signed in was turned away")
            self.assertTrue(set(statuses) <= allowed, set(statuses))
            shed = [retry for status, retry in answers if status in (429, 503)]
            self.assertGreater(len(shed), 0, "nothing was shed")
            self.assertTrue(all(retry and int(retry) >= 1 for retry in shed), "shed without Retry-After")
            bound = base + (os.cpu_count() or 2) * HASH_MIB + 32
            self.assertLess(highest, bound, f"memory went from {base:.0f} to {highest:.0f} MiB")
            # Afterwards all is well again.
            self.assertEqual(ada.get("/auth/me")[0], 200)
            print(f"{len(answers)} attempts, {len(shed)} shed, {len(served)} requests of the signed-in served; "
                  f"memory {base:.0f} -> {highest:.0f} MiB (bound {bound:.0f})")

    def test_without_limits_per_address_the_hash_gate_sheds_with_503(self):
        self.run_flood(NO_LIMITS, {401, 503})

    def test_with_the_default_limits_the_flooding_address_gets_429(self):
        self.run_flood([], {401, 429, 503})


if __name__ == "__main__":
    unittest.main()
