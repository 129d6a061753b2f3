#!/usr/bin/env python3
"""The configurations of examples/forward_auth in the real nginx, Caddy and HAProxy, in front of an application that nobody here wrote
(httpbin, under gunicorn). Only ports, certificates and folders differ from the examples."""
import html
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse
from pathlib import Path

from zephyr_server import BINARY, PASSWORD, QUICK, ROOT, add_user, free_port, totp, zephyr

EXAMPLES = ROOT / "examples/forward_auth"
RULES = ["app.example.com", "wiki.example.com role:staff", "wiki.example.com/admin role:admin mfa", "status.example.com open"]
IDENTITY = ["Remote-User", "Remote-Name", "Remote-Email", "Remote-Groups", "Remote-Roles"]
HTML = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Mode": "navigate"}


class Programs:
    """What is started here ends here."""

    def __init__(self, folder):
        self.folder, self.running = folder, []

    def start(self, name, command, port, **more):
        log = open(self.folder / f"{name}.log", "w")
        process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log, start_new_session=True, **more)
        self.running.append((process, log))
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return process
            if process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"{name} does not listen: " + (self.folder / f"{name}.log").read_text()[-3000:])

    def stop(self):
        for process, log in reversed(self.running):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process, log in reversed(self.running):
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            log.close()


class World:
    """Zephyr and httpbin, and the proxies in front of them."""

    def __init__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="zephyr-forward-")
        self.folder = Path(self.scratch.name)
        self.folder.chmod(0o755)
        self.programs = Programs(self.folder)
        self.data = self.folder / "data"
        try:
            self.certificate()
            self.people()
            self.zephyr_port, self.app_port = free_port(), free_port()
            self.programs.start("httpbin", ["/usr/bin/python3", "-m", "gunicorn", "--threads", "8", "-b", f"127.0.0.1:{self.app_port}",
                                            "httpbin:app"], self.app_port, cwd=self.folder)
            self.zephyr = self.programs.start(
                "zephyr", [BINARY, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.zephyr_port}",
                           "--public-url", "https://auth.example.com", "--behind-proxy", "--trusted-proxies", "127.0.0.1",
                           "--forward-auth-rules", ",".join(RULES), "--limits-forward-per-second", "0", *QUICK], self.zephyr_port)
            self.ports = {name: getattr(self, name)(free_port()) for name in ("nginx", "caddy", "haproxy")}
        except BaseException:
            self.stop()
            raise

    def stop(self):
        self.programs.stop()
        self.scratch.cleanup()

    def certificate(self):
        self.pem, self.key = self.folder / "example.com.pem", self.folder / "example.com.key"
        names = ",".join(f"DNS:{name}.example.com" for name in ("auth", "app", "wiki", "status", "other"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                        "/CN=example.com", "-addext", f"subjectAltName={names}", "-keyout", self.key, "-out", self.pem],
                       check=True, capture_output=True)
        self.both = self.folder / "both.pem"
        self.both.write_text(self.pem.read_text() + self.key.read_text())

    def people(self):
        zephyr("role", "create", "staff", "People of the house", data=self.data, check=True)
        for name, roles in (("ada", ["--role", "staff"]), ("bob", []), ("eve", ["--role", "staff"]), ("zoë", [])):
            add_user(self.data, name, *roles)

    def example(self, name, changes):
        text = (EXAMPLES / name).read_text()
        for old, new in changes.items():
            assert old in text, f"{name} has no {old!r} any more"
            text = text.replace(old, str(new))
        target = self.folder / name
        target.write_text(text)
        return target

    def nginx(self, port):
        folder = self.folder / "nginx"
        folder.mkdir()
        config = self.example("nginx.conf", {
            "127.0.0.1:8080": f"127.0.0.1:{self.zephyr_port}", "127.0.0.1:5000": f"127.0.0.1:{self.app_port}",
            "listen 443": f"listen {port}",
            "/etc/nginx/example.com.pem": self.pem, "/etc/nginx/example.com.key": self.key,
            "server_tokens off;": f"server_tokens off; access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};"})
        user = "user root; " if os.geteuid() == 0 else ""
        self.programs.start("nginx", ["nginx", "-p", folder, "-c", config, "-e", folder / "error.log",
                                      "-g", f"{user}daemon off; pid {folder}/pid;"], port)
        return port

    def caddy(self, port):
        # `local_certs` where production gets certificates by itself.
        config = self.example("Caddyfile", {
            "127.0.0.1:8080": f"127.0.0.1:{self.zephyr_port}", "127.0.0.1:5000": f"127.0.0.1:{self.app_port}",
            "\tadmin off\n": f"\tadmin off\n\thttps_port {port}\n\thttp_port {free_port()}\n\tlocal_certs\n\tskip_install_trust\n"})
        own = str(self.folder / "caddy")
        home = {**os.environ, "HOME": str(self.folder), "XDG_DATA_HOME": own, "XDG_CONFIG_HOME": own}
        self.programs.start("caddy", ["caddy", "run", "--config", config, "--adapter", "caddyfile"], port, env=home)
        return port

    def haproxy(self, port):
        script = self.example("zephyr.lua", {"127.0.0.1:8080": f"127.0.0.1:{self.zephyr_port}"})
        config = self.example("haproxy.cfg", {
            "127.0.0.1:8080": f"127.0.0.1:{self.zephyr_port}", "127.0.0.1:5000": f"127.0.0.1:{self.app_port}", "bind :443": f"bind :{port}",
            "/etc/haproxy/example.com.pem": self.both, "/etc/haproxy/zephyr.lua": script})
        self.programs.start("haproxy", ["haproxy", "-db", "-f", config], port)
        return port


