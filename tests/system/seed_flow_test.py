#!/usr/bin/env python3
"""The seed's TestMFAIntegration against the built server over HTTP, and the quickstart example."""
import os
import tempfile
import threading
import unittest

from zephyr_server import PASSWORD, QUICK, ROOT, Server, add_user, totp, zephyr


class SeedFlow(unittest.TestCase):
    def test_complete_mfa_flow(self):
        with Server(flags=QUICK) as server:
            add_user(server.data, "test_user", "--role", "admin")
            client = server.client()
            status, body = client.log_in("test_user")
            self.assertEqual((status, body["mfa"]), (200, "enrolment_required"))
            status, body = client.get("/admin/dashboard")
            self.assertEqual((status, body["id"]), (403, "mfa.required"))
            status, setup = client.post("/auth/mfa/totp/setup")
            self.assertEqual(status, 200)
            self.assertIn("secret", setup)
            self.assertIn("qr_code", setup)
            code = totp(setup["secret"])
            status, enabled = client.post("/auth/mfa/totp/verify", {"code": code})
            self.assertEqual((status, enabled["status"], len(enabled["backup_codes"])), (200, "enabled", 10))
            self.assertEqual(client.get("/admin/dashboard")[0], 200)

            other = server.client()
            self.assertEqual(other.log_in("test_user")[1]["mfa"], "required")
            self.assertEqual(other.get("/admin/dashboard")[1]["id"], "mfa.required")
            self.assertEqual(other.post("/auth/mfa/totp/verify", {"code": code})[1]["id"], "mfa.totp_code_reused")
            self.assertEqual(other.post("/auth/mfa/totp/verify", {"code": totp(setup["secret"], 1)}), (200, {"status": "verified"}))
            self.assertEqual(other.get("/admin/dashboard")[0], 200)

    def test_of_64_clients_presenting_one_code_exactly_one_wins(self):
        with Server(flags=QUICK) as server:
            add_user(server.data, "racer")
            first = server.client()
            first.log_in("racer")
            secret = first.post("/auth/mfa/totp/setup")[1]["secret"]
            self.assertEqual(first.post("/auth/mfa/totp/verify", {"code": totp(secret)})[0], 200)
            clients = [server.client() for _ in range(64)]
            for client in clients:
                self.assertEqual(client.log_in("racer")[0], 200)
            code = totp(secret, 1)
            answers, gate = [], threading.Barrier(64)

            def present(client):
                gate.wait()
                answers.append(client.post("/auth/mfa/totp/verify", {"code": code}))

            threads = [threading.Thread(target=present, args=(client,)) for client in clients]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(status for status, _ in answers).count(200), 1, answers)
            self.assertEqual({body["id"] for status, body in answers if status != 200}, {"mfa.totp_code_reused"})
            self.assertEqual(sum(client.get("/auth/me")[0] == 200 for client in clients), 1)


class Quickstart(unittest.TestCase):
    def test_its_page_opens_only_for_an_admin_who_proved_a_second_factor(self):
        binary = os.environ.get("ZEPHYR_QUICKSTART", str(ROOT / "build/release/example_quickstart"))
        with tempfile.TemporaryDirectory() as folder:
            add_user(f"{folder}/data", "ada", "--role", "admin")
            add_user(f"{folder}/data", "bob")
            with Server(data=f"{folder}/data", binary=binary, serve=()) as server:
                stranger, bob, ada = server.client(), server.client(), server.client()
                self.assertEqual(stranger.get("/reports")[0], 401)
                bob.log_in("bob")
                self.assertEqual(bob.get("/reports")[1]["id"], "rbac.denied")
                ada.log_in("ada", PASSWORD)
                self.assertEqual(ada.get("/reports")[1]["id"], "mfa.required")
                secret = ada.post("/auth/mfa/totp/setup")[1]["secret"]
                ada.post("/auth/mfa/totp/verify", {"code": totp(secret)})
                self.assertEqual(ada.get("/reports"), (200, "The figures are secret, ada.\n"))

    def test_a_wrong_setting_is_told_and_nothing_starts(self):
        result = zephyr("serve", "--listen", "0.0.0.0:0")
        self.assertEqual(result.returncode, 78)
        self.assertIn("server.listen", result.stderr)


if __name__ == "__main__":
    unittest.main()
