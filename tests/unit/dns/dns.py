"""Trunks with a name (RFC 3263): a real host asks a small DNS server, which changes its mind and falls silent.

usage: dns.py HAMGR [-k NAME]
"""
import os
import socket
import ssl
import struct
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "transport"))
from house import House, until  # noqa: E402

HAMGR = os.path.abspath(sys.argv.pop(1))
NET = "127.49"
A, SRV = 1, 33


class Server:
    """Answers from RECORDS, {(name, type): [data]}, with a time to live of one second; SILENT: not at all; a name of
    FAILING: SERVFAIL."""

    def __init__(self, address):
        self.records, self.silent, self.asked, self.failing = {}, False, [], set()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(address)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            kind = struct.unpack("!H", query[at + 1:at + 3])[0]
            self.asked.append((".".join(labels).lower(), kind))
            if not self.silent:
                self.socket.sendto(self.answer(query, query[12:at + 5], *self.asked[-1]), peer)

    def answer(self, query, question, name, kind):
        found = self.records.get((name, kind), [])
        known = any(name == known for known, _ in self.records)
        if name in self.failing:
            return query[:2] + struct.pack("!HHHHH", 0x8182, 1, 0, 0, 0) + question
        header = query[:2] + struct.pack("!HHHHH", 0x8180 if known else 0x8183, 1, len(found), 0, 0)
        return header + question + b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 1, len(data)) + data for data in found)


def srv(priority, port, name):
    encoded = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    return struct.pack("!HHH", priority, 1, port) + encoded


class Gateway:
    """Answers every OPTIONS that comes over UDP, and keeps its first line."""

    def __init__(self, address):
        self.heard = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(address)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                request, peer = self.socket.recvfrom(65535)
            except OSError:
                return
            self.socket.sendto(self.answer(request), peer)

    def answer(self, request):
        lines = request.decode().split("\r\n")
        kept = [line for line in lines[1:] if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
        self.heard.append(lines[0])
        return ("SIP/2.0 200 OK\r\n" + "\r\n".join(kept) + "\r\nContent-Length: 0\r\n\r\n").encode()


class SecureGateway(Gateway):
    """The same over TLS, with the site's certificate."""

    def __init__(self, address, house):
        self.heard = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(house.path("site.crt"), house.path("site.key"))
        self.socket = socket.create_server(address)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                plain, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(plain,), daemon=True).start()

    def talk(self, plain):
        data = b""
        try:
            with self.context.wrap_socket(plain, server_side=True) as stream:
                while more := stream.recv(65536):
                    data += more
                    while b"\r\n\r\n" in data:
                        request, data = data.split(b"\r\n\r\n", 1)
                        stream.sendall(self.answer(request))
        except OSError:     # the certificate was not taken
            plain.close()


class NamedHouse(House):
    names = ",DNS:secure.example"

    def _write(self):
        super()._write()
        with open(self.path("configuration.yaml"), "a", encoding="utf-8") as f:
            f.write('  - {number: carrier, type: trunk, contact: "sip:carrier.example", prefixes: ["9"]}\n')
            f.write('  - {number: plain, type: trunk, contact: "sip:plain.example:5975", prefixes: ["6"]}\n')
            f.write('  - {number: many, type: trunk, contact: "sip:many.example", prefixes: ["5"]}\n')
            f.write('  - {number: half, type: trunk, contact: "sip:half.example", prefixes: ["3"]}\n')
            f.write('  - {number: sure, type: trunk, contact: "sip:secure.example:5976;transport=tls", prefixes: ["2"]}\n')
            f.write('  - {number: fake, type: trunk, contact: "sip:fake.example:5976;transport=tls", prefixes: ["3"]}\n')
            f.write('  - {number: pool, type: trunk, contact: "sip:pool.example", prefixes: ["4"]}\n')


