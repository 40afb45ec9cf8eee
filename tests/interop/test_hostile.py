"""What strangers may not get out of a running server: names, passwords, calls, traffic at others.

usage: test_hostile.py BIN_FOLDER [unittest's arguments]       the programs under test; a site is started on loopback addresses
"""
import hashlib
import os
import re
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sip                                   # noqa: E402
from server import PHONES, REALM, OneSite    # noqa: E402

BIN = None
KNOWN, UNKNOWN = "2001", "2950"
GUESSES = 4            # wrong passwords until the lockout
HEARD_FOR = 4.0        # seconds: three retransmissions of a transaction that has them (RFC 3261 timer G)
AMPLIFICATION = 3.0    # bytes out for each byte in, to who has proven nothing: the bound of QUIC (RFC 9000 8.1)
VARIABLE = rb'(nonce="|;tag=|branch=|call-id: |rport=|retry-after: )[^";\r\n]*'


def setUpModule():
    global site
    site = OneSite(BIN, options={"lockout-refusals": str(GUESSES)})
    site.__enter__()


def tearDownModule():
    faults = site.faults()
    site.__exit__(None, None, None)
    faults += [fault for fault in site.faults() if fault not in faults]
    if faults:
        raise AssertionError("; ".join(faults))


class Hostile(unittest.TestCase):
    strangers = 10    # each test has an address of its own

    def setUp(self):
        Hostile.strangers += 1
        self.address = f"127.131.9.{Hostile.strangers}"
        self.peer = self.another(self.address)
        self.domain = f"sip:{site.server[0]}"

    def another(self, address, port=5060):
        peer = sip.Peer(address, port, site.server)
        self.addCleanup(peer.socket.close)
        return peer

    def number(self, number):
        return f"sip:{number}@{site.server[0]}"

    def contact(self, number, peer=None):
        return f"Contact: <sip:{number}@{(peer or self.peer).socket.getsockname()[0]}:5060>"

    def challenge(self, number, method="REGISTER", peer=None):
        target = self.domain if method == "REGISTER" else self.number(UNKNOWN)
        answer = (peer or self.peer).ask(method, target, to=self.number(number), from_user=number)
        self.assertEqual(answer.status, 401)
        return sip.challenge_of(answer)

    def register(self, number, password, challenge, peer=None, nc=1, expires=60, **options):
        """The answer to a REGISTER with credentials."""
        peer = peer or self.peer
        line = sip.credentials(challenge, "REGISTER", self.domain, number, password, nc)
        return peer.ask("REGISTER", self.domain, to=self.number(number), from_user=number,
                        extra=[line, self.contact(number, peer), f"Expires: {expires}"], **options)

    # -- names -----------------------------------------------------------------------------------------------

    def assert_alike(self, ask):
        """The answer about a number that exists differs in nothing from that about one that does not."""
        told = []
        for number in (KNOWN, UNKNOWN):
            answer = ask(number)
            told.append(re.sub(VARIABLE, rb"\1", answer.data.lower()).replace(number.encode(), b"NUMBER"))
        self.assertEqual(told[0], told[1])

    def test_a_number_that_exists_cannot_be_told_from_one_that_does_not(self):
        self.assert_alike(lambda number: self.peer.ask("REGISTER", self.domain, to=self.number(number), from_user=number))
        self.assert_alike(lambda number: self.peer.ask("INVITE", self.number(number), from_user=number))
        self.assert_alike(lambda number: self.peer.ask("INVITE", self.number(number), from_user="nobody"))
        self.assert_alike(lambda number: self.peer.ask("OPTIONS", self.number(number)))
        self.assert_alike(lambda number: self.peer.ask("SUBSCRIBE", self.number(number), from_user=number))
        self.assert_alike(lambda number: self.register(number, "wrong", self.challenge(number)))
        self.assert_alike(lambda number: self.register(number, "wrong", {**self.challenge(number), "nonce": "0" * 48}))

    def test_svmap_is_told_that_somebody_is_there_and_not_what(self):
        done, = self.run_scanners([("svmap", f"{site.server[0]}/32")])
        row = re.search(rf"(?m)^\|\s*{site.server[0]}:5060\s*\|([^|]*)\|", done)
        self.assertIsNotNone(row, done)
        self.assertEqual(row.group(1).strip(), "unknown", "the program and its version are nobody's business")

    def test_svwar_finds_no_extension(self):
        scans = [(method, *force) for method in ("REGISTER", "INVITE", "OPTIONS") for force in ((), ("--force",))]
        for scan, done in zip(scans, self.run_scanners(
                [("svwar", "--maximumtime=3", "-t", "0.01", "-e", "1999-2004,2950", "-m", *scan, site.server[0]) for scan in scans])):
            self.assertNotRegex(done, r"(?m)^\|\s*\d{4}\s*\|", f"svwar -m {' '.join(scan)} tells numbers apart")

    def test_svcrack_is_locked_out_before_it_comes_to_the_password(self):
        words = [f"guess-{index}" for index in range(30)]
        for name, order in (("early", [PHONES["2002"], *words]), ("late", [*words, PHONES[KNOWN]])):
            with open(os.path.join(site.directory, name), "w") as out:
                out.write("\n".join(order) + "\n")
        early, late, numbers = self.run_scanners(
            [("svcrack", "--maximumtime=3", "-t", "0.01", "-u", number, *guesses, site.server[0])
             for number, guesses in (("2002", ("-d", "early")), (KNOWN, ("-d", "late")), (KNOWN, ("-r", "1-30", "-n")))])
        # That it finds the first word shows that it would find the last one, too.
        self.assertRegex(early, r"(?m)^\|\s*2002\s*\|")
        for done in (late, numbers):
            self.assertNotRegex(done, rf"\|\s*{KNOWN}\s*\|")

    def run_scanners(self, commands):
        """What each says; all at once, each from an address of its own."""
        started = []
        for command in commands:
            Hostile.strangers += 1
            started.append(subprocess.Popen([command[0], "-b", f"127.131.9.{Hostile.strangers}", *command[1:]], text=True,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                            cwd=site.directory, env={**os.environ, "HOME": site.directory}))
        return [one.communicate(timeout=60)[0] for one in started]

    def test_sipsak_registers_with_the_password_only(self):
        for password, good in ((PHONES[KNOWN], True), ("password", False)):
            done = subprocess.run(["sipsak", "-U", "-C", f"sip:{KNOWN}@127.0.0.1:5099", "-x", "60", "-u", KNOWN, "-a", password,
                                   "-s", self.number(KNOWN)], capture_output=True, timeout=30)
            self.assertEqual(done.returncode == 0, good, done.stdout[-300:])

    def test_sipsak_floods_and_sends_trash_and_the_server_answers_still(self):
        end = time.monotonic() + 3
        for arguments in (("-F", "-e", "3000"), ("-R", "-t", "20"), ("-T",)):
            try:
                subprocess.run(["sipsak", *arguments, "-s", self.number(KNOWN)], capture_output=True, check=False,
                               timeout=max(0.2, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
        self.assertTrue(self.peer.alive())
        done = subprocess.run(["sipsak", "-vv", "-s", f"sip:{site.server[0]}"], capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("SIP/2.0 200", done.stdout)
        self.assertNotRegex(done.stdout, r"(?im)^(server|user-agent): .*(standfast|\d+\.\d+)(?<!sipsak)")

    # -- passwords and nonces --------------------------------------------------------------------------------

    def test_the_right_password_registers(self):
        self.assertEqual(self.register(KNOWN, PHONES[KNOWN], self.challenge(KNOWN)).status, 200)

    def test_another_numbers_password_and_credentials_are_refused(self):
        challenge = self.challenge(KNOWN)
        self.assertEqual(self.register(KNOWN, PHONES["2002"], challenge).status, 403)
        line = sip.credentials(challenge, "REGISTER", self.domain, "2002", PHONES["2002"])
        answer = self.peer.ask("REGISTER", self.domain, to=self.number(KNOWN), from_user=KNOWN,
                               extra=[line, self.contact(KNOWN)])
        self.assertEqual(answer.status, 403)

    def test_a_nonce_that_is_not_ours_gets_a_fresh_one(self):
        challenge = self.challenge(KNOWN)
        for nonce in ("0" * 48, challenge["nonce"][:-1] + ("0" if challenge["nonce"][-1] != "0" else "1"), "x"):
            answer = self.register(KNOWN, PHONES[KNOWN], {**challenge, "nonce": nonce})
            self.assertEqual(answer.status, 401)
            self.assertNotEqual(sip.challenge_of(answer)["nonce"], nonce)

    def test_credentials_count_for_their_method_and_target_only(self):
        challenge = self.challenge(KNOWN)
        line = sip.credentials(challenge, "REGISTER", self.domain, KNOWN, PHONES[KNOWN])
        answer = self.peer.ask("INVITE", self.number("2002"), from_user=KNOWN, extra=[line, self.contact(KNOWN)])
        self.assertEqual(answer.status, 403)

    def test_credentials_that_were_overheard_are_of_no_use_at_another_address(self):
        challenge = self.challenge(KNOWN)
        line = sip.credentials(challenge, "REGISTER", self.domain, KNOWN, PHONES[KNOWN])
        thief = self.another("127.131.9.250")
        answer = thief.ask("REGISTER", self.domain, to=self.number(KNOWN), from_user=KNOWN,
                           extra=[line, self.contact(KNOWN, thief)])
        self.assertEqual(answer.status, 401)

    def test_credentials_that_were_used_are_of_no_use_again(self):
        challenge = self.challenge(KNOWN)
        self.assertEqual(self.register(KNOWN, PHONES[KNOWN], challenge).status, 200)
        self.assertEqual(self.register(KNOWN, PHONES[KNOWN], challenge, nc=2).status, 200)
        again = self.register(KNOWN, PHONES[KNOWN], challenge, nc=2)
        self.assertEqual(again.status, 401)
        self.assertEqual(self.register(KNOWN, PHONES[KNOWN], sip.challenge_of(again)).status, 200)

    def test_who_guesses_is_locked_out_and_nobody_else(self):
        for guess in range(GUESSES):
            self.assertEqual(self.register(KNOWN, f"guess-{guess}", self.challenge(KNOWN)).status, 403)
        self.assertEqual(self.register(KNOWN, PHONES[KNOWN], self.challenge(KNOWN)).status, 403, "the right one tells nothing now")
        self.assertEqual(self.register("2002", PHONES["2002"], self.challenge("2002")).status, 200, "another number from there")
        home = self.another("127.131.9.252")
        self.assertEqual(self.register(KNOWN, PHONES[KNOWN], self.challenge(KNOWN, peer=home), home).status, 200, "the number elsewhere")

    # -- traffic ---------------------------------------------------------------------------------------------

    def bytes_back(self, messages, seconds):
        """How much comes back for each of MESSAGES when nobody says a word more."""
        for data in messages:
            self.peer.send(data)
        end, sizes = time.monotonic() + seconds, [0] * len(messages)
        while (left := end - time.monotonic()) > 0:
            answer = self.peer.receive(left)
            for at, data in enumerate(messages):
                if answer and (answer.first("call-id") in sip.Message(data).all("call-id") or len(messages) == 1):
                    sizes[at] += len(answer.data)
        return sizes

    def small(self, method, target):
        """As short as a request can be that is understood."""
        token = sip.token()[:4]
        return (f"{method} {target} SIP/2.0\r\nv:SIP/2.0/UDP {self.address};branch=z9hG4bK{token}\r\nf:sip:a@a;tag=1\r\n"
                f"t:{target}\r\ni:{token}\r\nCSeq:1 {method}\r\n\r\n").encode()

    def test_who_has_proven_nothing_is_sent_little_more_than_it_sent(self):
        methods = ("INVITE", "REGISTER", "OPTIONS", "MESSAGE", "BYE", "CANCEL")
        messages = [self.small(method, self.number(KNOWN)) for method in methods]
        for method, data, size in zip(methods, messages, self.bytes_back(messages, HEARD_FOR)):
            with self.subTest(method):
                self.assertGreater(size, 0)
                self.assertLessEqual(size, AMPLIFICATION * len(data), f"{size} bytes for {len(data)}")

    def test_responses_acks_and_noise_are_not_answered(self):
        answer = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP %s:%d;branch=z9hG4bKx\r\nFrom: <sip:a@a>;tag=1\r\nTo: <sip:b@b>;tag=2\r\n" \
                 b"Call-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n" % (site.server[0].encode(), site.server[1])
        for data in (answer, self.small("ACK", self.number(KNOWN)), b"\r\n\r\n", b"\0\0\0\0", b"x" * 3000, b"GET / HTTP/1.1\r\n\r\n",
                     b"INVITE sip:x SIP/2.0\r\n\r\n", b""):
            self.assertEqual(self.bytes_back([data], 0.2), [0], data[:40])
        self.assertTrue(self.peer.alive())

    def test_nobody_else_is_sent_anything(self):
        victim = self.another("127.131.9.251")
        for via in ("127.131.9.251", f"{self.address};maddr=127.131.9.251", f"{self.address};received=127.131.9.251;rport=5060",
                    "127.131.9.251:5060;rport=5060"):
            for method in ("OPTIONS", "REGISTER", "INVITE"):
                data = self.small(method, self.number(KNOWN)).replace(self.address.encode(), via.encode(), 1)
                self.peer.send(data)
        victim.socket.settimeout(1.0)
        with self.assertRaises(TimeoutError):
            victim.socket.recv(4096)

    # -- secrets ---------------------------------------------------------------------------------------------

    def test_no_secret_is_in_a_log(self):
        for number, password in PHONES.items():
            self.register(number, password, self.challenge(number))
            self.register(number, password + "x", self.challenge(number))
        secrets = {}
        for number, password in PHONES.items():
            text = f"{number}:{REALM}:{password}".encode()
            secrets.update({password.encode(): f"password of {number}", hashlib.md5(text).hexdigest().encode(): "its MD5",
                            hashlib.sha256(text).hexdigest().encode(): "its SHA-256"})
        read = 0
        for path, data in site.logs():
            read += len(data)
            for secret, name in secrets.items():
                self.assertNotIn(secret, data, f"{name} in {path}")
            self.assertNotRegex(data, rb"(?i)authorization|response=", path)
        self.assertGreater(read, 1000, "no logs were read")


if __name__ == "__main__":
    BIN = sys.argv.pop(1) if len(sys.argv) > 1 and os.path.isdir(sys.argv[1]) else None
    unittest.main()
