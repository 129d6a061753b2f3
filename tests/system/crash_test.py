#!/usr/bin/env python3
"""F1 of the fault list: kill -9 at random instants under mixed load. No acknowledged change is lost, nothing is half done, nothing that is good
once can be used twice, and the server serves again. On SQLite, and on PostgreSQL, where the server dies and the database lives."""
import base64
import hashlib
import hmac
import http.client
import random
import sqlite3
import struct
import tempfile
import threading
import time
import unittest

from postgres_server import PostgresServer
from zephyr_server import PASSWORD, QUICK, Server, free_port, zephyr

WORKERS = 6
FLAGS = QUICK + ["--signup-open", "--log-level", "error"]


def code_at(secret, step):
    """RFC 6238 with the defaults every app uses."""
    digest = hmac.new(base64.b32decode(secret + "=" * (-len(secret) % 8)), struct.pack(">Q", step), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at:at + 4])[0] & 0x7fffffff) % 1_000_000:06d}"


def this_step():
    return int(time.time()) // 30


class Ledger:
    """What the server acknowledged. A change under way when the server died may be there or not."""

    def __init__(self):
        self.lock = threading.Lock()
        self.accounts, self.doubtful_accounts = set(), set()
        self.alive, self.dead = {}, set()  # session cookies, with whose they are
        self.grants, self.doubtful_grants = set(), set()
        self.chains = {}           # number of a chain -> the newest refresh token that was acknowledged
        self.doubtful_chains = {}  # number of a chain -> the token whose redeeming was not answered
        self.used_codes = []       # (username, code, step): accepted, so never again


class Worker(threading.Thread):
    def __init__(self, server, ledger, seed, round_number):
        super().__init__()
        self.server, self.ledger, self.seed, self.round_number = server, ledger, seed, round_number
        self.chance, self.client, self.number, self.token = random.Random(seed * 1000 + round_number), server.client(), 0, None
        self.client.tries_again = False
        self.name = self.wrong = None

    def run(self):
        try:
            while True:
                choice = self.chance.random()
                if self.token is None or choice < 0.2:
                    self.new_account()
                elif choice < 0.4:
                    self.log_out()
                elif choice < 0.6:
                    self.refresh_chain()
                elif choice < 0.85:
                    self.second_factor()
                else:
                    self.client.get("/auth/me")
        except (OSError, http.client.HTTPException):
            return  # the server is gone
        except Exception as failed:
            self.wrong = failed

    def person(self):
        return self.round_number, self.seed, self.number

    def right(self, condition, what):
        if not condition:
            raise AssertionError(f"{self.name}: {what}")

    def new_account(self):
        self.number += 1
        self.name = f"u{self.round_number}x{self.seed}x{self.number}"
        self.token = None
        with self.ledger.lock:
            self.ledger.doubtful_accounts.add(self.name)
        self.client.cookies.clear()
        self.right(self.client.post("/auth/register", {"username": self.name, "password": PASSWORD})[0] == 201, "not made")
        with self.ledger.lock:
            self.ledger.accounts.add(self.name)
        self.sign_in()

    def sign_in(self):
        self.client.cookies.clear()
        self.right(self.client.log_in(self.name)[0] == 200, "not signed in")
        self.token = self.client.cookies["zephyr_session"]
        with self.ledger.lock:
            self.ledger.alive[self.token] = self.name

    def log_out(self):
        with self.ledger.lock:
            self.ledger.alive.pop(self.token, None)  # doubtful from here until answered
        self.right(self.client.post("/auth/logout")[0] == 200, "not signed out")
        with self.ledger.lock:
            self.ledger.dead.add(self.token)
        self.token = None

    def refresh_chain(self):
        chain = (*self.person(), self.chance.random())
        status, held = self.client.post("/auth/token", {"username": self.name, "password": PASSWORD})
        self.right(status == 200, f"no tokens: {held}")
        with self.ledger.lock:
            self.ledger.chains[chain] = held["refresh_token"]
        for _ in range(self.chance.randrange(4)):
            with self.ledger.lock:
                self.ledger.doubtful_chains[chain] = self.ledger.chains.pop(chain)
            status, held = self.client.post("/auth/refresh", {"refresh_token": held["refresh_token"]})
            self.right(status == 200, f"not refreshed: {held}")
            with self.ledger.lock:
                del self.ledger.doubtful_chains[chain]
                self.ledger.chains[chain] = held["refresh_token"]

    def second_factor(self):
        """Enrols with the code of this step and signs in with the next one's: a code is good once."""
        self.sign_in()
        with self.ledger.lock:
            # Enrolling ends the person's other sessions, and each proof gives this one a new token.
            self.ledger.alive = {token: name for token, name in self.ledger.alive.items() if name != self.name}
            self.ledger.chains = {chain: token for chain, token in self.ledger.chains.items() if chain[:3] != self.person()}
        status, made = self.client.post("/auth/mfa/totp/setup")
        self.right(status == 200, f"no set-up: {made}")
        step = this_step()
        self.right(self.client.post("/auth/mfa/totp/verify", {"code": code_at(made["secret"], step)})[0] == 200, "not enrolled")
        self.client.cookies.clear()
        self.right(self.client.log_in(self.name)[1]["mfa"] == "required", "no code was asked for")
        code = code_at(made["secret"], step + 1)
        self.right(self.client.post("/auth/mfa/totp/verify", {"code": code})[0] == 200, "the code was refused")
        with self.ledger.lock:
            self.ledger.used_codes.append((self.name, code, step + 1))
            # Signing in with a password alone gets nobody into this account any more.
            self.ledger.accounts.discard(self.name)
        self.token = None


