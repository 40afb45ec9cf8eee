#!/usr/bin/env python3
"""Real gateways, statservers and headless agents of two sites on loopback addresses; hamgr, confproxy and SIP server of
each host are one stand-in (standin.c) that does what the test says.

    test_processes.py BIN-FOLDER [unittest arguments]

Proves SF-5 (the site is lost: logged in at the other one with the same state; not for a restart), L-1 (retries by
itself), ST-1, ST-2 and ST-4 with processes.  Every wait has a deadline."""
import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

BIN = os.path.abspath(sys.argv[1])
SLOW = float(os.environ.get("SCN_SLOW", "1"))
NET = "127.0.%d" % (60 + os.getpid() % 8)
BOOTSTRAP = """
cluster: desktest
data-dir: {folder}/data/%h
run-dir: {folder}/run/%h
keys-dir: {folder}/keys
ports: {{agent-http: {port}, stats-http: {stats_http}, stats: {stats}}}
timeouts: {{peer-silent: 2s}}
sites:
  - {{name: east, id: 1, site-address: {net}.100, address-mode: loopback, witness: west.1,
     hosts: [{{name: east.1, address: {net}.1}}, {{name: east.2, address: {net}.2}}]}}
  - {{name: west, id: 2, site-address: {net}.200, address-mode: loopback, witness: east.1,
     hosts: [{{name: west.1, address: {net}.11}}, {{name: west.2, address: {net}.12}}]}}
"""
PORT = 20000 + os.getpid() % 9000


def ended(process):
    """The exit status; none is left behind, not even one that hangs."""
    try:
        return process.wait(20 * SLOW)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


