#!/usr/bin/env python3
"""The command line: offline, beside a running server, its exit codes, and what it must never print."""
import json
import os
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

from zephyr_server import QUICK, Server, add_user, totp, zephyr


class Offline(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.data = Path(self.folder.name) / "data"

    def tearDown(self):
        self.folder.cleanup()

    def run_ok(self, *arguments, stdin=""):
        result = zephyr(*arguments, data=self.data, stdin=stdin)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def listing(self, *arguments):
        return json.loads(self.run_ok(*arguments, "--json"))

    def test_an_account_from_birth_to_erasure(self):
        add_user(self.data, "Ada", "--email", "ada@example.test", "--role", "admin")
        add_user(self.data, "bob")
        self.assertEqual([user["username"] for user in self.listing("user", "list")], ["Ada", "bob"])
        self.assertEqual(self.listing("user", "list", "--prefix", "AD")[0]["roles"], ["admin"])
        shown = self.listing("user", "show", "ada@example.test")
        self.assertTrue(shown["has_password"])
        self.run_ok("user", "disable", "bob", "--reason", "left")
        self.assertEqual(self.listing("user", "list", "--state", "disabled")[0]["username"], "bob")
        self.run_ok("user", "enable", "bob")
        exported = json.loads(self.run_ok("user", "export", "bob"))
        self.assertIn("users", exported)
        self.run_ok("user", "delete", "bob")
        self.assertEqual(zephyr("user", "show", "bob", data=self.data).returncode, 3)
        codes = {event["event"] for event in self.listing("audit", "list")}
        self.assertTrue({"users.created", "users.deleted", "rbac.granted", "users.exported"} <= codes, codes)

    def test_roles_groups_and_why(self):
        add_user(self.data, "ada")
        self.run_ok("role", "create", "editor", "May edit")
        self.run_ok("role", "allow", "editor", "docs.*")
        self.run_ok("group", "create", "writers")
        self.run_ok("group", "add", "writers", "ada")
        self.run_ok("role", "grant", "writers", "editor", "--group")
        why = self.run_ok("role", "explain", "ada", "docs.read", "--permission")
        self.assertTrue(why.startswith("allowed"), why)
        self.assertIn("writers", why)
        self.assertEqual(zephyr("role", "explain", "ada", "admin", data=self.data).returncode, 1)
        self.run_ok("role", "create", "chief", "Leads the editors")
        self.run_ok("role", "include", "chief", "editor")
        self.assertEqual(zephyr("role", "include", "editor", "chief", data=self.data).returncode, 4, "no cycles")
        self.run_ok("role", "revoke", "writers", "editor", "--group")
        self.assertIn("editor", {role["role"] for role in self.listing("role", "list")})
        self.run_ok("role", "delete", "editor")

    def test_accounts_of_another_system_are_imported(self):
        bcrypt = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"
        self.run_ok("group", "create", "staff")
        sheet = Path(self.folder.name) / "accounts.csv"
        sheet.write_text(f"username,email,password_hash,roles,groups\nada,ada@example.test,{bcrypt},admin,staff\nbob,,,,\n")
        self.assertEqual(self.run_ok("user", "import", str(sheet), "--dry-run"), "would import 2 accounts\n")
        self.assertEqual(self.listing("user", "list"), [])
        self.assertEqual(self.run_ok("user", "import", str(sheet)), "imported 2 accounts\n")
        self.assertEqual(self.listing("user", "show", "ada@example.test")["roles"], ["admin"])
        self.assertEqual(zephyr("user", "import", str(sheet), data=self.data).returncode, 4)
        lines = '{"username":"bob"}\n{"username":"eve","password_hash":"$2b$31$x"}\n{"username":"no one"}\n'
        refused = zephyr("user", "import", "-", "--skip-existing", data=self.data, stdin=lines)
        self.assertEqual(refused.returncode, 2)
        self.assertEqual([line.split(":")[0] for line in refused.stderr.splitlines()[:-1]], ["line 2", "line 3"])
        self.assertEqual(self.run_ok("user", "import", "-", "--skip-existing", stdin='{"username":"bob"}\n{"username":"eve"}\n'),
                         "imported 1 account, 1 were there\n")
        self.assertEqual(zephyr("user", "import", "/proc/none", data=self.data).returncode, 2)
        self.assertNotIn("import-part", zephyr("user", "--help").stdout)

    def test_exit_codes(self):
        self.assertEqual(zephyr("user", "add", data=self.data).returncode, 2)
        self.assertEqual(zephyr("no-such-command").returncode, 2)
        self.assertEqual(zephyr("user", "show", "nobody", data=self.data).returncode, 3)
        add_user(self.data, "ada")
        self.assertEqual(zephyr("user", "add", "ADA", data=self.data).returncode, 4)
        weak = zephyr("user", "add", "eve", "--password-stdin", data=self.data, stdin="password1234567\n")
        self.assertEqual(weak.returncode, 2)
        self.assertIn("passwords.", weak.stderr)
        self.assertEqual(zephyr("user", "add", "eve", "--password-stdin", data=self.data, stdin="").returncode, 2)
        self.assertEqual(zephyr("config", "check", environment={"ZEPHYR_SESIONS_IDLE": "1m"}).returncode, 78)
        self.assertEqual(zephyr("version").returncode, 0)
        self.assertEqual(zephyr("user", "list", data="/proc/none/of/this").returncode, 1)

    def test_settings_are_checked_shown_and_secrets_stay_secret(self):
        canary = "postgresql://canary:canarypassword@127.0.0.1/none"
        for command in ("check", "show"):
            result = zephyr("config", command, environment={"ZEPHYR_STORAGE_URL": canary, "MFA_TOTP_ISSUER": "Acme"})
            self.assertNotIn("canarypassword", result.stdout + result.stderr)
        shown = zephyr("config", "show", environment={"MFA_TOTP_ISSUER": "Acme"}).stdout
        self.assertRegex(shown, r"mfa\.totp_issuer = Acme +# environment MFA_TOTP_ISSUER")
        wrong = zephyr("config", "check", environment={"ZEPHYR_SESSIONS_IDEL": "1m", "MFA_ENABLED": "maybe"})
        self.assertIn("ZEPHYR_SESSIONS_IDLE", wrong.stdout)
        self.assertIn("mfa.enabled", wrong.stdout)
        json.loads(zephyr("config", "schema").stdout)

    def test_routes_migrate_completion_and_keys(self):
        self.assertIn("/auth/mfa/totp/verify", zephyr("routes").stdout)
        self.assertIn("schema version", self.run_ok("migrate"))
        script = zephyr("completion", "bash").stdout
        out = subprocess.run(["bash", "-c", script + "\nCOMP_WORDS=(zephyr user re); COMP_CWORD=2; _zephyr; echo ${COMPREPLY[@]}"],
                             capture_output=True, text=True).stdout
        self.assertEqual(out.strip(), "reset-mfa")
        before = self.listing("key", "list")
        self.run_ok("key", "rotate")
        after = self.listing("key", "list")  # opening takes the new key over
        self.assertEqual(len(after), len(before) + 1)
        self.assertEqual([key["active"] for key in after], [False, True])

    def test_the_folder_and_the_key_are_for_their_owner_alone(self):
        self.run_ok("migrate")
        self.assertEqual(stat.S_IMODE(os.stat(self.data).st_mode), 0o700)
        zephyr("migrate", data=f"{self.folder.name}/with-a-slash/", check=True)
        self.assertEqual(stat.S_IMODE(os.stat(f"{self.folder.name}/with-a-slash").st_mode), 0o700)
        self.assertEqual(stat.S_IMODE(os.stat(self.data / "master.key").st_mode), 0o600)
        os.chmod(self.data / "master.key", 0o644)
        self.assertNotEqual(zephyr("user", "list", data=self.data).returncode, 0)

    def test_a_lost_or_foreign_master_key_is_never_made_anew(self):
        add_user(self.data, "ada")
        key = self.data / "master.key"
        kept = key.read_text()
        key.unlink()
        lost = zephyr("user", "list", data=self.data)
        self.assertNotEqual(lost.returncode, 0)
        self.assertFalse(key.exists())
        with tempfile.TemporaryDirectory() as other:
            zephyr("migrate", data=f"{other}/data", check=True)
            key.write_text(Path(f"{other}/data/master.key").read_text())
            key.chmod(0o600)
        foreign = zephyr("user", "list", data=self.data)
        self.assertIn("master_key_mismatch", foreign.stderr)
        key.write_text(kept)
        key.chmod(0o600)
        self.assertEqual(zephyr("user", "list", data=self.data).returncode, 0)


class BesideAServer(unittest.TestCase):
    def test_commands_go_through_the_control_socket_and_bite_at_once(self):
        with Server(flags=QUICK) as server:
            data = server.data
            socket = data / "control.sock"
            self.assertEqual(stat.S_IMODE(os.stat(socket).st_mode), 0o600)
            add_user(data, "ada", "--role", "admin")
            add_user(data, "bob")
            bob = server.client()
            bob.log_in("bob")
            secret = bob.post("/auth/mfa/totp/setup")[1]["secret"]
            bob.post("/auth/mfa/totp/verify", {"code": totp(secret)})
            self.assertEqual(bob.get("/auth/me")[0], 200)

            sessions = json.loads(zephyr("session", "list", "--user", "bob", "--json", data=data, check=True).stdout)
            self.assertEqual(sessions[0]["factors"], ["pwd", "otp"])
            zephyr("session", "revoke", sessions[0]["session"], data=data, check=True)
            self.assertEqual(bob.get("/auth/me")[0], 401)

            bob.log_in("bob")
            zephyr("user", "reset-mfa", "bob", "--reason", "lost phone", data=data, check=True)
            self.assertEqual(bob.get("/auth/me")[0], 401)
            self.assertEqual(bob.log_in("bob")[1]["mfa"], "none")
            events = json.loads(zephyr("audit", "list", "--user", "bob", "--json", data=data, check=True).stdout)
            self.assertTrue(any(event["code"] == "ZBREAK01W" and event["reason"] == "lost phone" for event in events))

            # The same, as `zephyr mfa` says it: told, asked for, cancelled, and at once.
            bob.log_in("bob")
            secret = bob.post("/auth/mfa/totp/setup")[1]["secret"]
            bob.post("/auth/mfa/totp/verify", {"code": totp(secret)})
            facts = json.loads(zephyr("mfa", "status", "bob", "--json", data=data, check=True).stdout)
            self.assertEqual([factor["kind"] for factor in facts["factors"]], ["totp", "backup_code"])
            self.assertEqual((facts["demanded"], facts["recovery"]), ("none", None))
            demanded = json.loads(zephyr("mfa", "policy", "--json", data=data, check=True).stdout)
            self.assertEqual([(row["user"], row["by"]) for row in demanded], [("ada", ["mfa.required_for_admin"])])
            self.assertEqual(json.loads(zephyr("mfa", "status", "--json", data=data, check=True).stdout)["with_second_factor"], 1)
            self.assertEqual(zephyr("mfa", "reset", "bob", data=data).returncode, 2, "a request needs a reason")
            zephyr("mfa", "reset", "bob", "--reason", "lost phone", data=data, check=True)
            facts = json.loads(zephyr("mfa", "status", "bob", "--json", data=data, check=True).stdout)
            self.assertEqual((facts["recovery"]["kind"], facts["recovery"]["reason"]), ("admin", "lost phone"))
            self.assertEqual(bob.get("/auth/me")[0], 200, "nothing happens before its time")
            self.assertEqual(zephyr("mfa", "reset", "bob", "--reason", "again", data=data).returncode, 4)
            zephyr("mfa", "reset", "bob", "--cancel", data=data, check=True)
            self.assertEqual(zephyr("mfa", "reset", "bob", "--cancel", data=data).returncode, 3)
            zephyr("mfa", "reset", "bob", "--now", "--reason", "in person", data=data, check=True)
            self.assertEqual(bob.get("/auth/me")[0], 401)
            self.assertEqual(bob.log_in("bob")[1]["mfa"], "none")

            weak = zephyr("user", "set-password", "bob", "--password-stdin", data=data, stdin="password1234567\n")
            self.assertEqual(weak.returncode, 2)
            self.assertEqual(bob.get("/auth/me")[0], 200, "a refused password changes nothing")
            zephyr("user", "set-password", "bob", "--password-stdin", data=data, stdin="another fine pass phrase\n", check=True)
            self.assertEqual(bob.get("/auth/me")[0], 401)
            self.assertEqual(bob.log_in("bob")[0], 401)
            self.assertEqual(bob.log_in("bob", "another fine pass phrase")[0], 200)

            zephyr("user", "disable", "bob", data=data, check=True)
            self.assertEqual(bob.get("/auth/me")[0], 401)
            self.assertEqual(bob.log_in("bob")[0], 401)
            self.assertEqual(zephyr("user", "show", "nobody", data=data).returncode, 3)
            second = zephyr("serve", "--listen", "127.0.0.1:0", data=data)
            self.assertEqual(second.returncode, 4, second.stderr)
        self.assertFalse(socket.exists())

    def test_an_import_larger_than_a_message_goes_through_the_control_socket(self):
        bcrypt = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"
        accounts = 20_000
        with Server(flags=QUICK) as server:
            lines = "".join(json.dumps({"username": f"user{i}", "email": f"user{i}@example.test", "password_hash": bcrypt,
                                        "display_name": "A name of some length, as people have it, " + "x" * 60}) + "\n" for i in range(accounts))
            self.assertGreater(len(lines), 4 * 1024 * 1024)
            imported = zephyr("user", "import", "-", data=server.data, stdin=lines, check=True)
            self.assertEqual(imported.stdout, f"imported {accounts} accounts\n")
            client = server.client()
            self.assertEqual(client.log_in("user19999", "U*U")[0], 401)
            self.assertEqual(client.log_in("user19999@example.test", "U*U*")[0], 200)
            self.assertEqual(client.log_in("user19999", "U*U*")[0], 200, "by the hash that took its place")
            events = json.loads(zephyr("audit", "list", "--user", "user19999", "--json", data=server.data, check=True).stdout)
            self.assertIn("passwords.rehashed", [event["event"] for event in events])
            again = zephyr("user", "import", "-", "--skip-existing", data=server.data, stdin=lines, check=True)
            self.assertEqual(again.stdout, f"imported 0 accounts, {accounts} were there\n")

    def test_the_set_up_link_is_on_the_terminal_and_not_in_the_log(self):
        with Server(flags=QUICK + ["--log-level", "debug"]) as server:
            self.assertIsNotNone(server.link)
            token = server.link.rsplit("/", 1)[1]
            path = server.link[server.link.index("/setup/"):]
            self.assertEqual(server.client().request("GET", path, headers={"Accept": "text/html"})[0], 200)
            self.assertNotIn(token, server.log())
            fresh = zephyr("setup-link", data=server.data, check=True).stdout.strip()
            self.assertNotEqual(fresh, server.link)
            self.assertEqual(server.client().request("GET", path, headers={"Accept": "text/html"})[0], 410)
            add_user(server.data, "ada", "--role", "admin")
            self.assertEqual(zephyr("setup-link", data=server.data).returncode, 4)

    def test_sigterm_finishes_and_leaves_an_event(self):
        with tempfile.TemporaryDirectory() as folder:
            server = Server(data=f"{folder}/data", flags=QUICK)
            self.assertEqual(server.client().get("/readyz")[0], 200)
            self.assertEqual(server.stop(), 0)
            events = json.loads(zephyr("audit", "list", "--json", data=f"{folder}/data", check=True).stdout)
            self.assertEqual(events[0]["event"], "server.stopped")


if __name__ == "__main__":
    unittest.main()
