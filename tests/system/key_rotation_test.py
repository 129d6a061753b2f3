#!/usr/bin/env python3
"""F16 of the fault list: signing keys rotate under load without one failed verification, a revoked key is refused at once, and a server whose
master key is missing or damaged refuses to start rather than make another."""
import base64
import json
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from postgres_server import PostgresServer
from zephyr_server import PASSWORD, QUICK, Server, add_user, free_port, zephyr

WORKERS = 6
FLAGS = QUICK + ["--log-level", "error"]


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def kid_of(token):
    return json.loads(decode(token.split(".")[0]))["kid"]


def key_set(client):
    status, answer = client.get("/.well-known/jwks.json")
    assert status == 200, answer
    return {key["kid"]: key for key in answer["keys"]}


def verifies(token, keys):
    """ES256 by the openssl program: RFC 7518 3.4, the signature is R and S of 32 bytes each, which openssl wants in DER."""
    head, payload, signature = token.split(".")
    key = keys[kid_of(token)]
    point = b"\x04" + decode(key["x"]) + decode(key["y"])
    public = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200") + point  # SubjectPublicKeyInfo of P-256

    def integer(data):
        data = data.lstrip(b"\0") or b"\0"
        data = b"\0" + data if data[0] & 0x80 else data
        return b"\x02" + bytes([len(data)]) + data

    raw = decode(signature)
    der = integer(raw[:32]) + integer(raw[32:])
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "key.der").write_bytes(public)
        Path(folder, "signature").write_bytes(b"\x30" + bytes([len(der)]) + der)
        Path(folder, "input").write_text(f"{head}.{payload}")
        told = subprocess.run(["openssl", "dgst", "-sha256", "-verify", "key.der", "-keyform", "DER", "-signature", "signature", "input"],
                              cwd=folder, capture_output=True, text=True)
    return told.returncode == 0


def sign_in(client, name):
    status, answer = client.post("/auth/token", {"username": name, "password": PASSWORD})
    assert status == 200, answer
    return answer


def me(client, token):
    return client.request("GET", "/auth/me", headers={"Authorization": f"Bearer {token}"})[0]


class Caller(threading.Thread):
    """A service's client: asks with its access token all the time, and renews it now and then."""

    def __init__(self, server, name):
        super().__init__()
        self.client, self.name, self.halt = server.client(), name, threading.Event()
        self.wrong, self.answers, self.kids, self.old_tokens = [], 0, set(), []

    def run(self):
        held, number = sign_in(self.client, self.name), 0
        while not self.halt.is_set():
            token = held["access_token"]
            self.kids.add(kid_of(token))
            status = me(self.client, token)
            self.answers += 1
            if status != 200:
                self.wrong.append((status, kid_of(token)))
            number += 1
            if number % 20 == 0:
                self.old_tokens.append(token)
                status, answer = self.client.post("/auth/refresh", {"refresh_token": held["refresh_token"]})
                if status != 200:
                    self.wrong.append((status, answer))
                    return
                held = answer


