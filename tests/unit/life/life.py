"""A whole host as a person starts and stops it (H-1, H-2): real hamgr, real components, on loopback.

usage: life.py HAMGR [-k NAME]
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HAMGR = os.path.abspath(sys.argv.pop(1))
COMPONENTS = ("sipserver", "confproxy", "statserver", "desktop")

BOOTSTRAP = """\
cluster: life
data-dir: {dir}/%h
run-dir: {dir}/run/%h
arbiter: {{address: 127.46.3.1}}
sites:
  - name: east
    id: 1
    site-address: 127.46.1.100
    address-mode: loopback
    hosts:
      - {{name: east.1, address: 127.46.1.1}}
      - {{name: east.2, address: 127.46.1.2}}
"""


class Life(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="life-")
        self.dir = self.folder.name
        self.file = os.path.join(self.dir, "standfast.yaml")
        with open(self.file, "w", encoding="utf-8") as f:
            f.write(BOOTSTRAP.format(dir=self.dir))
        self.running = {}
        self.check("init", "east.1")

    def tearDown(self):
        for process in self.running.values():
            if process.poll() is None:
                process.terminate()
        for process in self.running.values():
            process.wait(timeout=60)
        self.assertEqual(self.left(), [], "processes were left behind")
        for name in os.listdir(self.dir):
            if name.endswith(".log"):
                with open(os.path.join(self.dir, name), encoding="utf-8", errors="replace") as f:
                    self.assertNotIn("Sanitizer", f.read(), name)
        self.folder.cleanup()

    def command(self, verb, host):
        return [HAMGR, *verb.split(), "--config", self.file, "--self", host]

    def check(self, verb, host):
        return subprocess.run(self.command(verb, host), check=True, capture_output=True, text=True, timeout=60).stdout

    def start(self, host):
        verb = "arbiter" if host == "arbiter" else "run --supervise"
        with open(os.path.join(self.dir, host + ".log"), "a", encoding="utf-8") as log:
            self.running[host] = subprocess.Popen(self.command(verb, host), stdout=log, stderr=log)

    def status(self, host):
        done = subprocess.run([*self.command("status --json", host), "--timeout", "500"], capture_output=True, text=True,
                              timeout=60, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def host(self, seen_from, name):
        status = self.status(seen_from)
        return next((h for h in status["hosts"] if h["host"] == name), {}) if status else {}

    def pids(self, host):
        """The components of HOST, by what their command lines say."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as f:
                    words = f.read().split("\0")
            except OSError:
                continue
            if self.file in words and host in words and os.path.basename(words[0]) in COMPONENTS:
                found[os.path.basename(words[0])] = int(pid)
        return found

    def left(self):
        return [pid for host in ("east.1", "east.2") for pid in self.pids(host).values()]

    def until(self, what, seconds, text):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if what():
                return
            time.sleep(0.05)
        self.fail(f"not within {seconds} s: {text}")

    def both_up(self):
        for host in ("arbiter", "east.1", "east.2"):
            self.start(host)
        self.until(lambda: self.host("east.1", "east.1").get("role") == "PRIMARY" and self.host("east.1", "east.2").get("ready"),
                   60, "east.1 primary and east.2 ready")

    def test_an_orderly_stop_hands_over_ends_everything_and_says_success(self):
        self.both_up()
        begin = time.monotonic()
        self.running["east.1"].send_signal(signal.SIGTERM)
        self.assertEqual(self.running["east.1"].wait(timeout=10), 0)
        self.assertLess(time.monotonic() - begin, 8)
        self.assertEqual(self.pids("east.1"), {})
        self.until(lambda: self.host("east.2", "east.2").get("role") == "PRIMARY", 5, "east.2 primary")

    def test_components_go_with_a_killed_hamgr_and_the_host_starts_again(self):
        self.both_up()
        epoch = self.host("east.1", "east.1")["epoch"]
        self.running["east.1"].kill()
        self.running["east.1"].wait()
        self.until(lambda: self.pids("east.1") == {}, 5, "components of the killed hamgr gone")
        self.until(lambda: self.host("east.2", "east.2").get("role") == "PRIMARY", 8, "east.2 primary")
        self.start("east.1")
        self.until(lambda: self.host("east.2", "east.1").get("ready"), 60, "east.1 back and ready")
        self.assertEqual(self.host("east.1", "east.1")["role"], "BACKUP")
        self.assertGreater(self.host("east.2", "east.2")["epoch"], epoch)

    def test_a_killed_component_is_started_again(self):
        self.both_up()
        before = self.pids("east.1")["sipserver"]
        os.kill(before, signal.SIGKILL)
        self.until(lambda: self.pids("east.1").get("sipserver", before) != before, 5, "a new sipserver")
        self.until(lambda: any(h["role"] == "PRIMARY" and h["health"] == "good" for h in self.status("east.1")["hosts"]
                               if h["site"]), 10, "a healthy primary")

    def test_a_planned_switchover_moves_the_role_and_back(self):
        self.both_up()
        out = self.check("switchover --wait --timeout 8000", "east.1")
        self.assertRegex(out, re.compile("the primary is east.2"))
        self.until(lambda: self.host("east.1", "east.1").get("ready"), 60, "east.1 ready again")
        out = self.check("switchover --wait --timeout 8000", "east.2")
        self.assertIn("the primary is east.1", out)


if __name__ == "__main__":
    unittest.main(verbosity=2)