class Names(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dns = Server((f"{NET}.9.53", 5953))
        cls.gateways = {n: Gateway((f"{NET}.9.{n}", 5975)) for n in (11, 12, 13, 14, 15, 16)}
        cls.dns.records = {("_sip._udp.carrier.example", SRV): [srv(20, 5975, "two.carrier.example"), srv(10, 5975, "one.carrier.example")],
                           ("one.carrier.example", A): [socket.inet_aton(f"{NET}.9.11")],
                           ("two.carrier.example", A): [socket.inet_aton(f"{NET}.9.12")],
                           ("_sip._udp.half.example", SRV): [srv(10, 5975, "left.half.example"), srv(20, 5975, "right.half.example")],
                           ("left.half.example", A): [socket.inet_aton(f"{NET}.9.15")],
                           ("right.half.example", A): [socket.inet_aton(f"{NET}.9.16")],
                           ("plain.example", A): [socket.inet_aton(f"{NET}.9.12")],
                           # More than the eight addresses that a trunk can have, the best ones last.
                           ("_sip._udp.many.example", SRV): [srv(20, 5975, f"h{n}.example") for n in range(9)] + [srv(10, 5975, "h.example")],
                           ("h.example", A): [socket.inet_aton(f"{NET}.9.14")],
                           ("_sip._udp.pool.example", SRV): [srv(20, 5975, "farm.example"), srv(10, 5975, "h.example")],
                           ("farm.example", A): [socket.inet_aton(f"{NET}.9.{n}") for n in range(21, 29)]}
        cls.dns.records.update({("secure.example", A): [socket.inet_aton(f"{NET}.9.17")],
                                ("fake.example", A): [socket.inet_aton(f"{NET}.9.18")]})
        cls.dns.records.update({(f"h{n}.example", A): [socket.inet_aton(f"{NET}.9.{31 + n}")] for n in range(9)})
        cls.house = NamedHouse(HAMGR, NET, f"{NET}.1.100",
                               f'dns-servers: ["{NET}.9.53:5953", "[::1]"], dns-ttl-min: 1s, dns-timeout: 200ms')
        cls.gateways.update({n: SecureGateway((f"{NET}.9.{n}", 5976), cls.house) for n in (17, 18)})
        cls.house.up()

    @classmethod
    def tearDownClass(cls):
        cls.house.down()
        for party in (cls.dns, *cls.gateways.values()):
            party.socket.close()

    def watched(self, number, uri):
        """The gateway NUMBER is asked for URI anew."""
        heard = self.gateways[number].heard
        before = len(heard)
        until(lambda: any(uri in line for line in heard[before:]), 15, f"OPTIONS for {uri} at gateway {number}")

    def test_names_are_followed_when_dns_changes_and_kept_when_it_is_silent(self):
        self.watched(11, "OPTIONS sip:carrier.example SIP/2.0")     # SRV: the lowest priority
        self.watched(12, "OPTIONS sip:plain.example:5975 SIP/2.0")  # a port: no SRV is asked for (RFC 3263 4.2)
        self.assertNotIn(("_sip._udp.plain.example", SRV), self.dns.asked)
        self.assertIn("carrier.example is found in DNS: 2 addresses", self.house.log())
        self.dns.records[("one.carrier.example", A)] = [socket.inet_aton(f"{NET}.9.13")]
        self.watched(13, "sip:carrier.example")
        self.dns.silent = True
        until(lambda: "its last addresses stay in use" in self.house.log(), 15, "a word that DNS is silent")
        self.watched(13, "sip:carrier.example")
        self.dns.silent = False
        until(lambda: self.house.log().count("carrier.example is found in DNS") == 2, 15, "a word that DNS answers again")

    def test_a_target_that_cannot_be_looked_up_keeps_its_last_addresses_and_one_without_any_goes_rfc3263(self):
        self.watched(15, "OPTIONS sip:half.example SIP/2.0")
        self.dns.failing.add("left.half.example")
        until(lambda: "left.half.example of half.example is not found in DNS" in self.house.log(), 15, "a word that half of it is lost")
        self.watched(15, "OPTIONS sip:half.example SIP/2.0")
        self.assertNotIn("OPTIONS sip:half.example SIP/2.0", self.gateways[16].heard)
        self.dns.records[("left.half.example", A)] = []
        self.dns.failing.clear()
        self.watched(16, "OPTIONS sip:half.example SIP/2.0")

    def test_of_more_addresses_than_a_trunk_can_have_the_best_by_priority_are_kept_rfc2782(self):
        self.watched(14, "OPTIONS sip:many.example SIP/2.0")    # the tenth SRV record
        self.watched(14, "OPTIONS sip:pool.example SIP/2.0")    # behind eight addresses of a worse target

    def test_the_certificate_of_a_trunk_has_the_name_that_was_looked_up_rfc5922_7(self):
        self.watched(17, "OPTIONS sip:secure.example:5976;transport=tls SIP/2.0")
        until(lambda: f"{NET}.9.18:5976;transport=tls closed: its certificate does not have the trunk's name" in self.house.log(), 15,
              "a word that the certificate is of another")
        self.assertEqual(self.gateways[18].heard, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