class Rotation(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.data, self.listen = Path(folder.name) / "data", f"127.0.0.1:{free_port()}"
        self.start()
        for number in range(WORKERS):
            add_user(self.server.data, f"u{number}")

    def start(self):
        # The load is all from one address, and must meet no limit but what is tested.
        unlimited = {"ZEPHYR_LIMITS_REQUESTS_PER_SECOND": "0", "ZEPHYR_LIMITS_REFRESH_PER_MINUTE": "0", "ZEPHYR_LIMITS_SIGN_IN_PER_MINUTE": "0"}
        self.server = Server(data=self.data, flags=FLAGS, listen=self.listen, environment=unlimited)
        self.addCleanup(self.server.stop)

    def key(self, *arguments):
        result = zephyr("key", "signing", *arguments, data=self.server.data)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def active(self):
        return next(key["key"] for key in json.loads(self.key("list", "--json")) if key["state"] == "active")

    def test_rotations_under_load_fail_no_verification_here_or_elsewhere(self):
        callers = [Caller(self.server, f"u{number}") for number in range(WORKERS)]
        for caller in callers:
            caller.start()
        verifier, sets, checked = self.server.client(), [], 0
        try:
            time.sleep(0.3)
            for _ in range(4):
                sets.append(key_set(verifier))
                self.key("rotate")
                time.sleep(0.5)
                # A service elsewhere that fetched the set before the rotation knows the key that signs after it.
                token = sign_in(verifier, "u0")["access_token"]
                self.assertIn(kid_of(token), sets[-1])
                self.assertTrue(verifies(token, sets[-1]))
                checked += 1
            last = key_set(verifier)
        finally:
            for caller in callers:
                caller.halt.set()
            for caller in callers:
                caller.join()
        self.assertEqual([wrong for caller in callers for wrong in caller.wrong], [])
        self.assertGreaterEqual(len(set().union(*(caller.kids for caller in callers))), 4)
        # What any of these keys signed is still good: the first one retired seconds ago, within the overlap.
        for token in [caller.old_tokens[0] for caller in callers]:
            self.assertIn(kid_of(token), last)
            self.assertTrue(verifies(token, last))
            checked += 1
        self.assertFalse(verifies(token[:-8] + ("AAAAAAAA" if token[-8:] != "AAAAAAAA" else "BBBBBBBB"), last))
        print(f"{sum(caller.answers for caller in callers)} requests through 4 rotations, {checked} signatures checked by openssl")

    def test_what_a_revoked_key_signed_is_refused_from_the_moment_the_command_ends(self):
        client = self.server.client()
        held = [sign_in(client, f"u{number}") for number in range(WORKERS)]
        revoked = self.active()
        self.assertEqual({kid_of(one["access_token"]) for one in held}, {revoked})
        accepted, stop, over = [], threading.Event(), threading.Event()

        def keep_asking(token):
            own = self.server.client()
            while not stop.is_set():
                late = over.is_set()  # asked after the command had ended
                accepted.append((late, me(own, token)))

        threads = [threading.Thread(target=keep_asking, args=(one["access_token"],)) for one in held]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        self.key("revoke", revoked, "--reason", "test")
        over.set()
        time.sleep(0.5)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual({status for late, status in accepted if late}, {401})
        self.assertIn((False, 200), accepted)
        self.assertEqual({status for _, status in accepted}, {200, 401})
        self.assertNotIn(revoked, key_set(client))
        # The session lives: a refresh token is not signed, and gets an access token of the new key.
        status, renewed = client.post("/auth/refresh", {"refresh_token": held[0]["refresh_token"]})
        self.assertEqual(status, 200)
        self.assertNotEqual(kid_of(renewed["access_token"]), revoked)
        self.assertEqual(me(client, renewed["access_token"]), 200)
        self.assertEqual(zephyr("key", "signing", "revoke", revoked, data=self.server.data).returncode, 4, "twice is a conflict")
        self.assertEqual(zephyr("key", "signing", "revoke", "nobody", data=self.server.data).returncode, 3)

    def test_the_master_key_may_rotate_between_starts_and_signing_keys_go_on(self):
        client = self.server.client()
        held = sign_in(client, "u0")
        before = self.active()
        result = zephyr("key", "rotate", data=self.data)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.server.stop()
        self.start()
        client = self.server.client()
        self.assertEqual(me(client, held["access_token"]), 200)
        self.assertEqual(self.active(), before)
        self.assertEqual(client.post("/auth/refresh", {"refresh_token": held["refresh_token"]})[0], 200)


class TwoNodes(unittest.TestCase):
    def test_a_key_revoked_on_one_node_is_refused_on_the_other_within_a_second(self):
        with PostgresServer() as postgres, tempfile.TemporaryDirectory() as folder:
            key = f"{folder}/master.key"
            zephyr("key", "create", key, check=True)
            environment = {"ZEPHYR_STORAGE_URL": postgres.url(postgres.fresh_database()), "ZEPHYR_KEYS_MASTER_KEY_FILE": key}
            # One issuer: both have the same public address.
            flags = FLAGS + ["--public-url", "http://127.0.0.1:9"]
            ports = [f"127.0.0.1:{free_port()}" for _ in range(2)]
            with Server(data=f"{folder}/a", flags=flags, environment=environment, listen=ports[0]) as a, \
                    Server(data=f"{folder}/b", flags=flags, environment=environment, listen=ports[1]) as b:
                zephyr("user", "add", "ada", "--password-stdin", data=a.data, stdin=PASSWORD + "\n", environment=environment, check=True)
                here, there = a.client(), b.client()
                held = sign_in(here, "ada")
                self.assertEqual([me(here, held["access_token"]), me(there, held["access_token"])], [200, 200])
                kid = kid_of(held["access_token"])
                revoked = zephyr("key", "signing", "revoke", kid, data=a.data, environment=environment)
                self.assertEqual(revoked.returncode, 0, revoked.stderr)
                ended = time.monotonic()
                self.assertEqual(me(here, held["access_token"]), 401)
                while me(there, held["access_token"]) != 401:
                    self.assertLess(time.monotonic() - ended, 1.5)
                    time.sleep(0.02)
                self.assertLess(time.monotonic() - ended, 1.2)
                status, renewed = there.post("/auth/refresh", {"refresh_token": held["refresh_token"]})
                self.assertEqual(status, 200)
                self.assertEqual([me(there, renewed["access_token"]), me(here, renewed["access_token"])], [200, 200])


class MasterKey(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.data = Path(folder.name) / "data"
        with Server(data=self.data, flags=FLAGS) as server:
            add_user(server.data, "ada")
            sign_in(server.client(), "ada")  # signing keys and a session are sealed under it
        self.key = self.data / "master.key"
        self.content = self.key.read_bytes()

    def refuses(self, identifier, environment=None):
        for command in (["serve", "--listen", "127.0.0.1:0"], ["user", "list"]):
            result = zephyr(*command, data=self.data, environment=environment)
            self.assertNotEqual(result.returncode, 0, command)
            self.assertIn(identifier, result.stderr)

    def works(self):
        with Server(data=self.data, flags=FLAGS) as server:
            self.assertEqual(sign_in(server.client(), "ada")["token_type"], "bearer")

    def test_missing_it_is_not_made_anew(self):
        self.key.unlink()
        self.refuses("crypto.key_file_missing")
        self.assertFalse(self.key.exists(), "a new key was made beside the database")
        self.key.write_bytes(self.content)
        self.key.chmod(0o600)
        self.works()

    def test_damaged_it_is_refused_and_left_alone(self):
        lines = self.content.decode().splitlines(keepends=True)
        last = lines[-1].rstrip("\n")
        for damaged in (b"", b"garbage\n", self.content[:-9], self.content.replace(last[-6:].encode(), b"AAAAAA"),
                        b"\0" * len(self.content)):
            self.key.write_bytes(damaged)
            result = zephyr("serve", "--listen", "127.0.0.1:0", data=self.data)
            self.assertNotEqual(result.returncode, 0, damaged)
            self.assertRegex(result.stderr, r"crypto\.|keys\.")
            self.assertEqual(self.key.read_bytes(), damaged)
        self.key.write_bytes(self.content)
        self.works()

    def test_a_whole_but_foreign_key_is_refused(self):
        other = self.data.parent / "other.key"
        zephyr("key", "create", str(other), check=True)
        self.key.write_bytes(other.read_bytes())
        result = zephyr("serve", "--listen", "127.0.0.1:0", data=self.data)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("master_key", result.stderr)
        self.key.write_bytes(self.content)
        self.works()

    def test_with_postgresql_a_fresh_data_folder_gets_no_key_of_its_own(self):
        with PostgresServer() as postgres, tempfile.TemporaryDirectory() as folder:
            environment = {"ZEPHYR_STORAGE_URL": postgres.url(postgres.fresh_database())}
            first, second = Path(folder) / "first", Path(folder) / "second"
            with Server(data=first, flags=FLAGS, environment=environment) as server:
                self.assertEqual(server.client().get("/readyz")[0], 200)
            refused = zephyr("serve", "--listen", "127.0.0.1:0", data=second, environment=environment)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn("crypto.key_file_missing", refused.stderr)
            self.assertFalse((second / "master.key").exists())
            (second / "master.key").write_bytes((first / "master.key").read_bytes())
            (second / "master.key").chmod(0o600)
            with Server(data=second, flags=FLAGS, environment=environment) as server:
                self.assertEqual(server.client().get("/readyz")[0], 200)


if __name__ == "__main__":
    unittest.main()
