"""What the tests with real peers share: one running site and its phones, started once, since starting takes longer than most calls.

    up (bin)  down ()            by test_peers.py
    phone ("2001")               a baresip, started at its first use and idle again before each test
    peer ("gateway"), register   a socket of our own that plays a gateway or a phone (sip.py)
"""
import contextlib
import os
import subprocess
import time
import unittest

import sip
from baresip import Phone
from server import OneSite
from sipp import Sipp

NET = 132
# number: transport, tone, further traits of baresip
PHONES = {
    "2001": ("udp", 440, {}), "2002": ("udp", 880, {}), "2003": ("tcp", 560, {}), "2004": ("tls", 700, {}),
    "2005": ("tls", 350, {"answers": True}), "2006": ("tcp", 440, {"answers": True, "calls_max": 1}),
    "2009": ("udp", 560, {"proxy": f"127.{NET}.4.70:5060"}),
    "2007": ("udp", 440, {}), "2008": ("tcp", 880, {"answers": True}),
    "2014": ("udp", 350, {"answers": True}),
}
LONG_CALL = ("2007", "2008")
MUSIC = "2014"           # a media server: the queue 8500 calls it where it listens, the third phone that is started
NUMBERS = [*PHONES, "2010", "2011", "2012", "2013"]     # the last ones are played by SIPp and by ourselves
# seconds; refreshed at the half, over at two thirds (RFC 4028 10).  The half is longer than SIPp's own scenarios, which know no re-INVITE.
SESSION_EXPIRES = 24
RINGS = 8.0              # the longest wait for anything that a peer does at once

site = None
long_call_began = None
_phones = {}


def up(bin_dir, net_number=NET, **options):
    global site, long_call_began
    net = f"127.{net_number}"
    # SIPp's own scenarios do not answer OPTIONS: their trunks are not asked.
    seldom = "oos-check: 10min, oos-force: 10min, recovery-timeout: 30min"
    trunks = [f'  - {{number: sipp-called, type: trunk, contact: "sip:{net}.4.50:5060", prefixes: ["9"], {seldom}}}',
              f'  - {{number: carrier, type: trunk, contact: "sip:{net}.4.80:5060", prefixes: ["8"]}}',
              f'  - {{number: sipp-six, type: trunk, contact: "sip:[::1]:5090", {seldom}}}',
              f'  - {{number: tone, type: service, contact: "sip:{MUSIC}@{net}.4.30:{Phone.port_of(2)}"}}',
              '  - {number: "8500", type: acd-queue, music: [tone], queue-answer-after: 1ms, queue-wait-max: 3s, overflow-wait: "2002"}',
              f'  - {{number: sipp-calling, type: trunk, contact: "sip:{net}.4.21", {seldom}}}']
    site = OneSite(bin_dir, net=net_number, phones={number: f"pw-{number}-Heron" for number in NUMBERS}, dns=trunks, tls=True,
                   # A test machine that is busy with other things is no overloaded server.
                   options={"session-expires": f"{SESSION_EXPIRES}s", "min-se": "2s", "ring-timeout": "15s", "overload-lag": "2s"},
                   **options)
    site.__enter__()
    caller, called, _ = start(*LONG_CALL, MUSIC)
    caller.dial(called.number)
    called.wait("CALL_ESTABLISHED")
    long_call_began = time.monotonic()


def down():
    if site is None:
        return []
    for one in _phones.values():
        one.close()
    _phones.clear()
    faults = site.faults()
    site.__exit__(None, None, None)
    return faults + [fault for fault in site.faults() if fault not in faults]


def until(what, seconds=RINGS, text="it"):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {text}")
        time.sleep(0.03)


def start(*numbers):
    """Phones NUMBERS, all starting at once, registered."""
    for number in numbers:
        if number not in _phones:
            transport, tone, traits = PHONES[number]
            _phones[number] = Phone(site, number, transport, tone, **traits)
    for number in numbers:
        until(_phones[number].registered, text=f"{number} registered")
    return [_phones[number] for number in numbers]


