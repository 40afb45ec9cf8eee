"""Exactly one record for each call (I3): a whole host, SIPp's calls of every kind, a sipserver killed and started again.

usage: records.py HAMGR [-k NAME]
"""
import csv
import hashlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import scenarios

HAMGR = os.path.abspath(sys.argv.pop(1))
COMPONENTS = ("sipserver", "confproxy", "statserver", "desktop")
CALLS = 200
SERVER, PORT = "127.47.1.100", 5060
GATEWAY, PEER, ARBITER = "127.47.9.1", "127.47.2.100", "127.47.3.1"
PHONES = {"2001": "127.47.8.1", "2002": "127.47.8.2", "2003": "127.47.8.3"}
PASSWORD = "Calm-Badger-19"

BOOTSTRAP = """\
cluster: records
data-dir: {dir}/%h
run-dir: {dir}/run/%h
arbiter: {{address: 127.47.3.1}}
sites:
  - name: east
    id: 1
    site-address: 127.47.1.100
    address-mode: loopback
    hosts:
      - {{name: east.1, address: 127.47.1.1}}
      - {{name: east.2, address: 127.47.1.2}}
"""

CONFIGURATION = """\
options: {realm: records, calls-max: 1234, registrations-max: 4321, dr-peer-trunk: west, oos-check: 200ms, oos-force: 1s, recovery-timeout: 200ms, recovery-checks: 1}
dns:
""" + "".join(f'  - {{number: "{n}", type: extension, password: {PASSWORD}}}\n' for n in PHONES) + """\
  - {number: "2009", type: extension, password: x, dr-forward: oos}
  - {number: "8000", type: acd-queue}
  - {number: gw, type: trunk, contact: "sip:127.47.9.1", follows-redirect: true}
  - {number: west, type: trunk, contact: "sip:127.47.2.100:5060"}
"""


def header(message, name):
    return re.search(rf"^{name}:\s*(.*?)\r?$", message, re.M | re.I).group(1)


