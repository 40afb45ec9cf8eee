#!/usr/bin/env python3
"""Four real confproxies of two sites on loopback addresses, and a stand-in for each host's hamgr
(order.c) that gives the role orders on the word of the test.

    test_processes.py BIN-FOLDER SOURCE-FOLDER [unittest arguments]

Proves C-1, C-3, C-4, C-7 and the writer's move of SF-6 with processes; every wait has a deadline."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BIN, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
HOSTS = ["east.1", "east.2", "west.1", "west.2"]
SLOW = float(os.environ.get("SCN_SLOW", "1"))
BOOTSTRAP = """
cluster: conftest
data-dir: {folder}/data/%h
run-dir: {folder}/run/%h
keys-dir: {folder}/keys
ports: {{log: {port}}}
timeouts: {{peer-silent: 1s}}
sites:
  - {{name: east, id: 1, site-address: 127.77.1.100, address-mode: loopback, witness: west.1,
     hosts: [{{name: east.1, address: 127.77.1.1}}, {{name: east.2, address: 127.77.1.2}}]}}
  - {{name: west, id: 2, site-address: 127.77.2.100, address-mode: loopback, witness: east.1,
     hosts: [{{name: west.1, address: 127.77.2.1}}, {{name: west.2, address: 127.77.2.2}}]}}
"""
CONFIG = """
options: {config-beat-interval: 100ms, config-catch-up-wait: 500ms, config-ack-timeout: 1s}
dns:
  - {number: "1001", type: extension, password: s3cret}
  - {number: "8000", type: acd-queue, queue-size-max: %d}
agents:
  - {id: ann, password: hidden, dn: "1001", queues: ["8000"]}
