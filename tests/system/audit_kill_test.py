#!/usr/bin/env python3
"""The audit log under fire: kill -9 at random instants under load, and a disk that refuses the log alone. Every acknowledged change has its event
exactly once in the log and in the table, no event is there without its change, and the log verifies. On SQLite, where log and database are
of one disk, and on PostgreSQL, where they are not."""
import http.client
import os
import random
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest
from collections import Counter
from pathlib import Path

from postgres_server import PostgresServer
from zephyr_server import PASSWORD, QUICK, Server, add_user, zephyr

KILLS = int(os.environ.pop("ZEPHYR_KILLS", "30"))
SEED = int(os.environ.pop("ZEPHYR_SEED", "1"))
FLAGS = QUICK + ["--signup-open", "--log-level", "error"]


class Ledger:
    def __init__(self):
        self.lock = threading.Lock()
        self.accounts, self.doubtful = set(), set()
        self.grants = set()
        self.sign_ins = Counter()  # name -> acknowledged sign-ins
        self.refused = Counter()  # typed name -> acknowledged refusals
        self.doubtful_refused = Counter()


class Worker(threading.Thread):
    def __init__(self, server, ledger, seed, round_number, environment):
        super().__init__()
        self.environment = environment
        self.client, self.ledger, self.key = server.client(), ledger, f"{round_number}-{seed}"
        self.client.tries_again = False
        self.data, self.names = server.data, []
        self.chance, self.number, self.wrong = random.Random(f"{seed} {round_number}"), 0, None

    def run(self):
        try:
            while True:
                choice = self.chance.random()
                if choice < 0.4 or not self.names:
                    self.register()
                elif choice < 0.6:
                    self.sign_in()
                elif choice < 0.65:
                    self.grant()
                else:
                    self.be_refused()
        except (OSError, http.client.HTTPException):
            return
        except Exception as failed:
            self.wrong = failed

    def register(self):
        self.number += 1
        name = f"p{self.key}-{self.number}"
        with self.ledger.lock:
            self.ledger.doubtful.add(name)
        status, answer = self.client.post("/auth/register", {"username": name, "password": PASSWORD})
        if status not in (200, 201):
            raise AssertionError(f"register: {status} {answer}")
        with self.ledger.lock:
            self.ledger.accounts.add(name)
        self.names.append(name)

    def sign_in(self):
        name = self.chance.choice(self.names)
        status, answer = self.client.log_in(name)
        if status != 200:
            raise AssertionError(f"sign-in: {status} {answer}")
        with self.ledger.lock:
            self.ledger.sign_ins[name] += 1

    def grant(self):
        """By the command line: through the running server, or on the folder itself once that is dead."""
        name = self.names.pop()
        if zephyr("role", "grant", name, "auditor", data=self.data, environment=self.environment).returncode == 0:
            with self.ledger.lock:
                self.ledger.grants.add(name)

    def be_refused(self):
        name = f"nobody{self.key}"
        with self.ledger.lock:
            self.ledger.doubtful_refused[name] += 1
        status, answer = self.client.log_in(name, "wrong")
        if status not in (401, 429):
            raise AssertionError(f"refusal: {status} {answer}")
        if status == 401:
            with self.ledger.lock:
                self.ledger.refused[name] += 1


class Kills(unittest.TestCase):
    kills = KILLS
    environment = {}

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="zephyr-audit-kill-")
        self.addCleanup(self.folder.cleanup)
        self.data = Path(self.folder.name) / "data"

    def rows(self, sql):
        with sqlite3.connect(f"{self.data}/zephyr.db") as database:
            return database.execute(sql).fetchall()

    def serve(self):
        return Server(self.data, FLAGS, environment=self.environment)

    def verify(self):
        vkey = zephyr("audit", "key", "show", data=self.data, environment=self.environment, check=True).stdout.strip().splitlines()[-1]
        verified = zephyr("audit", "verify", str(self.data / "audit"), "--vkey", vkey)
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)

    def test_nothing_acknowledged_is_lost_and_nothing_comes_twice(self):
        ledger, chance = Ledger(), random.Random(SEED)
        for round_number in range(self.kills):
            server = self.serve()
            try:
                workers = [Worker(server, ledger, seed, round_number, self.environment) for seed in range(6)]
                for worker in workers:
                    worker.start()
                time.sleep(chance.uniform(0.05, 0.6))
                server.kill()
                for worker in workers:
                    worker.join()
                for worker in workers:
                    if worker.wrong:
                        raise worker.wrong
            finally:
                server.kill()
                server.stop()
        with self.serve():
            pass
        self.check(ledger)
        self.verify()
        print(f"{self.kills} kills: {len(ledger.accounts)} acknowledged accounts, {sum(ledger.sign_ins.values())} sign-ins, "
              f"{len(ledger.grants)} grants, {sum(ledger.refused.values())} refusals")

    def check(self, ledger):
        self.assertEqual(self.rows("SELECT count(*) FROM audit_outbox"), [(0,)])
        self.assertEqual(self.rows("SELECT count(*) FROM audit_event WHERE log_index IS NULL"), [(0,)])
        self.assertEqual(self.rows("SELECT count(*) - count(DISTINCT log_index) FROM audit_event"), [(0,)], "two events in one place")
        # The table and the log have the same events in the same places.
        logged = Counter()
        ids = self.rows("SELECT id FROM audit_event")
        for path in sorted((self.data / "audit/epochs/0001/segments").iterdir()):
            content = path.read_bytes()
            for row in ids:
                logged[row[0]] += content.count(f'"id":"{row[0]}"'.encode())
        wrong = {event: count for event, count in logged.items() if count != 1}
        self.assertEqual(wrong, {}, "events that are not in the log exactly once")
        kept = {name for name, in self.rows("SELECT username FROM app_user")}
        self.assertEqual(ledger.accounts - kept, set(), "acknowledged accounts are gone")
        self.assertEqual(kept - ledger.doubtful, set())
        registered = self.rows("SELECT u.username, count(e.id) FROM app_user u LEFT JOIN audit_event e ON e.subject = u.id AND e.code = "
                               "'ZAUTH04I' GROUP BY u.id")
        self.assertEqual([row for row in registered if row[1] != 1], [], "each account has its event once")
        self.assertEqual(self.rows("SELECT count(*) FROM audit_event e WHERE e.code = 'ZAUTH04I' AND NOT EXISTS (SELECT 1 FROM app_user u "
                                   "WHERE u.id = e.subject)"), [(0,)], "an event without its change")
        # What an operator did: role and event, both or neither, and every acknowledged one.
        granted = {name: events for name, events in self.rows(
            "SELECT u.username, (SELECT count(*) FROM audit_event e WHERE e.subject = u.id AND e.code = 'ZRBAC04I' AND e.actor_type = "
            "'operator_cli') FROM app_user u JOIN role_assignment a ON a.subject_id = u.id AND a.role = 'auditor'")}
        self.assertEqual({name for name, events in granted.items() if events != 1}, set())
        self.assertEqual(ledger.grants - granted.keys(), set(), "acknowledged grants are gone")
        self.assertEqual(self.rows("SELECT count(*) FROM audit_event WHERE code = 'ZRBAC04I' AND actor_type = 'operator_cli'"),
                         [(len(granted),)], "an event without its change")
        signed_in = dict(self.rows("SELECT u.username, count(*) FROM audit_event e JOIN app_user u ON u.id = e.subject "
                                   "WHERE e.code = 'ZAUTH01I' GROUP BY u.username"))
        for name, times in ledger.sign_ins.items():
            self.assertGreaterEqual(signed_in.get(name, 0), times, f"acknowledged sign-ins of {name} are gone")
        refusals = self.rows("SELECT count(*) FROM audit_event WHERE code = 'ZAUTH02W'")[0][0]
        self.assertGreaterEqual(refusals, sum(ledger.refused.values()), "acknowledged refusals are gone")
        self.assertLessEqual(refusals, sum(ledger.doubtful_refused.values()))