class Peer(threading.Thread):
    """The other site, as far as the watch by OPTIONS sees it."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((PEER, PORT))
        self.socket.settimeout(0.2)
        self.ends = False
        self.start()

    def close(self):
        self.ends = True
        self.join()
        self.socket.close()

    def run(self):
        while not self.ends:
            try:
                data, source = self.socket.recvfrom(65536)
            except TimeoutError:
                continue
            message = data.decode()
            if message.startswith("OPTIONS"):
                same = "".join(f"{n}: {header(message, n)}\r\n" for n in ("Via", "From", "Call-ID", "CSeq"))
                self.socket.sendto(f"SIP/2.0 200 OK\r\n{same}To: {header(message, 'To')};tag=w\r\nContent-Length: 0\r\n\r\n"
                                   .encode(), source)


def register(number, address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(3)
        s.bind((address, PORT))
        credentials = ""
        for cseq in (1, 2):
            s.sendto(f"REGISTER sip:{SERVER} SIP/2.0\r\nVia: SIP/2.0/UDP {address}:{PORT};branch=z9hG4bK{number}{cseq}\r\n"
                     f"From: <sip:{number}@{SERVER}>;tag=1\r\nTo: <sip:{number}@{SERVER}>\r\nCall-ID: {number}\r\n"
                     f"CSeq: {cseq} REGISTER\r\nContact: <sip:{number}@{address}:{PORT}>\r\nExpires: 600\r\nMax-Forwards: 70\r\n"
                     f"{credentials}Content-Length: 0\r\n\r\n".encode(), (SERVER, PORT))
            answer = s.recv(65536).decode()
            if answer.startswith("SIP/2.0 200"):
                return
            offered = dict(re.findall(r'(\w+)="?([^",]*)"?', header(answer, "WWW-Authenticate")))
            method = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[offered["algorithm"]]

            def h(text):
                return method(text.encode()).hexdigest()
            proof = h(":".join((h(f"{number}:{offered['realm']}:{PASSWORD}"), offered["nonce"], "00000001", "c", "auth",
                                h(f"REGISTER:sip:{SERVER}"))))
            credentials = (f'Authorization: Digest username="{number}", realm="{offered["realm"]}", nonce="{offered["nonce"]}", '
                           f'uri="sip:{SERVER}", algorithm={offered["algorithm"]}, qop=auth, nc=00000001, cnonce="c", '
                           f'response="{proof}"\r\n')
        raise RuntimeError(f"{number} cannot register: {answer}")


class Records(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="records-")
        self.dir = self.folder.name
        self.file = self.write("standfast.yaml", BOOTSTRAP.format(dir=self.dir))
        self.running = []
        self.peer = Peer()
        self.addCleanup(self.stop)
        self.hamgr("init", "east.1")
        for host in ("arbiter", "east.1"):
            self.start(host)
        self.hamgr(f"config import {self.write('config.yaml', CONFIGURATION)} --wait --timeout 20000", "east.1")
        self.until(self.serving, 20, "the site serves, PEERED")

    def stop(self):
        self.peer.close()
        for process in reversed(self.running):
            if process.poll() is None:
                process.terminate()
        for process in self.running:
            process.wait(timeout=20)
        for name in os.listdir(self.dir):
            if name.endswith(".log"):
                with open(os.path.join(self.dir, name), encoding="utf-8", errors="replace") as f:
                    self.assertNotIn("Sanitizer", f.read(), name)
        self.folder.cleanup()

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def hamgr(self, verb, host):
        done = subprocess.run([HAMGR, *verb.split(), "--config", self.file, "--self", host], capture_output=True, text=True,
                              timeout=40, check=False)
        self.assertEqual(done.returncode, 0, f"{verb}: {done.stderr}")
        return done.stdout

    def start(self, host):
        verb = "arbiter" if host == "arbiter" else "run --supervise"
        with open(os.path.join(self.dir, host + ".log"), "a", encoding="utf-8") as log:
            self.running.append(subprocess.Popen([HAMGR, *verb.split(), "--config", self.file, "--self", host], stdout=log,
                                                 stderr=log))

    def serving(self):
        host = next(h for h in json.loads(self.hamgr("status --json", "east.1"))["hosts"] if h["host"] == "east.1")
        return host.get("role") == "PRIMARY" and host.get("mode") == "PEERED"

    def until(self, what, seconds, text):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if what():
                return
            time.sleep(0.1)
        self.fail(f"not within {seconds} s: {text}")

    def sipserver(self):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as f:
                    words = f.read().split("\0")
            except OSError:
                continue
            if self.file in words and os.path.basename(words[0]) == "sipserver":
                return int(pid)
        return None

    def kill_sipserver(self):
        pid = self.sipserver()
        os.kill(pid, signal.SIGKILL)
        self.until(lambda: self.sipserver() not in (None, pid) and self.serving(), 20, "another sipserver that serves")

    def sipp(self, name, xml, address, *arguments):
        scenario = ["-sf", self.write(name + ".xml", xml)] if xml.startswith("<") else ["-sn", xml]
        port = ["-p", str(PORT)] if "-m" not in arguments else []
        with open(os.path.join(self.dir, name + ".sipp"), "w", encoding="utf-8") as out:
            return subprocess.Popen(["sipp", f"{SERVER}:{PORT}", *scenario, "-i", address, *port, "-nostdin", *arguments],
                                    stdout=out, stderr=out, cwd=self.dir)

    def said(self, name):
        with open(os.path.join(self.dir, name + ".sipp"), encoding="utf-8", errors="replace") as f:
            return f"{name}: a call went otherwise: {f.read()[-2500:]}"

    def call(self, kind, number, caller, calls=CALLS, phone=None):
        """CALLS calls to NUMBER by the scenario CALLER; PHONE answers at it."""
        callee = self.sipp(kind + "-phone", phone, PHONES[number]) if phone else None
        try:
            time.sleep(0.3 if phone else 0)
            process = self.sipp(kind, caller, GATEWAY, "-s", number, "-m", str(calls), "-r", "100", "-timeout", "40s",
                                "-timeout_error")
            self.assertEqual(process.wait(timeout=60), 0, self.said(kind))
        finally:
            if callee is not None:
                callee.kill()
                callee.wait()

    def records(self):
        return json.loads(self.hamgr("calls --records --since 1h --json", "east.1"))

    def kinds(self):
        found = {}
        for record in self.records():
            key = (record["called"], record["outcome"], record["cause"], record["released_by"])
            found[key] = found.get(key, 0) + 1
        return found

    def test_one_record_for_each_call_also_across_a_killed_sipserver(self):
        for number, address in PHONES.items():
            register(number, address)
        self.call("answered", "2001", "uac", phone="uas")
        self.call("busy", "2002", scenarios.caller_is_told(486), phone=scenarios.BUSY)
        self.call("cancelled", "2003", scenarios.caller_gives_up(200, 180), phone=scenarios.RINGS)
        self.call("abandoned", "8000", scenarios.caller_gives_up(200, 182))
        self.call("forwarded", "2009", scenarios.caller_is_told(302))
        expected = {("2001", "RELEASED", 200, "caller"): CALLS, ("2002", "FAILED", 486, "called"): CALLS,
                    ("2003", "ABANDONED", 487, "caller"): CALLS, ("8000", "ABANDONED", 487, "caller"): CALLS,
                    ("2009", "FORWARDED", 302, "server"): CALLS}
        self.until(lambda: self.kinds() == expected, 5, f"one record for each call: {self.kinds()}")
        before = self.records()
        self.assertEqual(len({r["call"] for r in before}), 5 * CALLS)
        self.assertEqual(before, sorted(before, key=lambda r: r["start_ms"]))
        for record in before:
            self.assertEqual(record["source"], "gw")
            self.assertGreaterEqual(record["end_ms"], record["start_ms"])
            self.assertEqual(record["queue"], "8000" if record["called"] == "8000" else "")
            self.assertEqual(record["redirected"], record["called"] == "2009")
        self.assertTrue(all(r["answer_ms"] and r["legs"][1]["number"] == "2001" for r in before if r["called"] == "2001"))

        self.kill_sipserver()
        self.assertEqual(self.records(), before, "records outlive their process")
        self.call("abandoned-again", "8000", scenarios.caller_gives_up(200, 182), calls=20)
        self.assertEqual(len(self.records()), 5 * CALLS + 20)
        self.assertEqual(self.records()[:5 * CALLS], before)

        rows = list(csv.DictReader(io.StringIO(self.hamgr("calls --records --since 1h --csv --limit 150", "east.1"))))
        self.assertEqual([r["call"] for r in rows], [r["call"] for r in before[:150]])

    def test_the_memory_that_check_prints_is_what_the_sipserver_maps(self):
        self.kill_sipserver()       # maxima count at the next start
        said = subprocess.run([HAMGR, "check", os.path.join(self.dir, "config.yaml"), "--config", self.file, "--self", "east.1"],
                              capture_output=True, text=True, timeout=20, check=False).stdout
        size = int(re.search(r"memory .* take (\d+) bytes", said).group(1))
        self.assertIn("1234 calls", said)
        with open(os.path.join(self.dir, "east.1.log"), encoding="utf-8") as f:
            self.assertEqual(re.findall(r"the tables take (\d+) bytes", f.read())[-1], str(size), "what was reserved")
        page = os.sysconf("SC_PAGE_SIZE")
        with open(f"/proc/{self.sipserver()}/maps", encoding="utf-8") as f:
            sizes = [int(end, 16) - int(start, 16) for start, end in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) ", f.read(), re.M)]
        size = (size + page - 1) // page * page
        self.assertTrue(any(size <= s < size * 1.25 for s in sizes), "the kernel may show it as one with a neighbour")

    def test_calls_that_are_up_are_listed_and_an_orderly_stop_keeps_all(self):
        waiting = self.sipp("waiting", scenarios.caller_gives_up(2500, 182), GATEWAY, "-s", "8000", "-m", "120", "-r", "200")
        self.until(lambda: len(json.loads(self.hamgr("calls --json", "east.1"))) == 120, 5, "120 calls listed as up")
        self.assertEqual(self.records(), [])
        up = json.loads(self.hamgr("calls --json", "east.1"))
        self.assertTrue(all(r["queue"] == "8000" and r["end_ms"] == 0 for r in up))
        self.assertEqual(waiting.wait(timeout=20), 0, self.said("waiting"))
        self.running[1].terminate()
        self.assertEqual(self.running[1].wait(timeout=15), 0)
        self.start("east.1")
        self.until(lambda: self.sipserver() is not None and self.serving(), 20, "the host again")
        self.assertEqual(len(self.records()), 120)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main(verbosity=2)
