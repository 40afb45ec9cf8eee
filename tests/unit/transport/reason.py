"""An agent's reason in words, in another script than ours: a real host, its desktop and its Stat Server.

usage: reason.py HAMGR [-k NAME]
"""
import json
import os
import sys
import unittest
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from house import House, until  # noqa: E402

HAMGR = os.path.abspath(sys.argv.pop(1))
NET = "127.51"


class AgentHouse(House):
    def _write(self):
        super()._write()
        with open(self.path("configuration.yaml"), "a", encoding="utf-8") as f:
            f.write('agents:\n  - {id: ann, password: secret, dn: "1001"}\n')


class Reason(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.house = AgentHouse(HAMGR, NET, f"{NET}.1.100")
        cls.house.up()

    @classmethod
    def tearDownClass(cls):
        cls.house.down()

    def desktop(self, path, body=None):
        """The answer; {} when it is a refusal or there is none."""
        request = urllib.request.Request(f"http://{NET}.1.100:18480{path}", json.dumps(body).encode() if body else None)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)
        except OSError:
            return {}

    def login(self):
        self.token = self.desktop("/api/login", {"agent": "ann", "password": "secret"}).get("token")
        return self.token is not None

    def seen(self):
        """ann's reason as the Stat Server has it."""
        with urllib.request.urlopen(f"http://{NET}.1.1:19490/api/state", timeout=5) as answer:
            agents = json.load(answer)["agents"]
        return next((agent["reason"] for agent in agents if agent["agent"] == "ann"), None)

    def test_a_long_reason_is_cut_between_two_characters_and_told_to_everybody(self):
        until(self.login, 20, "ann logged in")
        self.assertEqual(self.desktop("/api/state", {"token": self.token, "state": "not_ready", "reason": "휴식" * 20})["state"], "not_ready")
        cut = ("휴식" * 20)[:31]    # of 95 bytes, three for each character
        until(lambda: self.desktop(f"/api/session?token={self.token}").get("reason") == cut, 10, "the reason at the desktop")
        until(lambda: self.seen() == cut, 10, "the reason at the Stat Server")
        self.assertNotIn("events of the SIP server are missing", self.house.log())


if __name__ == "__main__":
    unittest.main(verbosity=2)