class Host:
    """The stand-in of one host, and the real processes that the test starts there."""

    def __init__(self, test, name):
        self.test, self.name = test, name
        self.site_address = NET + (".100" if name.startswith("east") else ".200")
        self.address = NET + {"east.1": ".1", "east.2": ".2", "west.1": ".11", "west.2": ".12"}[name]
        self.log = open(os.path.join(test.folder, name + ".log"), "ab")
        self.around = subprocess.Popen([BIN + "/test_desktop_standin", "run", test.bootstrap, name],
                                       stdin=subprocess.PIPE, stdout=self.log, stderr=self.log)
        self.processes = {}

    def start(self, program):
        self.processes[program] = subprocess.Popen(
            [BIN + "/" + program, "--config", self.test.bootstrap, "--self", self.name],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def say(self, order):
        self.around.stdin.write((order + "\n").encode())
        self.around.stdin.flush()

    def kill(self, program, how=signal.SIGKILL):
        process = self.processes.pop(program)
        process.send_signal(how)
        return ended(process)

    def close(self):
        left = {program: self.kill(program, signal.SIGTERM) for program in list(self.processes)}
        self.around.stdin.close()
        ended(self.around)
        self.log.close()
        self.test.assertEqual({program: status for program, status in left.items() if status != 0}, {}, self.name)


class Agent:
    """A `desktop agent`; its lines are read as they come."""

    def __init__(self, test, *options, sites=("east", "west")):
        self.path = os.path.join(test.folder, "agent-%d.log" % len(test.agents))
        self.log = open(os.path.join(test.folder, "agents.err"), "ab")
        urls = ",".join("http://%s:%d" % (NET + {"east": ".100", "west": ".200"}[s], PORT) for s in sites)
        self.process = subprocess.Popen(
            [BIN + "/desktop", "agent", "--sites", urls, "--log", self.path, "--silent-after", "1500ms",
             "--site-loss-after", "3s", "--spread", "200ms", *options],
            stdin=subprocess.PIPE, stdout=self.log, stderr=self.log)
        test.agents.append(self)
        test.addCleanup(self.close)

    def lines(self):
        if not os.path.exists(self.path):
            return []
        with open(self.path) as f:
            return [json.loads(line) for line in f if line.endswith("\n")]

    def last(self, event):
        found = [line for line in self.lines() if line["event"] == event]
        return found[-1] if found else {}

    def count(self, event):
        return sum(line["event"] == event for line in self.lines())

    def say(self, text):
        self.process.stdin.write((text + "\n").encode())
        self.process.stdin.flush()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.stdin.close()
        self.status = ended(self.process)
        self.log.close()


class Desktops(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="desktop-test-")
        self.addCleanup(shutil.rmtree, self.folder)  # the last of the cleanups, whatever becomes of the others
        os.mkdir(os.path.join(self.folder, "run"), 0o700)
        self.bootstrap = os.path.join(self.folder, "standfast.yaml")
        with open(self.bootstrap, "w") as f:
            f.write(BOOTSTRAP.format(folder=self.folder, net=NET, port=PORT, stats_http=PORT + 1, stats=PORT + 2))
        subprocess.run([BIN + "/test_desktop_standin", "keys", self.bootstrap], check=True)
        self.agents = []
        self.addCleanup(self.look_at_logs)

    def host(self, name, role, *programs):
        host = Host(self, name)
        self.addCleanup(host.close)
        host.say(role)
        for program in programs:
            host.start(program)
        return host

    def look_at_logs(self):
        bad = []
        for name in sorted(os.listdir(self.folder)):
            path = os.path.join(self.folder, name)
            if not os.path.isfile(path):
                continue
            with open(path, errors="replace") as f:
                text = f.read()
            for wrong in ("Sanitizer", "runtime error", "Assertion", "secret"):
                if wrong in text and not name.endswith(".yaml"):
                    bad.append(f"{name}: {wrong}")
            if bad or not self.good():
                print(f"--- {name}\n{text}", file=sys.stderr)
        self.assertEqual(bad, [])

    def good(self):
        result = self._outcome.result
        return not any(case is self for case, _ in result.failures + result.errors)

    def until(self, what, check, seconds=30):
        end = time.monotonic() + seconds * SLOW
        while True:
            seen = check()
            if seen:
                return seen
            if time.monotonic() > end:
                self.fail(f"not within {seconds} s: {what}")
            time.sleep(0.02)

    def ask(self, address, method, path, body=None, port=PORT, headers=None):
        """(status, JSON); (0, {}) when nobody answers."""
        with contextlib.closing(http.client.HTTPConnection(address, port, timeout=5)) as c:
            try:
                c.request(method, path, json.dumps(body) if body is not None else None, headers or {})
                r = c.getresponse()
                text = r.read().decode()
            except (OSError, http.client.HTTPException):
                return 0, {}
        self.headers = dict(r.getheaders())
        return r.status, json.loads(text) if self.headers["Content-Type"] == "application/json" else text

    def state(self, host):
        return self.ask(host.address, "GET", "/api/state", port=PORT + 1)[1]

    def both_sites(self):
        return (self.host("east.1", "primary 1", "desktop"), self.host("west.1", "primary 1", "desktop"))

    # ---- agents ----

    def test_site_killed_agent_logs_in_at_the_other_with_its_state(self):
        east, west = self.both_sites()
        agent = Agent(self, "--user", "ann", "--password", "secret", "--state", "not_ready", "--reason", "lunch")
        ready = Agent(self, "--users", "bob:secret,cid:secret:1003")
        self.until("logged in at east", lambda: agent.last("LOGGED_IN").get("site_name") == "east")
        self.until("both of them", lambda: ready.count("LOGGED_IN") == 2)
        east.kill("desktop")
        killed = time.monotonic()
        self.until("ann at west", lambda: agent.last("LOGGED_IN").get("site_name") == "west", 10)
        self.assertGreaterEqual(time.monotonic() - killed, 2.9, "moved before site-loss-after")
        self.assertEqual(agent.last("LOGGED_IN")["state"], "not_ready")
        self.until("bob and cid at west, ready", lambda: ready.count("LOGGED_IN") == 4)
        self.assertEqual(ready.last("LOGGED_IN")["state"], "ready")
        self.assertEqual((agent.count("SITE_LOST"), agent.count("LOGGED_IN")), (1, 2))
        west.start("statserver")
        self.until("the reason is kept", lambda: self.row(west, "agents", "west", agent="ann", state="not_ready",
                                                          reason="lunch"))

    def test_silent_site_is_left_too(self):
        east, _ = self.both_sites()
        agent = Agent(self, "--user", "ann", "--password", "secret")
        self.until("logged in at east", lambda: agent.last("LOGGED_IN").get("site_name") == "east")
        east.processes["desktop"].send_signal(signal.SIGSTOP)
        try:
            self.until("at west", lambda: agent.last("LOGGED_IN").get("site_name") == "west")
        finally:
            east.processes["desktop"].send_signal(signal.SIGCONT)
        self.assertEqual(agent.last("LOGGED_IN")["state"], "ready")

    def test_gateway_restart_does_not_move_the_agent(self):
        east, _ = self.both_sites()
        agent = Agent(self, "--user", "ann", "--password", "secret")
        self.until("logged in", lambda: agent.count("LOGGED_IN") == 1)
        agent.say("notready lunch")
        self.until("not ready", lambda: agent.last("STATE").get("reason") == "lunch")
        east.kill("desktop")
        time.sleep(1.0)
        east.start("desktop")
        self.until("logged in again", lambda: agent.count("LOGGED_IN") == 2)
        self.assertEqual(agent.last("LOGGED_IN")["site_name"], "east")
        self.assertEqual(agent.last("LOGGED_IN")["state"], "not_ready")
        self.assertEqual(agent.count("SITE_LOST"), 0)

    def test_switchover_inside_the_site_does_not_move_the_agent(self):
        one = self.host("east.1", "primary 1", "desktop")
        two = self.host("east.2", "backup 1", "desktop")
        self.host("west.1", "primary 1", "desktop")
        agent = Agent(self, "--user", "ann", "--password", "secret")
        self.until("at east.1", lambda: agent.last("LOGGED_IN").get("host") == "east.1")
        one.say("backup 2")
        two.say("primary 2")
        self.until("at east.2", lambda: agent.last("LOGGED_IN").get("host") == "east.2")
        self.assertEqual(agent.count("SITE_LOST"), 0)

    def test_refused_login_is_tried_again_with_jitter(self):
        east, _ = self.both_sites()
        east.say("refuse")
        agent = Agent(self, "--user", "ann", "--password", "secret", "--later-min", "50ms", "--later-max", "300ms")
        self.until("three tries", lambda: agent.count("LOGIN_REFUSED") >= 3)
        self.assertTrue(agent.last("LOGIN_REFUSED")["retriable"])
        self.assertIn("phone is out of service", agent.last("LOGIN_REFUSED")["text"])
        east.say("accept")
        self.until("logged in", lambda: agent.last("LOGGED_IN").get("site_name") == "east")

    def test_sip_server_that_forgot_is_logged_in_to_again_and_a_forced_logout_is_not(self):
        east, _ = self.both_sites()
        agent = Agent(self, "--user", "ann", "--password", "secret")
        self.until("logged in", lambda: agent.count("LOGGED_IN") == 1)
        east.say("forget")
        self.until("again by itself", lambda: agent.count("LOGGED_IN") == 2)
        # Its events may not be open yet: the gateway keeps the reason for them.
        east.say("force ann phone out of service")
        self.until("ended", lambda: agent.count("DONE") == 1)
        self.assertEqual(agent.last("SESSION_ENDED")["text"], "phone out of service")

    def test_call_events_and_orderly_end(self):
        east, _ = self.both_sites()
        agent = Agent(self, "--user", "ann", "--password", "secret")
        self.until("logged in", lambda: agent.last("CLIENT").get("to") == "CONNECTED")
        for order, phase in (("ring ann 0301234", "ringing"), ("answer ann", "established"), ("release ann", "none")):
            east.say(order)
            self.until(phase, lambda: agent.last("CALL").get("phase") == phase)
        agent.process.send_signal(signal.SIGTERM)
        self.assertEqual(agent.process.wait(10), 0)
        self.assertEqual(agent.count("LOGGED_OUT"), 1)

    def test_wrong_password_and_wrong_command_line(self):
        self.both_sites()
        agent = Agent(self, "--user", "ann", "--password", "wrong")
        self.until("refused for good", lambda: agent.count("DONE") == 1)
        self.assertFalse(agent.last("LOGIN_REFUSED")["retriable"])
        self.assertEqual(agent.process.wait(10), 1)
        done = subprocess.run([BIN + "/desktop", "agent", "--sites", "http://127.0.0.1:1", "--user", "ann",
                               "--silent-after", "3"], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--silent-after 3: write a time of 200ms..60000ms", done.stderr)

    def test_the_api(self):
        east, _ = self.both_sites()
        login = {"agent": "ann", "password": "secret"}
        self.until("serving", lambda: self.ask(east.site_address, "POST", "/api/login", login)[0] == 200)
        status, answer = self.ask(east.site_address, "POST", "/api/login", login)
        self.assertEqual((status, answer["dn"], answer["state"], answer["site"]), (200, "1001", "ready", "east"))
        token = answer["token"]
        status, answer = self.ask(east.site_address, "POST", "/api/state",
                                  {"token": token, "state": "not_ready", "reason": "lunch"})
        self.assertEqual((status, answer["state"]), (200, "not_ready"))
        self.assertEqual(self.ask(east.site_address, "GET", "/api/session?token=" + token)[1]["reason"], "lunch")
        self.assertEqual(self.ask(east.site_address, "POST", "/api/state", {"token": token, "state": "happy"})[0], 400)
        self.assertEqual(self.ask(east.site_address, "GET", "/api/events?token=nobody")[0], 401)
        self.assertEqual(self.ask(east.site_address, "POST", "/api/login", {"agent": "ann"})[0], 403)
        status, answer = self.ask(east.site_address, "POST", "/api/login", login)
        self.assertEqual(status, 429, "after a wrong password the agent waits")
        self.assertIn("Retry-After", self.headers)
        other = "http://%s.200:%d" % (NET, PORT)
        sites = self.ask(east.site_address, "GET", "/api/sites", headers={"Origin": other})[1]
        self.assertEqual([s["url"] for s in sites["sites"]], ["http://%s.100:%d" % (NET, PORT), other])
        self.assertEqual(self.headers["Access-Control-Allow-Origin"], other)
        self.ask(east.site_address, "GET", "/api/sites", headers={"Origin": "http://elsewhere"})
        self.assertNotIn("Access-Control-Allow-Origin", self.headers)
        self.assertEqual(self.ask(east.site_address, "POST", "/api/logout", {"token": token})[0], 200)
        self.assertEqual(self.ask(east.site_address, "GET", "/api/session?token=" + token)[0], 401)
        east.say("backup 2")
        self.until("a backup serves nobody", lambda: self.ask(east.site_address, "GET", "/healthz")[0] == 0)

    # ---- statistics ----

    def row(self, where, kind, of, /, **like):
        """The row of site OF at the statserver of host WHERE that is LIKE this."""
        for row in self.state(where).get(kind, []):
            if row["site"] == of and all(row.get(k) == v for k, v in like.items()):
                return row
        return None

    def test_statistics_of_both_sites_at_both_and_not_monitored_when_lost(self):
        east = self.host("east.1", "primary 1", "statserver", "desktop")
        west = self.host("west.1", "primary 1", "statserver")
        agent = Agent(self, "--user", "ann", "--password", "secret")
        self.until("west sees ann ready", lambda: self.row(west, "agents", "east", agent="ann", state="ready"))
        for order in ("ring ann 0301", "answer ann", "release ann"):
            east.say(order)
        self.until("counted once, seen at both", lambda: all(
            self.row(host, "queues", "east", queue="sales", entered=1, answered=1, wait_average_ms=2500)
            and self.row(host, "agents", "east", agent="ann", calls=1, talk_ms=61000, state="ready")
            for host in (east, west)))
        east.say("gap")
        east.say("ring ann 0302")  # its number is wrong: a snapshot follows
        self.until("the gap is closed", lambda: self.row(west, "agents", "east", agent="ann", state="reserved"))
        status, text = self.ask(west.address, "GET", "/metrics", port=PORT + 1)
        self.assertIn('standfast_queue_calls_answered_total{site="east",queue="sales"} 1\n', text)
        self.assertIn('standfast_host_config_writer{site="east",host="east.1"} 1\n', text)
        east.kill("statserver")
        self.until("west does not monitor east",
                   lambda: self.row(west, "agents", "east", agent="ann", state="not_monitored"))
        self.assertTrue(self.row(west, "sites", "west", monitored=True))
        east.start("statserver")
        self.until("monitored again", lambda: self.row(west, "agents", "east", agent="ann", monitored=True))

    def test_counts_go_on_after_a_switchover_and_the_site_address_moves(self):
        one = self.host("east.1", "primary 1", "statserver", "desktop")
        two = self.host("east.2", "backup 1", "statserver")
        agent = Agent(self, "--user", "ann", "--password", "secret", sites=("east",))
        self.until("logged in", lambda: agent.last("CLIENT").get("to") == "CONNECTED")
        self.until("monitored", lambda: self.row(one, "sites", "east", monitored=True))
        for order in ("ring ann 0301", "answer ann", "release ann"):
            one.say(order)
        self.until("the backup has it from the primary",
                   lambda: self.row(two, "queues", "east", queue="sales", answered=1))
        one.say("backup 2")
        two.say("primary 2")
        self.until("east.2 counts on", lambda: self.row(two, "sites", "east", monitored=True, host="east.2"))
        self.assertTrue(self.row(two, "queues", "east", queue="sales", answered=1), "R-8 inside a site")
        self.until("the page is at the site address of the new primary", lambda: self.ask(
            NET + ".100", "GET", "/healthz", port=PORT + 1)[1].get("self", {}).get("host") == "east.2")

    def test_the_page_leaves_the_site_address_with_the_role_and_stays_at_the_host(self):
        def at(address):
            return self.ask(address, "GET", "/healthz", port=PORT + 1)[0]

        east = self.host("east.1", "primary 1", "statserver")
        self.until("the page is at the site address", lambda: at(east.site_address) == 200)
        east.say("backup 2")
        self.until("nobody is at the site address", lambda: at(east.site_address) == 0)
        self.assertEqual(at(east.address), 200)
        east.say("primary 3")
        self.until("the page is there again", lambda: at(east.site_address) == 200)

    def test_live_page_gets_a_state_then_updates_and_beats(self):
        east = self.host("east.1", "primary 1", "statserver")
        self.until("monitored", lambda: self.row(east, "sites", "east", monitored=True))
        c = http.client.HTTPConnection(east.address, PORT + 1, timeout=10)
        c.request("GET", "/events")
        stream, seen = c.getresponse(), {}
        east.say("force ann gone home")
        end = time.monotonic() + 10 * SLOW
        while time.monotonic() < end and not {"state", "update", "beat", "cluster"} <= set(seen):
            line = stream.readline().decode()
            if line.startswith("event: "):
                name = line.split()[1]
            elif line.startswith("data: "):
                seen.setdefault(name, json.loads(line[6:]))
        c.close()
        self.assertEqual(list(seen)[0], "state", "a fresh page starts with everything")
        self.assertLessEqual({"state", "update", "beat", "cluster"}, set(seen))
        self.assertEqual([s["site"] for s in seen["state"]["sites"]], ["east", "west"])
        self.assertEqual(seen["cluster"]["config"]["writer_host"], "east.1")

    def test_port_in_use_is_one_line(self):
        east = self.host("east.1", "backup 1", "statserver")
        self.until("serving", lambda: self.state(east))
        done = subprocess.run([BIN + "/statserver", "--config", self.bootstrap, "--self", "east.1"],
                              capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertIn("in use", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:], verbosity=2)