class Calls(unittest.TestCase):
    """A test whose phones are idle at its begin, and hang up at its end."""

    def phones(self, *numbers):
        found = start(*numbers)
        for one in found:
            one.forget()
            self.addCleanup(self.quiet, one)
        return found

    def quiet(self, phone):
        for _ in phone.calls():
            phone.command("hangup")
        until(lambda: not phone.calls(), text=f"{phone.number} idle")

    def connect(self, caller, called):
        """A call that stands; each side's event."""
        caller.dial(called.number)
        if not PHONES[called.number][2].get("answers"):
            called.wait("CALL_INCOMING")
            called.command("accept")
        return caller.wait("CALL_ESTABLISHED"), called.wait("CALL_ESTABLISHED")

    def release(self, one, *others):
        one.command("hangup")
        for other in others:
            other.wait("CALL_CLOSED")

    def assertHears(self, phone, tone, seconds=0.3):
        """What PHONE received in its call, which is over, holds the TONE of the other."""
        heard = phone.heard()
        self.assertGreaterEqual(heard.get(tone, 0), seconds, f"{phone.number} heard {heard}, not {tone} Hz")

    def sipp(self, scenario, address, port=5060, **options):
        """SIPp at 127.NET.ADDRESS; with number= it calls, else it waits for calls."""
        one = Sipp(site, scenario, f"127.{NET}.{address}", port, **options)
        self.addCleanup(one.stop)
        if "number" not in options:
            until(lambda: self.bound(f"127.{NET}.{address}", port), text="SIPp listens")
        return one

    @staticmethod
    def bound(address, port):
        return subprocess.run(["ss", "-Hlun", f"src {address}:{port}"], capture_output=True, check=False).stdout != b""

    def assertDone(self, *sipps, seconds=20.0):
        """Each SIPp saw its scenario through, call by call."""
        for one in sipps:
            self.assertEqual(one.wait(seconds), 0, one.said())

    def assertTalk(self, one, other, seconds=0.8):
        """RTP of each of two phones arrives at the other one, now."""
        pairs = ((one, other), (other, one))
        before = [listener.packets_of(speaker) for listener, speaker in pairs]
        time.sleep(seconds)
        for (listener, speaker), count in zip(pairs, before):
            self.assertGreater(listener.packets_of(speaker) - count, seconds * 50 / 4, f"RTP of {speaker.number} at {listener.number}")

    def peer(self, address, port=5060):
        """A socket at 127.NET.ADDRESS."""
        peer = sip.Peer(f"127.{NET}.{address}", port, site.server)
        self.addCleanup(peer.socket.close)
        return peer

    @contextlib.contextmanager
    def options(self, **changed):
        """The site's OPTIONS are CHANGED in this block."""
        deployment = site.lab.deployment
        before = dict(deployment.options)
        try:
            deployment.options.update({name.replace("_", "-"): value for name, value in changed.items()})
            self.configure(deployment)
            yield
        finally:
            deployment.options = before
            self.configure(deployment)

    def configure(self, deployment):
        deployment.write_configuration()
        done, said = site.lab.import_configuration()
        self.assertTrue(done, said)

    def register(self, peer, number, contact=None, extra=(), expires=60):
        """NUMBER is a phone at PEER from now on; the 200."""
        domain = f"sip:{site.server[0]}"
        aor = f"sip:{number}@{site.server[0]}"
        lines = [f"Contact: <{contact or f'sip:{number}@{peer.host}:{peer.socket.getsockname()[1]}'}>", f"Expires: {expires}", *extra]
        challenge = sip.challenge_of(peer.ask("REGISTER", domain, to=aor, from_user=number))
        password = site.lab.deployment.phones[number]
        answer = peer.ask("REGISTER", domain, to=aor, from_user=number,
                          extra=[sip.credentials(challenge, "REGISTER", domain, number, password), *lines])
        self.assertEqual(answer.status, 200, answer.data)
        return answer

    def run_program(self, *command, seconds=30.0, **options):
        """(exit status, what it said) of a program that ends by itself."""
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, cwd=site.directory,
                              env={**os.environ, "HOME": site.directory}, **options)
        return done.returncode, done.stdout + done.stderr