class Answer:
    def __init__(self, response, body):
        self.status, self.body = response.status, body
        self.headers = response.headers

    def json(self):
        return json.loads(self.body)

    @property
    def location(self):
        return self.headers.get("Location", "")


class Browser:
    """A cookie jar per host, as browsers keep one for __Host- cookies; every host is the same proxy."""

    def __init__(self, port):
        self.port, self.cookies = port, {}

    def send(self, method, url, body=None, headers=None, raw_path=None):
        parts = urllib.parse.urlsplit(url)
        host, path = parts.netloc, raw_path or (parts.path or "/") + ("?" + parts.query if parts.query else "")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), timeout=30), server_hostname=host)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        sent = [("Host", host)] + list((headers or {}).items() if isinstance(headers, dict) or headers is None else headers)
        jar = self.cookies.setdefault(host, {})
        if jar:
            sent.append(("Cookie", "; ".join(f"{name}={value}" for name, value in jar.items())))
        if body is not None:
            sent.append(("Content-Length", str(len(body))))
        for name, value in sent:
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        answer = Answer(response, response.read().decode())
        connection.close()
        for value in answer.headers.get_all("Set-Cookie", []):
            name, content = value.split(";", 1)[0].split("=", 1)
            if content and "Max-Age=0" not in value:
                jar[name] = content
            else:
                jar.pop(name, None)
        return answer

    def get(self, url, headers=None):
        return self.send("GET", url, headers=headers)

    def follow(self, url, answer=None, at_most=8):
        """As a browser goes: to the page or along the redirects, wherever they lead."""
        answer = answer or self.get(url, HTML)
        while answer.status in (301, 302, 303) and at_most:
            url = urllib.parse.urljoin(url, answer.location)
            answer = self.get(url, HTML)
            at_most -= 1
        return url, answer

    def submit(self, url, page, **fields):
        found = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.body))
        fields = {**{name: html.unescape(value) for name, value in found.items()}, **fields}
        action = re.search(r'<form[^>]* action="([^"]+)"', page.body)
        target = urllib.parse.urljoin(url, html.unescape(action.group(1)) if action else url)
        return target, self.send("POST", target, urllib.parse.urlencode(fields).encode(),
                                 {**HTML, "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"})

    def sign_in_through(self, url, name, password=PASSWORD):
        """Opens a page, fills in the sign-in it is led to, and follows to wherever that leads."""
        at, page = self.follow(url)
        assert at.startswith("https://auth.example.com/sign-in"), (at, page.status, page.body[:300])
        at, answer = self.submit(at, page, username=name, password=password)
        return self.follow(at, answer)


def setUpModule():
    global world
    world = World()


def tearDownModule():
    world.stop()


