#!/usr/bin/env python3
"""kill -9 at random instants under mixed load: no acknowledged change is lost, nothing is half done, and the server serves again."""
import random
import tempfile
import threading
import unittest

from zephyr_server import PASSWORD, QUICK, Server

ROUNDS = 30
WORKERS = 6


class Ledger:
    """What the server acknowledged. A change under way when the server died may be there or not."""

    def __init__(self):
        self.lock = threading.Lock()
        self.accounts, self.doubtful_accounts = set(), set()
        self.alive, self.dead = set(), set()


def work(server, ledger, seed, round_number):
    chance = random.Random(seed)
    client, token, number = server.client(), None, 0
    try:
        while True:
            choice = chance.random()
            if token is None or choice < 0.4:
                number += 1
                name = f"u{round_number}x{seed}x{number}"
                with ledger.lock:
                    ledger.doubtful_accounts.add(name)
                if client.post("/auth/register", {"username": name, "password": PASSWORD})[0] == 201:
                    with ledger.lock:
                        ledger.accounts.add(name)
                client.cookies.clear()
                token = None
                if client.log_in(name)[0] == 200:
                    token = client.cookies["zephyr_session"]
                    with ledger.lock:
                        ledger.alive.add(token)
            elif choice < 0.7:
                with ledger.lock:
                    ledger.alive.discard(token)  # doubtful from here until answered
                if client.post("/auth/logout")[0] == 200:
                    with ledger.lock:
                        ledger.dead.add(token)
                token = None
            else:
                client.get("/auth/me")
    except OSError:
        return  # the server is gone
    except Exception as failed:  # http.client raises its own kinds for a connection cut in the middle
        if "http" not in type(failed).__module__:
            raise


class Crash(unittest.TestCase):
    def test_thirty_kills_lose_no_acknowledged_change(self):
        chance = random.Random(20261124)
        flags = QUICK + ["--signup-open", "--log-level", "error"]
        with tempfile.TemporaryDirectory() as folder:
            data = f"{folder}/data"
            ledger = Ledger()
            for round_number in range(ROUNDS):
                server = Server(data=data, flags=flags)
                threads = [threading.Thread(target=work, args=(server, ledger, seed, round_number)) for seed in range(WORKERS)]
                for thread in threads:
                    thread.start()
                threading.Event().wait(0.3 + chance.random() * 0.9)
                server.kill()
                for thread in threads:
                    thread.join()
                server.stop()
            self.check(data, flags, ledger)

    def check(self, data, flags, ledger):
        self.assertGreater(len(ledger.accounts), 300)
        self.assertGreater(len(ledger.dead), 50)
        with Server(data=data, flags=flags) as server:
            client = server.client()
            lost = []
            for name in sorted(ledger.accounts):
                client.cookies.clear()
                if client.log_in(name)[0] != 200:
                    lost.append(name)
            self.assertEqual(lost, [], "acknowledged accounts are gone")
            for token in ledger.alive:
                client.cookies = {"zephyr_session": token}
                self.assertEqual(client.get("/auth/me")[0], 200, "an acknowledged session is gone")
            for token in ledger.dead:
                client.cookies = {"zephyr_session": token}
                self.assertEqual(client.get("/auth/me")[0], 401, "an ended session came back")
        import sqlite3
        database = sqlite3.connect(f"{data}/zephyr.db")
        self.assertEqual(database.execute("PRAGMA integrity_check").fetchone(), ("ok",))
        kept = {name for (name,) in database.execute("SELECT username FROM app_user")}
        self.assertEqual(kept - ledger.doubtful_accounts, set(), "accounts nobody asked for")
        # The account, its password and the event are one change: all or none of them are there.
        half = database.execute("SELECT count(*) FROM app_user u WHERE NOT EXISTS (SELECT 1 FROM password_credential p WHERE p.user_id = u.id) "
                                "OR NOT EXISTS (SELECT 1 FROM audit_event e WHERE e.subject = u.id AND e.code = 'ZAUTH04I')").fetchone()
        self.assertEqual(half, (0,))
        print(f"{ROUNDS} kills: {len(ledger.accounts)} acknowledged accounts, {len(ledger.alive)} live and {len(ledger.dead)} ended sessions")


if __name__ == "__main__":
    unittest.main()
