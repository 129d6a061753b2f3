#!/usr/bin/env python3
"""/openapi.json of the built server, judged by a validator that others wrote, and followed as a client would that knows nothing else."""
import json
import subprocess
import unittest

from zephyr_server import PASSWORD, QUICK, ROOT, Server, add_user


def judge(document):
    return subprocess.run(["node", str(ROOT / "tests/browser/check_openapi.mjs")], input=json.dumps(document), capture_output=True, text=True,
                          timeout=60)


class OpenApi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(flags=QUICK + ["--metrics-enabled", "--signup-open"],
                            environment={"ZEPHYR_METRICS_TOKEN": "a-token-of-this-test-alone"})
        add_user(cls.server.data, "alice")
        cls.status, cls.document = cls.server.client().get("/openapi.json")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_is_valid_openapi_3_1(self):
        self.assertEqual(self.status, 200)
        verdict = judge(self.document)
        self.assertEqual(verdict.returncode, 0, verdict.stderr)

    def test_the_validator_can_say_no(self):
        broken = json.loads(json.dumps(self.document))
        broken["paths"]["/auth/login"]["post"]["responses"] = "none"
        self.assertNotEqual(judge(broken).returncode, 0)

    def test_every_reference_leads_somewhere(self):
        def references(node):
            if isinstance(node, dict):
                yield from ([node["$ref"]] if "$ref" in node else [])
                for value in node.values():
                    yield from references(value)
            elif isinstance(node, list):
                for value in node:
                    yield from references(value)
        found = set(references(self.document))
        self.assertGreater(len(found), 1)
        for reference in found:
            node = self.document
            for part in reference.removeprefix("#/").split("/"):
                node = node[part]

    def test_a_client_signs_in_with_nothing_but_the_document(self):
        operation = self.document["paths"]["/auth/login"]["post"]
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        self.assertEqual(schema["required"], ["username", "password"])
        client = self.server.client()
        status, answer, *_ = client.request("POST", "/auth/login", {"username": "alice", "password": PASSWORD})
        self.assertIn(str(status), operation["responses"])
        told = operation["responses"][str(status)]["content"]["application/json"]["schema"]["properties"]
        self.assertLessEqual(set(answer), set(told))
        self.assertIn(self.document["components"]["securitySchemes"]["session"]["name"], client.cookies)

    def test_holds_no_secret_and_no_page(self):
        text = json.dumps(self.document)
        self.assertNotIn(PASSWORD, text)
        self.assertNotIn("/admin", text)
        self.assertNotIn("/sign-in", text)


if __name__ == "__main__":
    unittest.main()