class Contract:
    """What holds behind every proxy."""

    def setUp(self):
        self.port = world.ports[self.proxy]
        self.browser = Browser(self.port)

    def identity_seen(self, answer):
        """What the application got, by the names it would look up."""
        self.assertEqual(answer.status, 200, answer.body)
        seen = {}
        for name, value in answer.json()["headers"].items():
            seen[name.lower().replace("_", "-")] = value
        return {name: seen.get(name.lower(), "") for name in IDENTITY}

    def test_a_program_without_a_session_gets_401_and_a_challenge(self):
        browser = self.browser
        answer = browser.get("https://app.example.com/headers")
        self.assertEqual(answer.status, 401)
        self.assertIn("Bearer", answer.headers.get("WWW-Authenticate", ""))
        self.assertNotIn("Remote-User", answer.body)
        self.assertEqual(browser.send("POST", "https://app.example.com/post", b"x=1", HTML).status, 401)

    def test_a_browser_is_led_to_the_sign_in_and_comes_back_signed_in(self):
        browser = self.browser
        at, page = browser.sign_in_through("https://app.example.com/headers?show=1", "ada")
        self.assertEqual(at, "https://app.example.com/headers?show=1")
        seen = self.identity_seen(page)
        self.assertEqual(seen["Remote-User"], "ada")
        self.assertEqual(seen["Remote-Roles"], "staff")
        self.assertIn("__Host-zephyr_forward", browser.cookies["app.example.com"])
        self.assertNotIn("__Host-zephyr_forward", browser.cookies["auth.example.com"])
        self.assertNotIn("__Host-zephyr_session", browser.cookies["app.example.com"])
        # A second host needs no second sign-in.
        at, page = browser.follow("https://wiki.example.com/headers")
        self.assertEqual((at, self.identity_seen(page)["Remote-User"]), ("https://wiki.example.com/headers", "ada"))

    def test_what_a_client_says_about_itself_is_overwritten(self):
        spelled = [name.replace("-", mark) for name in IDENTITY for mark in "-_."] + [name.upper() for name in IDENTITY]
        spoofed = [(name, "root") for name in spelled] + [("remote_user", "root"), ("REMOTE_ROLES", "admin")]
        browser = self.browser
        seen = self.identity_seen(browser.send("GET", "https://status.example.com/headers", headers=spoofed))
        self.assertEqual(seen, dict.fromkeys(IDENTITY, ""))
        browser.sign_in_through("https://app.example.com/headers", "bob")
        answer = browser.send("GET", "https://app.example.com/headers", headers=spoofed)
        self.assertEqual(self.identity_seen(answer)["Remote-User"], "bob")
        self.assertNotIn("root", answer.body)
        self.assertNotIn('"admin"', answer.body)

    def test_a_name_beyond_ascii_arrives_encoded(self):
        browser = self.browser
        _, page = browser.sign_in_through("https://app.example.com/headers", "zoë")
        self.assertEqual(self.identity_seen(page)["Remote-User"], "zo%C3%AB")

    def test_a_client_cannot_ask_for_another_request_than_the_one_it_makes(self):
        lies = [{"X-Original-URL": "https://status.example.com/"}, {"X-Original-Method": "GET"},
                {"X-Original-URL": "https://status.example.com/", "X-Original-Method": "GET"},
                {"X-Forwarded-Uri": "/"}, {"X-Forwarded-Method": "GET"}, {"X-Forwarded-Host": "status.example.com"},
                {"X-Forwarded-Host": "status.example.com", "X-Forwarded-Uri": "/", "X-Forwarded-Method": "GET",
                 "X-Forwarded-Proto": "https"},
                {"X_Original_URL": "https://status.example.com/", "X_Forwarded_Host": "status.example.com"},
                {"Forwarded": "host=status.example.com"}, {"X-Rewrite-URL": "/"}, {"X-HTTP-Method-Override": "GET"}]
        browser = self.browser
        for lie in lies:
            self.assertIn(browser.get("https://app.example.com/headers", lie).status, (400, 401, 403), lie)
            self.assertEqual(browser.get("https://status.example.com/headers", lie).status, 200, lie)

    # RFC 9112 3.2.2: "When an origin server receives a request with an absolute-form of request-target, the origin server MUST ignore the
    # received Host header field". Who routes by one name must not ask about the other.
    def test_a_host_in_the_request_line_and_another_in_the_header_gain_nothing(self):
        for line, host in (("app", "status"), ("status", "app")):
            sent = f"GET https://{line}.example.com/headers HTTP/1.1\r\nHost: {host}.example.com\r\nConnection: close\r\n\r\n"
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            with socket.create_connection(("127.0.0.1", self.port), timeout=30) as plain:
                with context.wrap_socket(plain, server_hostname=f"{line}.example.com") as connection:
                    connection.sendall(sent.encode())
                    answer = b""
                    while chunk := connection.recv(65536):
                        answer += chunk
            status = int(answer.split(b" ", 2)[1])
            if status == 200:  # then for the open host alone, and the application sees no other
                self.assertEqual(line, "status", answer)
                self.assertIn(b'"Host":"status.example.com"', answer.replace(b'": "', b'":"'))
            else:
                self.assertIn(status, (400, 401, 403, 421), answer)

    def test_a_host_without_a_rule_is_refused(self):
        browser = self.browser
        try:
            answer = browser.get("https://other.example.com/headers")
        except (ssl.SSLError, ConnectionError):
            return  # not even a certificate
        self.assertFalse(answer.status == 200 and "headers" in answer.body, answer.body)

    def test_a_rule_about_roles_and_paths_is_kept(self):
        browser = self.browser
        at, answer = browser.sign_in_through("https://wiki.example.com/headers", "bob")
        self.assertEqual(answer.status, 403, at)
        other = Browser(self.port)
        other.sign_in_through("https://wiki.example.com/headers", "ada")
        self.assertEqual(other.get("https://wiki.example.com/headers").status, 200)
        for path in ("/admin", "/admin/", "/admin/users", "/%61dmin", "/admin?x=1"):
            self.assertEqual(other.send("GET", "https://wiki.example.com", raw_path=path).status, 403, path)
        self.assertEqual(other.get("https://wiki.example.com/administrator").status, 404)  # httpbin's own answer

    def test_tricks_with_paths_are_refused_and_never_reach_the_application(self):
        tricks = ["/x/../admin", "/x/..%2fadmin", "/x/%2e%2e/admin", "/./admin", "//admin", "/x//admin", "/admin;x=1", "/x;/../admin",
                  "/admin%2f..", "/%2fadmin", "/x%5c..%5cadmin", "/admin%00", "/%2e%2e/admin", "/admin%0a", "/Admin", "/ADMIN/x", "/admin.",
                  "/%c0%ae%c0%ae/admin", "/%252e%252e/admin", "/x/..;/admin", "/\xef\xbc\x8fadmin".encode().decode("latin-1")]
        browser = self.browser
        browser.sign_in_through("https://wiki.example.com/headers", "ada")
        for path in tricks:
            try:
                answer = browser.send("GET", "https://wiki.example.com", raw_path=path)
            except (http.client.HTTPException, ConnectionError):
                continue  # the proxy hung up
            except (UnicodeEncodeError, http.client.InvalidURL):
                continue  # no client can send it
            self.assertIn(answer.status, (400, 403, 404, 308, 301), path)
            self.assertNotIn("httpbin", answer.body.lower(), path)
            self.assertNotEqual(answer.headers.get("Server", ""), "gunicorn", path)

    def test_bodies_and_answers_pass_unchanged(self):
        body = urllib.parse.urlencode({"text": "ä" * 5000, "csrf_token": "theirs"}).encode()
        browser = self.browser
        browser.sign_in_through("https://app.example.com/headers", "ada")
        answer = browser.send("POST", "https://app.example.com/post", body, {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(answer.status, 200, answer.body[:300])
        self.assertEqual(answer.json()["form"], {"text": "ä" * 5000, "csrf_token": "theirs"})
        answer = browser.send("PUT", "https://app.example.com/put", b'{"a": 1}', {"Content-Type": "application/json"})
        self.assertEqual(answer.json()["json"], {"a": 1})
        self.assertEqual(browser.send("DELETE", "https://app.example.com/delete").status, 200)
        self.assertEqual(browser.get("https://app.example.com/status/418").status, 418)
        self.assertEqual(browser.get("https://app.example.com/response-headers?X-Of-App=1").headers["X-Of-App"], "1")

    def test_signing_out_ends_it_everywhere_at_once(self):
        browser = self.browser
        browser.sign_in_through("https://app.example.com/headers", "ada")
        browser.follow("https://wiki.example.com/headers")
        self.assertEqual(browser.get("https://app.example.com/headers").status, 200)
        self.assertEqual(browser.get("https://wiki.example.com/headers").status, 200)
        signed_out = browser.send("POST", "https://auth.example.com/auth/logout", b"{}", {"Content-Type": "application/json"})
        self.assertEqual(signed_out.status, 200)
        self.assertEqual(browser.get("https://app.example.com/headers").status, 401)
        self.assertEqual(browser.get("https://wiki.example.com/headers").status, 401)

    def test_a_disabled_account_ends_it_at_once(self):
        browser = self.browser
        browser.sign_in_through("https://app.example.com/headers", "eve")
        self.assertEqual(browser.get("https://app.example.com/headers").status, 200)
        zephyr("user", "disable", "eve", data=world.data, check=True)
        self.assertEqual(browser.get("https://app.example.com/headers").status, 401)
        zephyr("user", "enable", "eve", data=world.data, check=True)

    def test_a_host_cookie_or_ticket_elsewhere_is_worth_nothing(self):
        browser = self.browser
        browser.sign_in_through("https://app.example.com/headers", "ada")
        stolen = browser.cookies["app.example.com"]["__Host-zephyr_forward"]
        thief = Browser(self.port)
        for name in ("__Host-zephyr_forward", "__Host-zephyr_session"):
            thief.cookies = {"wiki.example.com": {name: stolen}, "auth.example.com": {name: stolen}}
            self.assertEqual(thief.get("https://wiki.example.com/headers").status, 401)
            self.assertEqual(thief.get("https://auth.example.com/auth/me").status, 401)
        # A ticket of the thief's own, sent to a victim who never began.
        thief = Browser(self.port)
        thief.sign_in_through("https://wiki.example.com/headers", "ada")
        at, answer = "https://app.example.com/headers", thief.get("https://app.example.com/headers", HTML)
        while "/auth/forward/callback" not in answer.location:
            at = urllib.parse.urljoin(at, answer.location)
            answer = thief.get(at, HTML)
        victim = Browser(self.port)
        self.assertEqual(victim.get(answer.location, HTML).status, 403)
        self.assertEqual(victim.get("https://app.example.com/headers").status, 401)
        self.assertEqual(thief.get(answer.location, HTML).status, 403)  # used up by the attempt

    def test_a_second_factor_that_a_path_demands_is_asked_for(self):
        browser, name = self.browser, f"chief-{self.proxy}"
        add_user(world.data, name, "--role", "admin", "--role", "staff")
        json_headers = {"Content-Type": "application/json"}
        log_in = json.dumps({"username": name, "password": PASSWORD}).encode()
        self.assertEqual(browser.send("POST", "https://auth.example.com/auth/login", log_in, json_headers).status, 200)
        self.assertEqual(browser.follow("https://wiki.example.com/headers")[1].status, 200)
        self.assertEqual(browser.get("https://wiki.example.com/admin").status, 403)
        setup = browser.send("POST", "https://auth.example.com/auth/mfa/totp/setup", b"{}", json_headers).json()
        code = json.dumps({"code": totp(setup["secret"])}).encode()
        self.assertEqual(browser.send("POST", "https://auth.example.com/auth/mfa/totp/verify", code, json_headers).status, 200)
        self.assertEqual(browser.get("https://wiki.example.com/admin").status, 404)  # let through: httpbin has no such page

    def test_many_at_once_get_their_own_names_and_nobody_elses(self):
        browser = self.browser
        signed_in = []
        for name in ("ada", "bob", "zoë"):
            one = Browser(self.port)
            one.sign_in_through("https://app.example.com/headers", name)
            signed_in.append((one, urllib.parse.quote(name)))
        wrong = []

        def ask(one, name):
            for _ in range(40):
                answer = one.get("https://app.example.com/headers")
                if answer.status != 200 or self.identity_seen(answer)["Remote-User"] != name:
                    wrong.append((name, answer.status, answer.body))

        threads = [threading.Thread(target=ask, args=pair) for pair in signed_in for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


class BehindNginx(Contract, unittest.TestCase):
    proxy = "nginx"


class BehindCaddy(Contract, unittest.TestCase):
    proxy = "caddy"


class BehindHaproxy(Contract, unittest.TestCase):
    proxy = "haproxy"


class InARealBrowser(unittest.TestCase):
    def test_people_are_led_through_the_sign_in_and_back(self):
        for name, port in world.ports.items():
            with self.subTest(proxy=name):
                result = subprocess.run(["node", ROOT / "tests/browser/forward_job.mjs", str(port), "ada", PASSWORD],
                                        capture_output=True, text=True, timeout=120)
                self.assertEqual(result.returncode, 0, result.stdout + result.stderr)


class WithoutZephyr(unittest.TestCase):
    """The last class: it ends what the others need."""

    def test_nobody_passes_while_it_does_not_answer(self):
        browsers = {name: Browser(port) for name, port in world.ports.items()}
        for browser in browsers.values():
            browser.sign_in_through("https://app.example.com/headers", "ada")
            self.assertEqual(browser.get("https://app.example.com/headers").status, 200)
        world.zephyr.kill()
        world.zephyr.wait()
        for name, browser in browsers.items():
            for url in ("https://app.example.com/headers", "https://status.example.com/headers"):
                answer = browser.get(url, {"Remote-User": "root"})
                self.assertGreaterEqual(answer.status, 500, name)
                self.assertNotIn("headers", answer.body, name)


if __name__ == "__main__":
    unittest.main()