"""


class Host:
    """The confproxy of one host and what stands in for its hamgr."""

    def __init__(self, test, name):
        self.test, self.name = test, name
        self.log = open(os.path.join(test.folder, name + ".log"), "ab")
        self.order = subprocess.Popen([BIN + "/test_confproxy_order", "run", test.bootstrap, name],
                                      stdin=subprocess.PIPE, stdout=self.log, stderr=self.log)
        self.process = None

    def start(self):
        self.process = subprocess.Popen([BIN + "/confproxy", "--config", self.test.bootstrap,
                                         "--self", self.name],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def say(self, order):
        self.order.stdin.write((order + "\n").encode())
        self.order.stdin.flush()

    def kill(self, how=signal.SIGKILL):
        if self.process is not None:
            self.process.send_signal(how)
            self.status_at_end = self.process.wait(20)
            self.process = None

    def close(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
        self.kill()
        self.order.stdin.close()
        self.order.wait(20)
        self.log.close()

    def verb(self, *words):
        return subprocess.run([BIN + "/confproxy", *words, "--config", self.test.bootstrap,
                               "--self", self.name], capture_output=True, text=True, timeout=60)

    def status(self):
        done = self.verb("status", "--json")
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def import_config(self, size, ok=True):
        path = os.path.join(self.test.folder, "conf.yaml")
        with open(path, "w") as f:
            f.write(CONFIG % size)
        done = self.verb("import", path)
        if ok:
            self.test.assertEqual(done.returncode, 0, done.stderr)
            self.test.assertRegex(done.stdout, r" of epoch [1-9]\d?\.[1-9]\d?: ")
        return done

    def queue_size(self):
        for line in self.verb("export").stdout.splitlines():
            if '"8000", type: acd-queue' in line:
                return int(line.split("queue-size-max: ")[1].split("}")[0])
        return None


class Processes(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="confproxy-test-")
        os.mkdir(os.path.join(self.folder, "run"), 0o700)
        self.bootstrap = os.path.join(self.folder, "standfast.yaml")
        with open(self.bootstrap, "w") as f:
            f.write(BOOTSTRAP.format(folder=self.folder, port=20000 + os.getpid() % 10000))
        subprocess.run([BIN + "/test_confproxy_order", "keys", self.bootstrap], check=True)
        self.hosts = {name: Host(self, name) for name in HOSTS}
        self.addCleanup(self.tidy)
        for host in self.hosts.values():
            host.start()

    def tidy(self):
        for host in self.hosts.values():
            host.close()
        bad = []
        for name in HOSTS:
            with open(os.path.join(self.folder, name + ".log"), errors="replace") as f:
                text = f.read()
            for wrong in ("Sanitizer", "runtime error", "Assertion", "s3cret", "hidden"):
                if wrong in text:
                    bad.append(f"{name}: {wrong}")
            if bad or not self.outcome_good():
                print(f"--- {name}\n{text}", file=sys.stderr)
        shutil.rmtree(self.folder)
        self.assertEqual(bad, [])

    def outcome_good(self):
        result = self._outcome.result
        return not any(case is self for case, _ in result.failures + result.errors)

    def until(self, what, check, seconds=30):
        """Ask again until CHECK holds; the time is generous, a good run takes a fraction of it."""
        end = time.monotonic() + seconds * SLOW
        while True:
            seen = check()
            if seen:
                return seen
            if time.monotonic() > end:
                states = {n: h.status() for n, h in self.hosts.items() if h.process}
                self.fail(f"not within {seconds * SLOW:g} s: {what}\n{json.dumps(states, indent=1)}")
            time.sleep(0.05)

    def writable(self, name):
        return self.until(f"{name} is the writer",
                          lambda: self.hosts[name].status().get("writable") and
                          self.hosts[name].status())

    def level(self, names=HOSTS):
        """All copies hold the same, objects and history."""
        def check():
            seen = [self.hosts[n].status() for n in names]
            return seen[0] if all(s and all(s[k] == seen[0][k] for k in
                                            ("epoch", "txid", "checksum", "objects"))
                                  for s in seen) else None
        return self.until("all copies are equal", check)

    def pair_follows(self, name, count):
        self.until(f"{count} follow {name}",
                   lambda: self.hosts[name].status().get("followers") == count)

    def seed(self):
        """East writes an import that everyone has."""
        self.hosts["east.1"].say("writer 1 1 3000")
        self.writable("east.1")
        self.pair_follows("east.1", 3)
        done = self.hosts["east.1"].import_config(1)
        self.assertIn("on disk at east.1 and east.2", done.stdout)
        return self.level()

    def test_an_import_reaches_all_copies_and_one_alone_answers_after_a_restart(self):  # C-1
        before = self.seed()
        self.assertEqual(before["objects"], 4)
        self.assertEqual(before["epoch"], (1 << 32) + 1)
        self.assertIn("epoch 1.1 (ticket.role)", self.hosts["west.2"].verb("status").stdout)
        for host in self.hosts.values():
            host.kill()
        alone = self.hosts["west.2"]
        alone.start()
        status = self.until("west.2 answers", alone.status)
        self.assertEqual(status["checksum"], before["checksum"])
        self.assertEqual(alone.queue_size(), 1)
        self.assertEqual(status["role"], "dormant")
        refused = alone.import_config(2, ok=False)                                       # C-3
        self.assertEqual(refused.returncode, 1)
        self.assertIn("refused: no writer of the configuration is known here", refused.stderr)
        self.assertIn("hamgr site promote", refused.stderr)
        self.assertEqual(alone.queue_size(), 1, "nothing was queued")

    def test_a_write_at_any_proxy_goes_to_the_writer(self):  # C-3
        self.seed()
        done = self.hosts["west.2"].import_config(7)
        self.assertIn("on disk at east.1 and east.2", done.stdout)
        self.level()
        self.assertEqual(self.hosts["west.1"].queue_size(), 7)

    def test_an_import_can_wait_for_a_writer(self):
        path = os.path.join(self.folder, "conf.yaml")
        with open(path, "w") as f:
            f.write(CONFIG % 6)
        self.until("west.1 answers", self.hosts["west.1"].status)
        waiting = subprocess.Popen([BIN + "/confproxy", "import", path, "--wait", "20", "--config",
                                    self.bootstrap, "--self", "west.1"],
                                   stdout=subprocess.PIPE, text=True)
        self.hosts["east.1"].say("writer 1 1 3000")
        self.assertIn("on disk at east.1", waiting.communicate(timeout=30 * SLOW)[0])
        self.assertEqual(waiting.returncode, 0)

    def test_without_its_pair_the_writer_says_so(self):
        self.seed()
        self.hosts["east.2"].kill()
        done = self.until("the writer knows that east.2 is gone", lambda: self.say_alone())
        self.assertIn("east.2 does not follow", done.stdout)
        self.hosts["east.2"].start()
        self.level()

    size = 10

    def say_alone(self):
        self.size += 1
        done = self.hosts["east.1"].import_config(self.size)
        return done if "does not follow" in done.stdout else None

    def test_a_frozen_pair_is_waited_for_only_so_long(self):
        self.seed()
        self.hosts["east.2"].process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        done = self.hosts["east.1"].import_config(5)
        self.assertIn("on disk at east.1 only: east.2", done.stdout)
        self.assertLess(time.monotonic() - began, 5 * SLOW)
        self.hosts["east.2"].process.send_signal(signal.SIGCONT)
        self.level()

    def test_the_writer_moves_and_the_old_one_comes_back_and_follows(self):  # C-4 C-7 SF-6
        before = self.seed()
        self.hosts["east.1"].kill()
        self.hosts["east.2"].kill()
        self.hosts["west.1"].say("writer 2 1 3000")
        status = self.writable("west.1")
        self.assertGreater(status["epoch"], before["epoch"])
        self.assertEqual(status["checksum"], before["checksum"], "nothing is lost")
        self.hosts["west.1"].import_config(3)
        self.hosts["east.1"].say("backup 1")
        self.hosts["east.1"].start()
        self.hosts["east.2"].start()
        after = self.level()
        self.assertEqual(after["epoch"] >> 32, 2)
        east = self.hosts["east.1"].status()
        self.assertEqual((east["role"], east["following"], east["conflicts"]),
                         ("follower", "west.1", 0))
        self.assertEqual(self.hosts["east.1"].queue_size(), 3)

    def test_a_writer_stops_at_its_deadline_by_itself(self):  # C-4
        self.seed()
        self.hosts["east.1"].say("last 1 1 700")
        self.until("east.1 has stopped", lambda: self.hosts["east.1"].status()["writable"] is False)
        self.assertNotEqual(self.hosts["east.1"].status()["role"], "writer")
        refused = self.hosts["east.1"].import_config(9, ok=False)
        self.assertEqual(refused.returncode, 1)
        self.assertEqual(self.hosts["east.1"].queue_size(), 1)

    def test_what_only_the_lost_site_held_is_kept_as_a_conflict(self):  # C-7 I2
        self.seed()
        for name in ("east.2", "west.1", "west.2"):
            self.hosts[name].kill()
        self.until("east.1 knows it is alone", lambda: self.say_alone())
        alone = self.hosts["east.1"].status()
        self.hosts["east.1"].kill()
        for name in ("west.1", "west.2"):
            self.hosts[name].start()
        self.hosts["west.1"].say("writer 2 1 3000")
        self.writable("west.1")
        self.hosts["west.1"].import_config(2)
        self.hosts["east.1"].say("backup 1")
        self.hosts["east.1"].start()
        self.hosts["east.2"].start()
        self.level()
        self.assertEqual(self.hosts["east.1"].queue_size(), 2)
        lost = alone["txid"] - 2  # the opening and the first import are in both histories
        self.assertEqual(self.hosts["east.1"].status()["conflicts"], lost)
        self.assertEqual(self.hosts["east.2"].status()["conflicts"], 0)

    def test_a_restarted_writer_goes_on_in_its_epoch(self):  # H-2 C-6
        before = self.seed()
        self.hosts["east.1"].kill()
        self.hosts["east.1"].start()
        self.writable("east.1")
        self.hosts["east.1"].import_config(4)
        after = self.level()
        self.assertEqual(after["epoch"], before["epoch"])
        self.assertEqual(self.hosts["west.2"].queue_size(), 4)

    def watch(self, name, process):
        """A watcher at NAME, as PROCESS of that host; returns what it has seen so far, as a function."""
        path = os.path.join(self.folder, f"watch-{name}-{time.monotonic_ns()}")
        with open(path, "wb") as out:
            watcher = subprocess.Popen([BIN + "/test_confproxy_order", "watch", self.bootstrap,
                                        name, process], stdin=subprocess.PIPE, stdout=out,
                                       stderr=self.hosts[name].log)

        def stop():
            watcher.stdin.close()
            watcher.wait(20)
        self.addCleanup(stop)

        def seen():
            with open(path) as f:
                return f.read().splitlines()
        return seen

    def test_a_watcher_gets_a_snapshot_then_each_update_without_a_gap(self):  # C-1 C-2
        empty = self.watch("west.2", "statserver")
        self.until("the empty snapshot", lambda: empty() and "loaded=0" in empty()[0])
        before = self.seed()
        late = self.watch("west.2", "desktop")
        self.until("a snapshot of all", lambda: late() == [
            f"snapshot epoch={before['epoch']} txid=2 objects=4 loaded=1"])
        for size in (2, 3, 4):
            self.hosts["east.1"].import_config(size)
        end = f"update epoch={before['epoch']} txid=5 changes=2"  # the queue, and ann's new salt
        self.until("three updates at the late one", lambda: late()[-1] == end)
        self.assertEqual(len(late()), 4)
        self.until("the same at the early one", lambda: empty()[-1] == end)
        self.assertIn(f"snapshot epoch={before['epoch']} txid=1 objects=0 loaded=1", empty())
        self.assertNotIn("gap", "".join(empty() + late()))
        self.hosts["west.2"].kill()
        self.hosts["west.2"].start()
        self.until("a snapshot after the restart", lambda: late()[-1] ==
                   f"snapshot epoch={before['epoch']} txid=5 objects=4 loaded=1")

    def test_a_configuration_that_was_never_imported_is_loaded_empty(self):  # C-1
        """A process that is restarted must not wait for an import that may never come."""
        self.hosts["east.1"].say("writer 1 1 3000")
        self.writable("east.1")
        self.pair_follows("east.1", 3)
        at = self.level()
        self.assertEqual(at["txid"], 1)
        for name in ("east.1", "west.2"):
            seen = self.watch(name, "desktop")
            self.until("an empty snapshot that counts", lambda: seen() == [
                f"snapshot epoch={at['epoch']} txid=1 objects=0 loaded=1"], 5)

    def test_an_orderly_stop_leaves_with_status_0_and_no_leak(self):
        self.seed()
        for host in self.hosts.values():
            host.kill(signal.SIGTERM)
            self.assertEqual(host.status_at_end, 0)

    def test_a_full_disk_stops_writes_and_not_reads_and_recovers(self):  # C-10
        host = self.hosts["east.1"]
        host.kill()
        data = os.path.join(self.folder, "data", "east.1")
        shutil.rmtree(data, ignore_errors=True)
        os.makedirs(data)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", data],
                          stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("may not mount a small disk here")
        self.addCleanup(subprocess.run, ["umount", "-l", data])
        host.start()
        self.seed()
        filler = os.path.join(data, "filler")
        with open(filler, "wb", buffering=0) as f:
            try:
                while f.write(b"x" * 512):
                    pass
            except OSError:
                pass
        refused = None
        for size in range(20, 60):  # pages that are free in the file already take a few
            refused = host.import_config(size, ok=False)
            if refused.returncode != 0:
                break
        self.assertEqual(refused.returncode, 1, refused.stdout)
        self.assertIn("refused by east.1:", refused.stderr)
        self.assertIn("full", refused.stderr)
        kept = host.queue_size()
        self.assertIn(kept, range(1, 60))
        self.assertIn("full", host.status()["why_not"])
        self.assertEqual(self.level()["objects"], 4)
        os.unlink(filler)
        host.import_config(77)
        self.level()
        self.assertEqual(self.hosts["west.2"].queue_size(), 77)

    def test_an_export_imports_again_to_the_same_checksum(self):
        before = self.seed()
        path = os.path.join(self.folder, "export.yaml")
        self.assertEqual(self.hosts["west.1"].verb("export", path).returncode, 0)
        done = self.hosts["east.1"].verb("import", path)
        self.assertIn("nothing to change", done.stdout)
        self.hosts["east.1"].import_config(8)
        self.assertEqual(self.hosts["west.1"].verb("import", path).returncode, 0)
        self.assertEqual(self.level()["checksum"], before["checksum"])

    def test_a_wrong_file_is_refused_whole(self):  # C-9
        before = self.seed()
        path = os.path.join(self.folder, "wrong.yaml")
        with open(path, "w") as f:
            f.write('dns:\n  - {number: "8000", type: acd-queue}\nagents:\n'
                    '  - {id: bob, password: x, queues: ["8999"]}\n')
        done = self.hosts["west.1"].verb("import", path)
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr,
                         f"{path}:4: field 'agents[0].queues': there is no DN '8999'; add it under "
                         "dns, or name an acd-queue that is there\n")
        self.assertEqual(self.hosts["east.1"].status()["txid"], before["txid"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:], verbosity=2)
