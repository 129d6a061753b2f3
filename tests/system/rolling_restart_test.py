#!/usr/bin/env python3
"""F19 of the fault list: SIGTERM lets requests in flight finish, within five seconds; and two nodes on one PostgreSQL behind HAProxy, with the
configuration of examples/rolling_restart, are restarted one after the other under load without a single failed request."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from postgres_server import PostgresServer
from zephyr_server import NO_LIMITS, PASSWORD, QUICK, ROOT, Client, Server, add_user, free_port, zephyr

EXAMPLE = ROOT / "examples/rolling_restart/haproxy.cfg"
WORKERS = 8


class Drain(unittest.TestCase):
    def test_what_is_in_flight_at_sigterm_is_answered_and_the_server_gone_within_five_seconds(self):
        # Hashes that take long, one at a time: most of these are still waiting for theirs when the signal comes.
        slow = ["--passwords-argon2-memory-kib", "65536", "--passwords-argon2-passes", "3", "--passwords-hash-workers", "1",
                "--passwords-hash-deadline", "10s", *NO_LIMITS, "--log-level", "error"]
        with Server(flags=slow) as server:
            add_user(server.data, "ada")
            body = json.dumps({"username": "ada", "password": PASSWORD})
            connections = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=30) for _ in range(6)]
            idle = server.client()
            self.assertEqual(idle.get("/healthz")[0], 200)
            for connection in connections:
                connection.request("POST", "/auth/login", body, {"Content-Type": "application/json"})
            time.sleep(0.1)
            begin = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            answers = [connection.getresponse() for connection in connections]
            self.assertEqual([answer.status for answer in answers], [200] * len(answers))
            self.assertGreaterEqual([answer.getheader("Connection") for answer in answers].count("close"), len(answers) - 2)
            for answer, connection in zip(answers, connections):
                answer.read()
                connection.close()
            self.assertEqual(server.process.wait(timeout=10), 0)
            self.assertLess(time.monotonic() - begin, 5.5)
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", server.port))

    def test_a_lame_duck_says_so_goes_on_serving_and_is_not_kept_by_it_longer_than_wanted(self):
        with Server(flags=[*QUICK, "--log-level", "error", "--server-lame-duck", "20s"]) as server:
            client = server.client()
            self.assertEqual(client.get("/readyz")[0], 200)
            server.process.send_signal(signal.SIGTERM)
            end = time.monotonic() + 5
            while client.get("/readyz") != (503, {"status": "stopping"}):
                self.assertLess(time.monotonic(), end)
                time.sleep(0.02)
            for _ in range(3):
                newcomer = server.client()
                self.assertEqual(newcomer.get("/healthz")[0], 200)
                self.assertEqual(newcomer.headers["Connection"], "close")
            server.process.send_signal(signal.SIGTERM)  # somebody in a hurry
            self.assertEqual(server.process.wait(timeout=5), 0)


    def test_a_node_whose_database_is_gone_stops_in_time_all_the_same(self):
        with PostgresServer() as postgres, tempfile.TemporaryDirectory() as folder:
            environment = {"ZEPHYR_STORAGE_URL": postgres.url(postgres.fresh_database())}
            server = Server(data=f"{folder}/data", flags=[*QUICK, "--log-level", "error"], environment=environment)
            self.addCleanup(server.stop)
            client = server.client()
            self.assertEqual(client.get("/readyz")[0], 200)
            postgres.process.send_signal(signal.SIGINT)
            postgres.process.wait(timeout=30)
            self.assertEqual(client.get("/readyz")[0], 503)
            self.assertEqual(client.get("/healthz")[0], 200)
            begin = time.monotonic()
            self.assertEqual(server.stop(), 0)
            self.assertLess(time.monotonic() - begin, 5)


class Node:
    """One of the two. Starts again at the same port, in the same folder."""

    def __init__(self, name, folder, public_url, environment):
        self.listen, self.data, self.environment = f"127.0.0.1:{free_port()}", f"{folder}/{name}", environment
        self.flags = [*QUICK, "--log-level", "warning", "--public-url", public_url, "--behind-proxy", "--trusted-proxies", "127.0.0.1",
                      "--server-lame-duck", "1500ms"]
        self.server = None

    def start(self):
        self.server = Server(data=self.data, flags=self.flags, environment=self.environment, listen=self.listen)

    def stop(self):
        begin = time.monotonic()
        code = self.server.stop()
        self.server = None
        return code, time.monotonic() - begin


class Visitor(threading.Thread):
    """Signs in, looks around and signs out, over and over, on a connection it keeps. Every answer but the right one is a failure."""

    def __init__(self, port, number):
        super().__init__()
        self.port, self.name, self.failures, self.answers, self.halt = port, f"u{number}", [], 0, threading.Event()

    def expect(self, status, what, call):
        begin = time.monotonic()
        try:
            answered = call()
        except (OSError, http.client.HTTPException) as failed:
            self.failures.append(f"{what}: {failed!r}")
            raise
        self.answers += 1
        if answered[0] != status:
            self.failures.append(f"{what}: {answered} after {time.monotonic() - begin:.3f} s")

    def run(self):
        client = Unforgiving(self.port)
        while not self.halt.is_set():
            try:
                client.cookies.clear()
                self.expect(200, "login", lambda: client.log_in(self.name))
                for _ in range(10):
                    self.expect(200, "me", lambda: client.get("/auth/me"))
                self.expect(200, "logout", lambda: client.post("/auth/logout"))
                self.expect(401, "me after logout", lambda: client.get("/auth/me"))
            except (OSError, http.client.HTTPException):
                client = Unforgiving(self.port)


class Unforgiving(Client):
    tries_again = False


class RollingRestart(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.postgres = PostgresServer()
        self.addCleanup(self.postgres.stop)
        self.database = self.postgres.fresh_database()
        key = self.folder / "master.key"
        zephyr("key", "create", str(key), check=True)
        self.environment = {"ZEPHYR_STORAGE_URL": self.postgres.url(self.database), "ZEPHYR_KEYS_MASTER_KEY_FILE": str(key)}
        self.port = free_port()
        self.nodes = [Node(name, self.folder, f"http://127.0.0.1:{self.port}", self.environment) for name in ("a", "b")]
        for node in self.nodes:
            node.start()
            self.addCleanup(lambda node=node: node.server and node.stop())
        for number in range(WORKERS):
            zephyr("user", "add", f"u{number}", "--password-stdin", data=self.nodes[0].data, stdin=PASSWORD + "\n",
                   environment=self.environment, check=True)

    def start_proxy(self, config):
        path = self.folder / "haproxy.cfg"
        path.write_text(config)
        proxy = subprocess.Popen(["haproxy", "-f", str(path), "-db"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                 env={**os.environ, "LISTEN": f"127.0.0.1:{self.port}", "NODE_A": self.nodes[0].listen,
                                      "NODE_B": self.nodes[1].listen})

        def end():
            proxy.kill()
            proxy.wait()

        self.addCleanup(end)
        self.wait_for(self.port)

    def wait_for(self, port):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                if Client(port).get("/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        self.fail(f"nothing is ready at port {port}")

    def restart_all_under_load(self, config):
        self.start_proxy(config)
        visitors = [Visitor(self.port, number) for number in range(WORKERS)]
        for visitor in visitors:
            visitor.start()
        drains = []
        try:
            time.sleep(1)
            for node in self.nodes:
                code, took = node.stop()
                drains.append(took)
                self.assertEqual(code, 0)
                time.sleep(0.5)  # while one serves alone
                node.start()
                self.wait_for(int(node.listen.rsplit(":", 1)[1]))
                time.sleep(0.7)  # until the proxy has noticed
        finally:
            for visitor in visitors:
                visitor.halt.set()
            for visitor in visitors:
                visitor.join()
        failures = [failure for visitor in visitors for failure in visitor.failures]
        answers = sum(visitor.answers for visitor in visitors)
        self.assertEqual(failures, [], f"of {answers} requests")
        self.assertGreater(answers, 1000)
        self.assertLess(max(drains), 1.5 + 5)
        print(f"{answers} requests, none failed; the nodes took {', '.join(f'{took:.1f} s' for took in drains)} to stop")

    def test_no_request_fails_with_the_configuration_of_the_example(self):
        self.restart_all_under_load(EXAMPLE.read_text())

    def test_nor_with_a_proxy_that_never_tries_a_second_time(self):
        strict, count = re.subn(r"retries 2 .*\n\s*option redispatch", "retries 0", EXAMPLE.read_text())
        self.assertEqual(count, 1)
        self.restart_all_under_load(strict)


if __name__ == "__main__":
    unittest.main()
