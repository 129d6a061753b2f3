#!/usr/bin/env python3
"""examples/verify_jwt against a key server and tokens that this project did not make: Python serves, the openssl program signs."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("ZEPHYR_VERIFY_JWT", str(ROOT / "build/release/example_verify_jwt"))
ISSUER = "https://issuer.example"
AUDIENCE = "orders"
BETWEEN_REQUESTS = 5  # what the example asks for


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*arguments, stdin=b""):
    return subprocess.run(["openssl", *arguments], input=stdin, capture_output=True, check=True).stdout


class Key:
    """A P-256 key of the openssl program."""

    def __init__(self, folder, kid):
        self.kid, self.path = kid, str(Path(folder) / kid)
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.path)
        point = openssl("ec", "-in", self.path, "-pubout", "-outform", "DER")[-64:]
        self.jwk = {"kty": "EC", "crv": "P-256", "x": b64(point[:32]), "y": b64(point[32:]), "kid": kid, "use": "sig", "alg": "ES256"}

    def sign(self, text):
        der = openssl("dgst", "-sha256", "-sign", self.path, stdin=text)
        first = der[4:4 + der[3]]
        second = der[6 + der[3]:]
        return b"".join(int.from_bytes(number, "big").to_bytes(32, "big") for number in (first, second))

    def token(self, **changes):
        header = {"alg": "ES256", "kid": self.kid, "typ": "JWT", **changes.pop("header", {})}
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "exp": int(time.time()) + 60, **changes}
        text = b64(json.dumps(header).encode()) + "." + b64(json.dumps(claims).encode())
        return text + "." + b64(self.sign(text.encode()))


class KeyServer:
    def __init__(self, keys):
        self.keys, self.requests = keys, 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests += 1
                body = json.dumps({"keys": [key.jwk for key in outer.keys]}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/jwks.json"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class VerifyJwt(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.first, self.second = Key(self.folder.name, "first"), Key(self.folder.name, "second")
        self.issuer = KeyServer([self.first])
        self.process = subprocess.Popen([BINARY, ISSUER, AUDIENCE, self.issuer.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.process.communicate)

    def ask(self, token):
        self.process.stdin.write(token + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def test_a_rotation_is_followed_and_an_outage_survived(self):
        self.assertEqual(self.ask(self.first.token()), "accepted alice")
        self.assertEqual(self.ask(self.second.token()), "refused jose.unknown_key")
        self.issuer.keys = [self.first, self.second]
        self.assertEqual(self.ask(self.second.token()), "refused jose.unknown_key")  # asked a moment ago
        time.sleep(BETWEEN_REQUESTS)
        self.assertEqual(self.ask(self.second.token()), "accepted alice")
        self.assertEqual(self.ask(self.first.token()), "accepted alice")
        self.assertEqual(self.issuer.requests, 2)
        self.issuer.stop()
        self.assertEqual(self.ask(self.first.token()), "accepted alice")
        time.sleep(BETWEEN_REQUESTS)
        self.assertEqual(self.ask(Key(self.folder.name, "third").token()), "refused jose.keys_unavailable")
        self.assertEqual(self.ask(self.second.token()), "accepted alice")

    def test_tokens_that_break_a_rule_are_refused(self):
        self.addCleanup(self.issuer.stop)
        now = int(time.time())
        for expected, token in [
            ("expired", self.first.token(exp=now - 1)),
            ("audience_wrong", self.first.token(aud="invoices")),
            ("issuer_wrong", self.first.token(iss=ISSUER + "/")),
            ("not_yet_valid", self.first.token(nbf=now + 30)),
            ("type_refused", self.first.token(header={"typ": "at+jwt"})),
            ("malformed", self.first.token(header={"crit": ["exp"]})),
            ("malformed", self.first.token() + "="),
            ("malformed", ""),
            ("signature_wrong", self.second.token(header={"kid": "first"})),
        ]:
            self.assertEqual(self.ask(token), "refused jose." + expected)
        text = b64(json.dumps({"alg": "none", "typ": "JWT", "kid": "first"}).encode()) + "." + self.first.token().split(".")[1]
        self.assertEqual(self.ask(text + "."), "refused jose.algorithm_refused")
        text = b64(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "first"}).encode()) + "." + self.first.token().split(".")[1]
        for secret in (json.dumps(self.first.jwk).encode(), openssl("ec", "-in", self.first.path, "-pubout")):
            mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
            self.assertEqual(self.ask(text + "." + b64(mac)), "refused jose.algorithm_refused")
        self.assertEqual(self.ask(self.first.token()), "accepted alice")


if __name__ == "__main__":
    unittest.main()
