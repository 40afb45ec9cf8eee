"""A whole host as a person starts and stops it (H-1, H-2): real hamgr, real components, on loopback.

usage: life.py HAMGR STANDIN [-k NAME]
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HAMGR = os.path.abspath(sys.argv.pop(1))
STANDIN = os.path.abspath(sys.argv.pop(1))
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
{more}"""


class Host(unittest.TestCase):
    more = ""  # lines of the bootstrap file
    hamgr = HAMGR

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="life-")
        self.dir = self.folder.name
        self.file = os.path.join(self.dir, "standfast.yaml")
        with open(self.file, "w", encoding="utf-8") as f:
            f.write(BOOTSTRAP.format(dir=self.dir, more=self.more))
        self.install()
        self.running = {}
        self.check("init", "east.1")

    def install(self):
        """Where the programs are that a test starts."""

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
        return [self.hamgr, *verb.split(), "--config", self.file, "--self", host]

    def check(self, verb, host):
        return subprocess.run(self.command(verb, host), check=True, capture_output=True, text=True, timeout=60).stdout

    def refused(self, verb, host):
        done = subprocess.run(self.command(verb, host), capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        return done.stdout

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

    def switchover(self, host):
        return self.status(host)["switchover"]

    def ready(self, primary):
        """PRIMARY, which decides it, finds its backup ready for switchover."""
        return lambda: (self.status(primary) or {}).get("switchover", {}).get("ready")

    def both_up(self):
        self.start("arbiter")
        self.start("east.1")
        self.until(lambda: self.host("east.1", "east.1").get("role") == "PRIMARY", 60, "east.1 primary")
        self.start("east.2")
        self.until(self.ready("east.1"), 60, "east.2 ready")


class Life(Host):
    def test_an_orderly_stop_hands_over_ends_everything_and_says_success(self):
        self.both_up()
        begin = time.monotonic()
        self.running["east.1"].send_signal(signal.SIGTERM)
        self.assertEqual(self.running["east.1"].wait(timeout=10), 0)
        self.assertLess(time.monotonic() - begin, 8)
        self.assertEqual(self.pids("east.1"), {})
        self.until(lambda: self.host("east.2", "east.2").get("role") == "PRIMARY", 5, "east.2 primary")

    def test_hamgr_and_what_carries_its_messages_have_real_time_priority_and_nothing_else(self):
        may = subprocess.run([sys.executable, "-c", "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))"],
                             capture_output=True, check=False).returncode == 0
        self.both_up()

        def real_time(pid):
            """The threads of PID in the class SCHED_RR, by name."""
            found = []
            for tid in map(int, os.listdir(f"/proc/{pid}/task")):
                if os.sched_getscheduler(tid) & ~os.SCHED_RESET_ON_FORK == os.SCHED_RR:
                    self.assertEqual(os.sched_getparam(tid).sched_priority, 1)
                    with open(f"/proc/{pid}/task/{tid}/comm", encoding="utf-8") as f:
                        found.append(f.read().strip())
            return sorted(found)

        for host in ("east.1", "arbiter"):
            threads = real_time(self.running[host].pid)
            self.assertEqual([t for t in threads if not t.startswith("ZMQbg")], ["hamgr"] if may else [])
            self.assertEqual(any(t.startswith("ZMQbg/IO") for t in threads), may)
        for name, pid in self.pids("east.1").items():
            self.assertEqual(real_time(pid), [], name)
        with open(os.path.join(self.dir, "east.1.log"), encoding="utf-8") as f:
            self.assertEqual(f.read().count("LimitRTPRIO="), 0 if may else 1)

    def test_h_10_a_stopped_backup_lends_its_vote_and_takes_it_up_again(self):
        self.both_up()
        self.running["east.2"].send_signal(signal.SIGTERM)
        self.assertEqual(self.running["east.2"].wait(timeout=10), 0)
        self.assertEqual(self.status("east.1")["vote"]["borrowed_of"], "east.2")
        self.assertIn("vote of east.2: lent to this host", self.check("status", "east.1"))
        self.running["arbiter"].kill()
        self.running["arbiter"].wait()
        epoch = self.host("east.1", "east.1")["epoch"]
        end = time.monotonic() + 4
        while time.monotonic() < end:
            self.assertEqual(self.host("east.1", "east.1")["role"], "PRIMARY")
        self.assertEqual(self.host("east.1", "east.1")["epoch"], epoch, "it has not lost the role meanwhile")
        self.start("east.2")
        self.until(lambda: self.status("east.1")["vote"]["borrowed_of"] == "", 20, "the vote goes back")
        self.until(self.ready("east.1"), 60, "east.2 ready, with its vote")
        self.assertIn("the primary is east.2", self.check("switchover --wait --timeout 8000", "east.1"))

    def test_upgrade_check_says_the_order_or_why_not(self):
        self.both_up()
        out = self.check("upgrade-check", "east.1")
        self.assertIn("now is a good time", out)
        self.assertRegex(out, r"1\. east\.2: stop it .*\n *2\. `hamgr switchover.* east\.2\n *3\. east\.1: .*\n *4\. arbiter: ")
        report = json.loads(self.check("upgrade-check --json", "east.2"))
        self.assertTrue(report["may"])
        self.assertEqual([step["host"] for step in report["steps"]], ["east.2", "east.2", "east.1", "arbiter"])
        self.assertEqual(len(set(self.host("east.1", "east.2")["wire"].values())), 1)
        self.running["arbiter"].kill()
        self.running["arbiter"].wait()
        self.until(lambda: not self.host("east.1", "arbiter")["alive"], 10, "the arbiter is silent")
        self.assertRegex(self.refused("upgrade-check", "east.1"), "not now: .*\n *arbiter is not heard; bring it back first")

    def test_a_watchdog_that_is_too_quick_is_refused_at_the_start(self):
        done = subprocess.run(self.command("run", "east.1"), capture_output=True, text=True, timeout=20, check=False,
                              env={**os.environ, "WATCHDOG_USEC": "500000"})
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn("raise WatchdogSec of its unit to 850 ms", done.stdout + done.stderr)

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

    def test_why_tells_the_present_and_what_a_verb_would_be_answered(self):
        for host in ("arbiter", "east.1"):
            self.start(host)
        self.until(lambda: self.host("east.1", "east.1").get("role") == "PRIMARY", 60, "east.1 primary")
        text = self.check("why", "east.1")
        self.assertIn("east.1 is the primary of east in epoch", text)
        self.assertIn("`switchover` would be answered: the other host of the site is silent", text)
        self.assertIn("last of roles and tickets:\n", text)
        self.assertIn("ASKING -> HOLDING", text)
        self.start("east.2")
        self.until(self.ready("east.1"), 60, "east.2 ready")
        self.assertIn("`switchover` would be answered: under way", self.check("why", "east.1"))
        self.assertRegex(self.check("why", "east.2"), "east.2 is backup of east: its vote is promised to east.1 for another")
        self.assertIn("this is the arbiter", self.check("why", "arbiter"))
        self.assertIn("why", json.loads(self.check("why --json", "east.1")))

    def test_a_planned_switchover_moves_the_role_and_back(self):
        self.both_up()
        out = self.check("switchover --wait --timeout 8000", "east.1")
        self.assertRegex(out, re.compile("the primary is east.2"))
        self.until(self.ready("east.2"), 60, "east.1 ready again")
        out = self.check("switchover --wait --timeout 8000", "east.2")
        self.assertIn("the primary is east.1", out)

    def configure(self):
        """Without a configuration a SIP server serves nobody, and has nothing that a backup could need."""
        path = os.path.join(self.dir, "configuration.yaml")
        with open(path, "w", encoding="utf-8") as f:
            f.write('dns:\n  - {number: "1001", type: extension, password: pw}\n')
        self.check(f"config import {path} --wait --timeout 20000", "east.1")

    def test_h_14_a_primary_whose_backup_dies_is_solo_until_it_is_back(self):
        self.both_up()
        self.configure()
        self.until(self.ready("east.1"), 20, "ready for switchover")
        self.running["east.2"].kill()
        self.running["east.2"].wait()
        self.until(lambda: self.switchover("east.1")["solo"], 10, "solo")
        self.assertIn("ALARM: solo", self.check("status", "east.1"))
        self.start("east.2")
        self.until(self.ready("east.1"), 60, "east.2 has a copy again")
        self.assertFalse(self.switchover("east.1")["solo"])


class StandIn(Host):
    """With a SIP server that says of its copy what a test wants."""

    def install(self):
        folder = os.path.join(self.dir, "bin")
        os.mkdir(folder)
        self.hamgr = shutil.copy(HAMGR, folder)
        shutil.copy(STANDIN, os.path.join(folder, "sipserver"))
        for program in ("confproxy", "statserver", "desktop"):
            shutil.copy(os.path.join(os.path.dirname(HAMGR), program), folder)

    def moments(self, host, to):
        """When the SIP server of HOST got the role TO, in microseconds of CLOCK_BOOTTIME."""
        with open(os.path.join(self.dir, host + ".log"), encoding="utf-8") as f:
            return [int(m[1]) for m in re.finditer(rf" sipserver \S+ ROLE .*to={to} .*mono_us=(\d+)", f.read())]

    def kill_sipserver(self, here, there):
        """Of the primary HERE, whose backup THERE is ready; until one of them is well again."""
        self.until(self.ready(here), 20, f"{there} ready for switchover")
        before = self.pids(here)["sipserver"]
        os.kill(before, signal.SIGKILL)
        self.until(lambda: self.pids(here).get("sipserver", before) != before, 10, f"a new sipserver of {here}")


class Replica(StandIn):
    more = "timeouts: {anti-flap-moves: 8}\n"

    def test_a_killed_sipserver_moves_the_role_to_a_host_in_sync(self):
        self.both_up()
        here, there, gaps = "east.1", "east.2", []
        for _ in range(8):
            self.until(self.ready(here), 20, f"{there} ready for switchover")
            before = len(self.moments(there, "PRIMARY"))
            begin = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000
            os.kill(self.pids(here)["sipserver"], signal.SIGKILL)
            self.until(lambda: len(self.moments(there, "PRIMARY")) > before, 5, f"{there} primary")
            gaps.append((self.moments(there, "PRIMARY")[-1] - begin) // 1000)
            here, there = there, here
        print("from the kill to the order to serve, ms:", gaps, file=sys.stderr)
        self.assertLess(sorted(gaps)[4], 150, gaps)
        self.assertLess(max(gaps), 600, "neither a restart nor the lease was waited for")

    def test_status_tells_whether_a_switchover_would_lose_something(self):
        self.both_up()
        self.until(self.ready("east.1"), 20, "ready for switchover")
        self.assertIn("ready for switchover: yes (copy ready, 7 objects, digest 0123456789abcdef)",
                      self.check("status", "east.1"))
        os.kill(self.pids("east.1")["sipserver"], signal.SIGUSR1)
        self.until(lambda: self.switchover("east.1")["solo"], 5, "solo")
        self.until(lambda: "no acknowledgement" in self.switchover("east.1")["why"], 5, "the reason")
        text = self.check("status", "east.1")
        self.assertIn("ready for switchover: no, because ", text)
        self.assertIn("ALARM: solo", text)
        done = subprocess.run(self.command("switchover", "east.1"), capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("goes on without its backup", done.stdout + done.stderr)
        self.assertEqual(len(self.moments("east.1", "SOLO")), 1)
        os.kill(self.pids("east.1")["sipserver"], signal.SIGUSR2)
        self.until(self.ready("east.1"), 5, "ready again")
        self.assertFalse(self.switchover("east.1")["solo"])

    def test_the_backup_of_a_dead_primary_that_was_solo_is_promoted_stale(self):
        self.both_up()
        self.until(self.ready("east.1"), 20, "ready for switchover")
        os.kill(self.pids("east.1")["sipserver"], signal.SIGUSR1)
        self.until(lambda: self.switchover("east.1")["solo"], 5, "solo")
        self.running["east.1"].kill()
        self.running["east.1"].wait()
        self.until(lambda: self.host("east.2", "east.2").get("role") == "PRIMARY", 8, "east.2 primary")
        told = self.switchover("east.2")
        self.assertEqual((told["stale"], told["lacks_sequence"], told["stale_takeovers"]), (True, 101, 1))
        self.assertIn("ALARM: promoted stale", self.check("status", "east.2"))
        self.assertIn("promoted stale: its copy of the calls lacks what the predecessor sent without a backup",
                      self.check("events", "east.2"))


class AntiFlap(StandIn):
    def primary(self, name):
        return lambda: self.host(name, name).get("role") == "PRIMARY"

    def test_two_moves_then_the_operator_also_after_a_restart_of_hamgr(self):
        self.both_up()
        self.kill_sipserver("east.1", "east.2")
        self.until(self.primary("east.2"), 5, "the first move")
        self.kill_sipserver("east.2", "east.1")
        self.until(self.primary("east.1"), 5, "the second move")
        self.kill_sipserver("east.1", "east.2")
        self.until(self.ready("east.1"), 20, "restarted in place")
        self.assertEqual(self.host("east.1", "east.1")["role"], "PRIMARY")
        self.running["east.2"].terminate()
        self.assertEqual(self.running["east.2"].wait(timeout=10), 0)
        self.start("east.2")
        self.until(self.ready("east.1"), 60, "east.2 back")
        self.assertEqual(self.switchover("east.2")["moves"], 2)
        self.assertIn("until `hamgr acknowledge`", self.check("status", "east.2"))
        self.check("acknowledge", "east.2")
        self.assertEqual(self.switchover("east.2")["moves"], 0)
        self.until(lambda: self.switchover("east.1")["moves"] == 0, 5, "the other host hears of it")
        self.check("pause", "east.1")
        self.kill_sipserver("east.1", "east.2")
        self.until(self.ready("east.1"), 20, "paused: restarted in place")
        self.check("resume", "east.1")
        self.kill_sipserver("east.1", "east.2")
        self.until(self.primary("east.2"), 5, "moves again")


if __name__ == "__main__":
    unittest.main(verbosity=2)
