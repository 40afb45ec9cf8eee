"""SIP over TCP and TLS, IPv4 and IPv6, with real peers: baresip, SIPp, openssl (RFC 3261 18; RFC 5626 4.4.1; T-1).

usage: transport.py HAMGR [-k NAME]
"""
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest

from house import House, Phones, Stream, until

HAMGR = os.path.abspath(sys.argv.pop(1))
BOUNDS = "connections-per-source-max: 20, connection-patience: 1s, connection-output-max: 16384, udp-gather: 20ms"


def session(trusted):
    context = ssl.create_default_context(cafile=trusted)
    context.check_hostname = False
    return context


def reply(request, status):
    """The answer with STATUS to REQUEST, as a peer without a dialog gives it."""
    kept = [line for line in request.split("\r\n")[1:] if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
    return f"SIP/2.0 {status}\r\n" + "\r\n".join(kept) + "\r\nContent-Length: 0\r\n\r\n"


def subject(stream):
    """The certificate that the server showed, as bytes."""
    return stream.socket.getpeercert(binary_form=True)


class Four(unittest.TestCase):
    """At an IPv4 site address."""

    @classmethod
    def setUpClass(cls):
        cls.house = House(HAMGR, "127.48", "127.48.1.100", BOUNDS)
        cls.house.up()

    @classmethod
    def tearDownClass(cls):
        cls.house.down()

    def tls(self):
        return session(self.house.path("site.crt"))

    def sipp(self, *arguments, timeout=30):
        with open(self.house.path("sipp.log"), "a", encoding="utf-8") as log:
            done = subprocess.run(["sipp", *arguments, "-nostdin", "-timeout", "20", "-timeout_error"], stdout=log,
                                  stderr=log, timeout=timeout, check=False, cwd=self.house.dir)
        return done.returncode


    def test_a_call_between_a_phone_over_tcp_and_one_over_tls(self):
        phones = Phones(self.house, (("1001", "tcp"), ("1002", "tls")), "127.48.9.2")
        until(lambda: phones.registered() == 2, 10, "both phones registered")
        for caller, transport, target in (("1001", "tcp", "1002"), ("1002", "tls", "1001")):
            before = phones.count("CALL_ESTABLISHED"), phones.count("CALL_CLOSED")
            phones.dial(caller, transport, target)
            until(lambda: phones.count("CALL_ESTABLISHED") >= before[0] + 2, 10, "both sides connected")
            phones.command("hangup")
            until(lambda: phones.count("CALL_CLOSED") >= before[1] + 2, 10, "both sides released")
        # A gateway over TCP calls both, too.
        for number in ("1001", "1002"):
            self.assertEqual(self.sipp("-sn", "uac", f"{self.house.site}:{self.house.sip}", "-s", number, "-t", "t1", "-i",
                                       self.house.gateway, "-p", "5972", "-m", "3", "-d", "100", "-l", "1"), 0)
        phones.control.close()

    def test_messages_and_pings_however_they_are_cut(self):
        stream = Stream(self.house)
        text = "\r\n\r\n" + self.house.message() + "\r\n\r\n" + self.house.message()
        for byte in text:
            stream.send(byte)
        self.assertIn(" 200 ", stream.message())
        self.assertIn(" 200 ", stream.message())
        stream.send(self.house.message() + self.house.message())
        self.assertIn(" 200 ", stream.message())
        self.assertIn(" 200 ", stream.message())
        stream.send("\r\n\r\n")
        self.assertEqual(stream.socket.recv(10), b"\r\n")
        stream.close()

    def test_datagrams_in_close_succession_and_each_one_alone(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.settimeout(5)
            phone.bind(("127.48.9.9", 0))
            phone.connect((self.house.site, self.house.sip))
            for _ in range(3):
                for _ in range(20):
                    phone.send(self.house.message(transport="UDP").encode())
                answers = [phone.recv(65536).decode() for _ in range(20)]
                self.assertTrue(all(" 200 " in answer for answer in answers), answers)
                for _ in range(3):      # the socket is no longer looked at by the clock: each of them wakes the server
                    phone.send(self.house.message(transport="UDP").encode())
                    self.assertIn(" 200 ", phone.recv(65536).decode())

    def test_openssl_and_the_certificate(self):
        done = subprocess.run(["openssl", "s_client", "-connect", f"{self.house.site}:{self.house.tls}", "-CAfile",
                               self.house.path("site.crt"), "-verify_return_error", "-brief"], input=b"", timeout=20,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"Verification: OK", done.stderr)
        old = subprocess.run(["openssl", "s_client", "-connect", f"{self.house.site}:{self.house.tls}", "-tls1_1"],
                             input=b"", timeout=20, capture_output=True, check=False)
        self.assertNotEqual(old.returncode, 0, "TLS 1.1 was accepted")

    def test_a_new_certificate_counts_for_new_connections_and_drops_none(self):
        before = Stream(self.house, self.tls())
        self.assertIn(" 200 ", self.house.ask(before, transport="TLS"))
        shown = subject(before)
        with open(self.house.path("site.key"), "w", encoding="utf-8") as key:
            key.write("no key\n")      # does not fit: refused, the old pair stays
        until(lambda: "cannot use key" in self.house.log(), 5, "the wrong key is told")
        still = Stream(self.house, self.tls())
        self.assertEqual(subject(still), shown)
        self.house.certificate("site")
        until(lambda: subject(Stream(self.house, self.unverified())) != shown, 5, "the new certificate is shown")
        self.assertIn(" 200 ", self.house.ask(before, transport="TLS"), "a connection was dropped")
        # Whether the watch or the signal reads this one first is open; that the signal reads is told.
        second = subject(Stream(self.house, self.tls()))
        self.house.certificate("site")
        os.kill(self.house.sipserver(), signal.SIGHUP)
        until(lambda: "SIGHUP: the certificate for SIP over TLS is in use" in self.house.log(), 5, "SIGHUP reads the files")
        until(lambda: subject(Stream(self.house, self.tls())) != second, 5, "the new certificate is shown again")
        self.assertIn(" 200 ", self.house.ask(before, transport="TLS"))
        for stream in (before, still):
            stream.close()

    @staticmethod
    def unverified():
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def test_slow_and_silent_connections_are_closed_in_time(self):
        begin = time.monotonic()
        silent = Stream(self.house)
        plain = Stream(self.house)
        plain.send(self.house.message()[:40])
        half = socket.create_connection((self.house.site, self.house.tls), timeout=5)   # no handshake
        trickle = Stream(self.house)
        self.assertIn(" 200 ", self.house.ask(trickle))                                 # well known by now
        text = self.house.message()
        closed = False
        try:
            for byte in text[:-1]:
                trickle.send(byte)
                time.sleep(0.01 if time.monotonic() - begin < 0.5 else 0.2)
        except OSError:
            closed = True
        self.assertTrue(closed or trickle.ended(3), "a message that never ends")
        for stream in (silent, plain):
            self.assertTrue(stream.ended(3))
        half.settimeout(3)
        self.assertEqual(half.recv(10), b"")
        self.assertLess(time.monotonic() - begin, 8)
        for stream in (silent, plain, trickle):
            stream.close()
        half.close()

    def test_what_cannot_be_cut_ends_the_connection_and_nobody_else(self):
        good = Stream(self.house)
        whole = self.house.message()
        for text, status in (("OPTIONS sip:x SIP/2.0\r\n\r\n", ""), (whole.replace("Content-Length: 0", "l: -1"), "400 Bad Content-Length"),
                             (whole.replace("Content-Length: 0\r\n", ""), "400 Missing Content-Length"),
                             (whole.replace("Content-Length: 0", "Content-Length: 9999999") + "x" * 1000, "413 "), ("x" * 70000, "")):
            stream = Stream(self.house)
            try:
                stream.send(text)
            except OSError:
                pass
            answer = stream.message()
            self.assertEqual(answer.startswith(f"SIP/2.0 {status}"), bool(status), f"{status}: {answer}")
            self.assertTrue(stream.ended(3), text[:60])
            stream.close()
        self.assertIn(" 200 ", self.house.ask(good))
        until(lambda: self.house.counter("drop_connection_broken") == 5, 5, "each is counted by its reason")
        self.assertEqual(self.house.counter("connection_refusals"), 3)
        good.close()

    def test_one_source_gets_its_share(self):
        streams = [Stream(self.house, source="127.48.9.77") for _ in range(22)]
        live = [stream for stream in streams if not stream.ended(0.005)]
        self.assertEqual(len(live), 20)
        until(lambda: self.house.counter("drop_connections_source") == 2, 5, "both counted by their reason")
        other = Stream(self.house, source="127.48.9.78")
        self.assertIn(" 200 ", self.house.ask(other))
        for stream in [*streams, other]:
            stream.close()

    def test_a_peer_that_does_not_read_is_closed(self):
        stream = Stream(self.house)
        stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        text = self.house.message() * 50
        ended = False
        end = time.monotonic() + 20
        while not ended and time.monotonic() < end:
            try:
                stream.send(text)
            except TimeoutError:
                break
            except OSError:
                ended = True
        self.assertTrue(ended, "it was not closed")
        until(lambda: self.house.counter("drop_connection_output_full") == 1, 5, "counted by its reason")
        stream.close()
        self.assertIn(" 200 ", self.house.ask(Stream(self.house)))

    def test_a_phone_that_lost_its_connection_is_called_over_the_next(self):
        first = Stream(self.house)
        contact = "<sip:1003@192.0.2.3;transport=tcp>"
        self.assertIn(" 200 ", self.house.register(first, "1003", contact))
        self.assertTrue(self.called("1003", first), "called over the connection of its REGISTER")
        first.close()
        self.assertFalse(self.called("1003", None))
        second = Stream(self.house)
        self.assertIn(" 200 ", self.house.register(second, "1003", contact))
        self.assertTrue(self.called("1003", second), "called over its new connection")
        second.close()

    def called(self, number, phone):
        """An INVITE from the gateway for NUMBER arrives at PHONE (None: the caller is refused)."""
        gateway = Stream(self.house, source=self.house.gateway)
        gateway.send(self.house.message("INVITE", f"{number}@", "Contact: <sip:g@192.0.2.9;transport=tcp>\r\n"))
        if phone is None:
            text = gateway.message()
            while " 100 " in text.split("\r\n")[0]:
                text = gateway.message()
            gateway.close()
            return not text.startswith("SIP/2.0 480")
        text = phone.message()
        good = text.startswith("INVITE ") and f"Contact: <sip:{self.house.uri()}:{self.house.sip};transport=tcp>" in text
        phone.send(reply(text, "486 Busy Here"))
        self.assertTrue(phone.message().startswith("ACK "))
        gateway.close()
        return good

    def test_t_1_a_refused_connection_is_a_dead_trunk_and_one_that_answers_is_alive(self):
        until(lambda: self.trunk("gw") == "OUT", 5, "gw is out: nobody listens")
        listener = socket.create_server((self.house.gateway, 5970))
        stop = threading.Event()
        thread = threading.Thread(target=self.answer_options, args=(listener, stop))
        thread.start()
        try:
            until(lambda: self.trunk("gw") == "IN", 10, "gw answers over TCP")
        finally:
            stop.set()
            listener.close()
            thread.join()
        until(lambda: self.trunk("gw") == "OUT", 5, "gw is out again at once")

    @staticmethod
    def answer_options(listener, stop):
        listener.settimeout(0.1)
        streams = []
        while not stop.is_set():
            try:
                stream, _ = listener.accept()
                stream.settimeout(0.1)
                streams.append(stream)
            except OSError:
                pass
            for stream in streams:
                try:
                    text = stream.recv(65536).decode()
                except OSError:
                    continue
                if text.startswith("OPTIONS "):
                    stream.sendall(reply(text, "200 OK").encode())
        for stream in streams:
            stream.close()

    def trunk(self, name):
        """Its last state in the log."""
        lines = [line for line in self.house.log().splitlines() if "TRUNK" in line and f"={name} " in line + " "]
        return "OUT" if lines and "to=OUT" in lines[-1] else "IN" if lines and "to=IN" in lines[-1] else "?"


class Six(unittest.TestCase):
    """At an IPv6 site address."""

    def setUp(self):
        self.house = House(HAMGR, "127.49", "::1")
        self.house.up()

    def tearDown(self):
        self.house.down()

    def test_h_4_connections_end_with_the_role_while_the_process_lives(self):
        plain, secure = Stream(self.house), Stream(self.house, session(self.house.path("site.crt")))
        for stream in (plain, secure):
            self.assertIn(" 200 ", self.house.ask(stream))
        pid = self.house.sipserver()
        hamgr = self.house.processes[-1]
        hamgr.send_signal(signal.SIGSTOP)        # nobody renews the order of the role
        try:
            for stream in (plain, secure):
                self.assertTrue(stream.ended(5))
            with self.assertRaises(OSError):
                Stream(self.house)
            self.assertEqual(self.house.sipserver(), pid)
        finally:
            hamgr.send_signal(signal.SIGCONT)
        until(self.house.serves, 20, "served again")

    def test_calls_over_udp_and_tcp(self):
        self.call(self.house)

    def call(self, house):
        contact = "Contact: <sip:1001@[::1]:5980>\r\nExpires: 60\r\n"
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as phone:
            phone.settimeout(5)
            phone.bind(("::1", 5980))
            text = house.message("REGISTER", extra=contact, transport="UDP", number="1001")
            phone.sendto(text.encode(), ("::1", house.sip))
            challenge = phone.recv(65536).decode()
            self.assertIn(" 401 ", challenge)
            extra = house.authorization(challenge, "REGISTER", "1001") + contact
            text = house.message("REGISTER", extra=extra, transport="UDP", number="1001")
            phone.sendto(text.encode(), ("::1", house.sip))
            self.assertIn(" 200 ", phone.recv(65536).decode())
        house.start("uas", ["sipp", "-sn", "uas", "-i", "::1", "-p", "5980", "-nostdin"], cwd=house.dir)
        time.sleep(0.5)
        for transport in ("u1", "t1"):
            with open(house.path("sipp.log"), "a", encoding="utf-8") as log:
                done = subprocess.run(["sipp", "-sn", "uac", f"[::1]:{house.sip}", "-s", "1001", "-t", transport, "-i", "::1",
                                       "-p", "5970", "-m", "3", "-d", "100", "-l", "1", "-nostdin", "-timeout", "20",
                                       "-timeout_error"], stdout=log, stderr=log, timeout=30, check=False, cwd=house.dir)
            self.assertEqual(done.returncode, 0, f"{transport}: {house.path('sipp.log')}")


if __name__ == "__main__":
    unittest.main(verbosity=2)