class Granter(threading.Thread):
    """The operator's command line, beside the running server."""

    def __init__(self, case, ledger):
        super().__init__()
        self.case, self.ledger, self.halt = case, ledger, threading.Event()

    def run(self):
        while not self.halt.is_set():
            with self.ledger.lock:
                names = sorted(self.ledger.accounts - {name for name, _ in self.ledger.doubtful_grants})
            if not names:
                time.sleep(0.02)
                continue
            grant = (names[0], "auditor")
            with self.ledger.lock:
                self.ledger.doubtful_grants.add(grant)
            if zephyr("role", "grant", *grant, data=self.case.data, environment=self.case.environment).returncode == 0:
                with self.ledger.lock:
                    self.ledger.grants.add(grant)


class Crash(unittest.TestCase):
    environment = {}

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        # The same port each time: it is part of the issuer of tokens.
        self.data, self.listen, self.ledger = f"{folder.name}/data", f"127.0.0.1:{free_port()}", Ledger()

    def start(self):
        server = Server(data=self.data, flags=FLAGS, environment=self.environment, listen=self.listen)
        self.addCleanup(server.stop)
        return server

    def kill_again_and_again(self, rounds, seed, least_seconds=0.3):
        chance = random.Random(seed)
        for round_number in range(rounds):
            server = self.start()
            self.check_what_is_urgent(server)
            threads = [Worker(server, self.ledger, number, round_number) for number in range(WORKERS)]
            granter = Granter(self, self.ledger)
            for thread in [*threads, granter]:
                thread.start()
            time.sleep(least_seconds + chance.random() * 0.7)
            granter.halt.set()
            server.kill()
            for thread in [*threads, granter]:
                thread.join()
            server.stop()
            self.assertEqual([thread.wrong for thread in threads if thread.wrong], [], f"round {round_number}")

    def check_what_is_urgent(self, server):
        """Within the time of a code and the grace of a refresh token: what was good once is not good again, what was in doubt can be asked
        again."""
        client, ledger = server.client(), self.ledger
        for name, code, step in ledger.used_codes:
            if this_step() > step + 1:
                continue  # too old to be accepted anyway
            client.cookies.clear()
            self.assertEqual(client.log_in(name)[1].get("mfa"), "required", "an enrolled factor is gone")
            self.assertNotEqual(client.post("/auth/mfa/totp/verify", {"code": code})[0], 200, "a code was good twice")
        self.codes_tried = getattr(self, "codes_tried", 0) + len(ledger.used_codes)
        ledger.used_codes.clear()
        client.cookies.clear()
        for chain, token in ledger.doubtful_chains.items():
            status, answer = client.post("/auth/refresh", {"refresh_token": token})
            self.assertEqual(status, 200, f"an honest retry was refused: {answer}")
            ledger.chains[chain] = answer["refresh_token"]
        self.retries = getattr(self, "retries", 0) + len(ledger.doubtful_chains)
        ledger.doubtful_chains.clear()

    def check(self, rounds, least):
        ledger = self.ledger
        # Each kind was there often enough to mean something, on a slow machine too.
        for kind in (ledger.accounts, ledger.alive, ledger.dead, ledger.chains):
            self.assertGreater(len(kind), least)
        self.assertGreater(len(ledger.grants), least)
        self.assertGreater(self.codes_tried, 0)
        server = self.start()
        self.check_what_is_urgent(server)
        client = server.client()
        lost = []
        for name in random.Random(1).sample(sorted(ledger.accounts), min(200, len(ledger.accounts))):
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
        client.cookies = {}
        for token in ledger.chains.values():
            self.assertEqual(client.post("/auth/refresh", {"refresh_token": token})[0], 200, "an acknowledged refresh token is gone")
        server.stop()
        kept = {name for name, in self.rows("SELECT username FROM app_user")}
        self.assertEqual(ledger.accounts - kept, set(), "acknowledged accounts are gone")
        self.assertEqual(kept - ledger.doubtful_accounts, set(), "accounts nobody asked for")
        granted = {(name, role) for name, role in self.rows(
            "SELECT u.username, a.role FROM role_assignment a JOIN app_user u ON u.id = a.subject_id")}
        self.assertEqual(ledger.grants - granted, set(), "acknowledged grants are gone")
        self.assertEqual(granted - ledger.doubtful_grants, set(), "grants nobody asked for")
        # The account, its password and the event are one change, as are a grant and its event: all of it is there, or nothing.
        self.assertEqual(self.rows(
            "SELECT count(*) FROM app_user u WHERE NOT EXISTS (SELECT 1 FROM password_credential p WHERE p.user_id = u.id) "
            "OR NOT EXISTS (SELECT 1 FROM audit_event e WHERE e.subject = u.id AND e.code = 'ZAUTH04I')"), [(0,)])
        print(f"{rounds} kills: {len(ledger.accounts)} acknowledged accounts, {len(ledger.alive)} live and {len(ledger.dead)} ended sessions, "
              f"{len(ledger.chains)} refresh chains ({self.retries} in doubt), {len(ledger.grants)} grants, {self.codes_tried} used codes")


class OnSqlite(Crash):
    def rows(self, sql):
        with sqlite3.connect(f"{self.data}/zephyr.db") as database:
            return database.execute(sql).fetchall()

    def test_no_kill_loses_an_acknowledged_change(self):
        self.kill_again_and_again(24, seed=20261124)
        self.check(24, least=5)
        self.assertEqual(self.rows("PRAGMA integrity_check"), [("ok",)])


class OnPostgresql(Crash):
    def rows(self, sql):
        told = self.postgres.psql(self.database, sql)
        return [tuple(int(cell) if cell.isdigit() else cell for cell in line.split("|")) for line in told.splitlines()]

    def test_no_kill_loses_an_acknowledged_change(self):
        self.postgres = PostgresServer()
        self.addCleanup(self.postgres.stop)
        self.database = self.postgres.fresh_database()
        self.environment = {"ZEPHYR_STORAGE_URL": self.postgres.url(self.database)}
        self.kill_again_and_again(6, seed=20261125, least_seconds=1)
        self.check(6, least=0)


if __name__ == "__main__":
    unittest.main()