class KillsOnPostgresql(Kills):
    kills = max(1, KILLS // 3)

    def setUp(self):
        super().setUp()
        self.postgres = PostgresServer()
        self.addCleanup(self.postgres.stop)
        self.database = self.postgres.fresh_database()
        self.environment = {"ZEPHYR_STORAGE_URL": self.postgres.url(self.database)}

    def rows(self, sql):
        told = self.postgres.psql(self.database, sql)
        return [tuple(int(cell) if cell.isdigit() else cell for cell in line.split("|")) for line in told.splitlines()]


class FailingDisk(Kills):
    """The log's files refuse every write while the database's go on: strace answers for them."""
    test_nothing_acknowledged_is_lost_and_nothing_comes_twice = None

    def inject(self, server, error):
        log = self.data / "audit/epochs/0001"
        paths = [flag for path in sorted(log.rglob("*")) if path.is_file() for flag in ("-P", str(path))]
        tracer = subprocess.Popen(["strace", "-f", "-p", str(server.process.pid), "-o", "/dev/null", *paths,
                                   "-e", "trace=write,pwrite64,writev,pwritev,pwritev2,fdatasync,fsync",
                                   "-e", f"inject=write,pwrite64,writev,pwritev,pwritev2,fdatasync,fsync:error={error}"],
                                  stderr=subprocess.PIPE, text=True)
        while "attached" not in tracer.stderr.readline():
            self.assertIsNone(tracer.poll(), "strace does not start")
        return tracer

    def run_with(self, error):
        with Server(self.data, FLAGS) as server:
            add_user(self.data, "ada")
            client = server.client()
            self.assertEqual(client.log_in("ada")[0], 200)
            tracer = self.inject(server, error)
            try:
                status, answer = server.client().log_in("nobody", "wrong")
                self.assertEqual((status, answer["id"]), (503, "audit.unavailable"), "a refusal that can't be recorded")
                before = self.rows("SELECT count(*) FROM app_user")
                status, answer = server.client().post("/auth/register", {"username": "new", "password": PASSWORD})
                self.assertEqual((status, answer["id"]), (503, "audit.unavailable"))
                refused = zephyr("role", "grant", "ada", "auditor", data=self.data)
                self.assertNotEqual(refused.returncode, 0)
                self.assertEqual(self.rows("SELECT count(*) FROM app_user"), before)
                self.assertEqual(self.rows("SELECT count(*) FROM role_assignment WHERE role = 'auditor'"), [(0,)])
                self.assertEqual(server.client().get("/readyz")[0], 503)
            finally:
                tracer.send_signal(signal.SIGINT)
                tracer.wait(timeout=20)
                tracer.stderr.close()
            deadline = time.time() + 20
            while server.client().get("/readyz")[0] != 200:
                self.assertLess(time.time(), deadline, "it does not heal")
                time.sleep(0.1)
            self.assertEqual(server.client().post("/auth/register", {"username": "new", "password": PASSWORD})[0], 201)
            zephyr("role", "grant", "ada", "auditor", data=self.data, check=True)
        self.assertEqual(self.rows("SELECT count(*) FROM audit_event WHERE code = 'ZAUDIT12E'")[0][0], 1, "the interruption is told once")
        self.verify()

    def test_a_full_disk_refuses_and_heals(self):
        self.run_with("ENOSPC")

    def test_an_io_error_refuses_and_heals(self):
        self.run_with("EIO")


if __name__ == "__main__":
    unittest.main()
