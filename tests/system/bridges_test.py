#!/usr/bin/env python3
"""Handlers of cpp-httplib, Boost.Beast and RESTinio servers behind our guards: the examples, as clients meet them."""
import http.client
import os
import re
import socket
import tempfile
import unittest
from pathlib import Path

from zephyr_server import BINARY, PASSWORD, QUICK, Client, Server, add_user, totp

EXAMPLES = Path(os.environ.get("ZEPHYR_EXAMPLES", Path(BINARY).parent))
os.environ.pop("ZEPHYR_EXAMPLES", None)


def raw(port, text):
    """What the server answers to these bytes, until it closes or is silent for a while."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(2)
        connection.sendall(text.encode())
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except (TimeoutError, ConnectionResetError):
            pass
    return answer.decode()


def status_of(answer):
    return int(answer.split(" ", 2)[1]) if answer.startswith("HTTP/1.1 ") else 0


class Bridge:
    """The tests; each subclass names an example."""
    example = ""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="zephyr-bridge-")
        cls.addClassCleanup(cls.folder.cleanup)
        data = Path(cls.folder.name) / "data"
        add_user(data, "ada", "--role", "admin")
        add_user(data, "bob")
        add_user(data, "eve")
        cls.server = Server(data=data, binary=str(EXAMPLES / f"example_{cls.example}"), serve=(),
                            flags=[*QUICK, "--mfa-required-for-admin", "false"])
        cls.addClassCleanup(cls.server.stop)
        cls.port = cls.server.port

    def signed_in(self, name):
        client = Client(self.port)
        self.addCleanup(client.connection.close)
        status, answer = client.log_in(name)
        self.assertEqual(status, 200, answer)
        return client

    def get(self, path, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read().decode()
        finally:
            connection.close()

    def test_a_stranger_is_challenged(self):
        status, headers, body = self.get("/hello")
        self.assertEqual(status, 401)
        self.assertIn("WWW-Authenticate", headers)
        self.assertEqual(headers["Content-Type"], "application/problem+json")
        self.assertNotIn("Hello", body)

    def test_a_browser_is_led_to_the_sign_in_page_of_the_same_server(self):
        status, headers, _ = self.get("/hello", Accept="text/html")
        self.assertIn(status, (302, 303))
        self.assertEqual(headers["Location"], "/sign-in?return_to=%2Fhello")
        status, headers, page = self.get(headers["Location"], Accept="text/html")
        self.assertEqual(status, 200)
        self.assertIn("<form", page)
        style = re.search(r'href="(/[^"]+\.css[^"]*)"', page).group(1)
        self.assertEqual(self.get(style)[0], 200)

    def test_who_signed_in_there_is_known_to_the_handler(self):
        bob = self.signed_in("bob")
        self.assertEqual(bob.get("/hello"), (200, "Hello, bob.\n"))
        self.assertEqual(bob.post("/auth/logout")[0] // 100, 2)
        self.assertEqual(bob.get("/hello")[0], 401)

    def test_a_role_is_demanded(self):
        self.assertEqual(self.signed_in("bob").get("/reports")[0], 403)
        self.assertEqual(self.signed_in("ada").get("/reports"), (200, "Secret figures.\n"))
        self.assertEqual(self.get("/reports")[0], 401)

    def test_answers_of_handlers_carry_our_headers(self):
        bob = self.signed_in("bob")
        bob.get("/hello")
        for name in ("X-Content-Type-Options", "Content-Security-Policy", "X-Request-Id"):
            self.assertIn(name, {key.title(): value for key, value in bob.headers.items()})
        self.assertEqual(bob.headers["Content-Type"], "text/plain" if self.example != "restinio_guard" else "text/plain; charset=utf-8")

    def test_a_post_with_its_body_reaches_the_handler_and_one_of_another_site_does_not(self):
        bob = self.signed_in("bob")
        status, text = bob.request("POST", "/notes", body={"milk": 2})
        self.assertEqual((status, text), (201, 'bob noted {"milk": 2}\n'))
        status, _ = bob.request("POST", "/notes", body={"milk": 2}, headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"})
        self.assertEqual(status, 403)

    def test_head_has_the_length_of_get_and_no_body(self):
        bob = self.signed_in("bob")
        self.assertEqual(bob.request("HEAD", "/hello"), (200, ""))
        self.assertEqual(bob.headers["Content-Length"], str(len("Hello, bob.\n")))
        self.assertEqual(bob.get("/hello")[0], 200)  # the connection is still in step
        self.assertEqual(bob.request("HEAD", "/healthz"), (200, ""))
        self.assertEqual(bob.get("/hello")[0], 200)

    def test_no_spelling_of_a_path_leads_past_its_guard(self):
        for target in ("/hello", "//hello", "/./hello", "/x/../hello", "/%68ello", "/hello/", "/hello?x=1", "/hello%00", "/hello;x", "/HELLO",
                       "/hello%2f", "/hel%6co", "http://127.0.0.1/hello", "/hello#x", "/hello/.", "/hello%20", "/%2e/hello", "/x/%2e%2e/hello",
                       "\\hello", "/\\hello"):
            answer = raw(self.port, f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n\r\n")
            self.assertIn(status_of(answer), (0, 400, 401, 404), target + "\n" + answer)
            self.assertNotIn("Hello", answer)

    def test_requests_that_two_readers_could_read_differently_are_refused(self):
        cookie = "; ".join(f"{name}={value}" for name, value in self.signed_in("bob").cookies.items())
        for extra in ("Host: other.example", "Authorization: Bearer a\r\nAuthorization: Bearer b", f"Cookie: {cookie}\r\nCookie: x=1"):
            answer = raw(self.port, f"GET /hello HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n{extra}\r\nConnection: close\r\n\r\n")
            self.assertIn(status_of(answer), (0, 400), extra)
            self.assertNotIn("Hello", answer)
        def post(framing):
            return raw(self.port, f"POST /notes HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nCookie: {cookie}\r\n"
                                  f"Content-Type: application/json\r\nConnection: close\r\n{framing}")

        self.assertEqual(status_of(post("Content-Length: 3\r\n\r\nabc")), 201)
        smuggled = post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        self.assertIn(status_of(smuggled), (0, 400))
        self.assertNotIn("noted", smuggled)

    def test_an_unknown_path_is_our_404(self):
        status, headers, body = self.get("/nowhere")
        self.assertEqual(status, 404)
        self.assertIn("http.not_found", body)

    def test_the_whole_of_sign_in_is_served_a_second_factor_too(self):
        eve = self.signed_in("eve")
        status, setup = eve.post("/auth/mfa/totp/setup")
        self.assertEqual(status, 200, setup)
        status, _ = eve.post("/auth/mfa/totp/verify", {"code": totp(setup["secret"])})
        self.assertEqual(status, 200)
        # The factor is asked for from now on: a sign-in without it is pending, and no handler runs for it.
        again = Client(self.port)
        self.addCleanup(again.connection.close)
        self.assertEqual(again.log_in("eve")[0], 200)
        self.assertEqual(again.get("/hello")[0], 403)
        self.assertEqual(again.post("/auth/mfa/totp/verify", {"code": totp(setup["secret"], 1)})[0], 200)
        self.assertEqual(again.get("/hello"), (200, "Hello, eve.\n"))

    def test_zz_it_stops_when_told(self):
        self.assertEqual(self.server.stop(), 0)


class Httplib(Bridge, unittest.TestCase):
    example = "httplib_guard"


class Beast(Bridge, unittest.TestCase):
    example = "beast_guard"


class Restinio(Bridge, unittest.TestCase):
    example = "restinio_guard"


if __name__ == "__main__":
    unittest.main()
