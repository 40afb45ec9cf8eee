#!/usr/bin/env python3
"""An agent controls real calls from a headless desktop: page API, gateway, SIP server and phones over real sockets (D-1, D-2).

    test_control.py [BIN-FOLDER] [unittest arguments]

The phones are a few lines of SIP of their own (sip.py): what they answer is what the test says."""
import json
import os
import re
import subprocess
import sys
import threading
import time
import unittest

import server
import sip

BIN = server.bin_folder(sys.argv.pop(1) if len(sys.argv) > 1 and os.path.isdir(sys.argv[1]) else None)
AGENTS = ("agents:", '  - {id: ann, password: Brisk-Finch-7, dn: "2001", queues: ["8000"]}')
SDP = "v=0\r\no=p{0} {0} {1} IN IP4 {2}\r\ns=-\r\nc=IN IP4 {2}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"


class Phone(threading.Thread):
    """A registered phone that takes every call at once, agrees to every re-INVITE, and keeps the descriptions it was sent."""

    def __init__(self, number, password, address, to):
        super().__init__(daemon=True)
        self.number, self.peer, self.version = number, sip.Peer(address, 0, to), 0
        self.tag, self.over, self.offers, self.requests = sip.token(), False, [], []
        uri = f"sip:{sip.host(to[0])}"
        options = {"from_user": number, "to": f"sip:{number}@{sip.host(to[0])}", "call_id": sip.token()}
        contact = f"Contact: <sip:{number}@{self.peer.host}:{self.port()}>"
        challenge = self.peer.ask("REGISTER", uri, extra=(contact, "Expires: 600"), **options)
        answer = self.peer.ask("REGISTER", uri, cseq=2, extra=(contact, "Expires: 600", sip.credentials(
            sip.challenge_of(challenge), "REGISTER", uri, number, password)), **options)
        assert answer is not None and answer.status == 200, answer and answer.start
        self.start()

    def port(self):
        return self.peer.socket.getsockname()[1]

    def respond(self, request, status, body=b""):
        to = request.first("to")
        if b"tag=" not in to:
            to += b";tag=" + self.tag.encode()
        lines = [b"SIP/2.0 " + status, *(b"Via: " + via for via in request.all("via")), b"From: " + request.first("from"), b"To: " + to,
                 b"Call-ID: " + request.first("call-id"), b"CSeq: " + request.first("cseq"),
                 f"Contact: <sip:{self.number}@{self.peer.host}:{self.port()}>".encode(), b"Allow: INVITE, ACK, BYE, CANCEL",
                 *([b"Content-Type: application/sdp"] if body else []), b"Content-Length: %d" % len(body), b"", b""]
        self.peer.send(b"\r\n".join(lines) + body)

    def run(self):
        seen = {}
        while not self.over:
            request = self.peer.receive(0.2)
            if request is None or request.is_response:
                continue
            key = request.first("via")
            if request.method == b"ACK":
                if request.body:
                    self.offers.append(request.body.decode())
                continue
            if key not in seen:                         # a copy gets the answer of the first
                self.requests.append(request)
                if request.method == b"INVITE":
                    self.version += 1
                    if request.body:
                        self.offers.append(request.body.decode())
                seen[key] = SDP.format(self.number, self.version, self.peer.host).encode() if request.method == b"INVITE" else b""
            if request.method == b"INVITE" and b"tag=" not in request.first("to"):
                self.respond(request, b"180 Ringing")
            self.respond(request, b"200 OK", seen[key])

    def close(self):
        self.over = True
        self.join()
        self.peer.socket.close()


class Desktop:
    """`desktop agent`, its lines as they come."""

    def __init__(self, site):
        self.path = os.path.join(site.directory, "ann.log")
        secret = os.path.join(site.directory, "ann.password")
        with open(secret, "w") as out:
            out.write("Brisk-Finch-7\n")
        self.process = subprocess.Popen(
            [os.path.join(BIN, "desktop"), "agent", "--sites", f"http://{sip.host(site.server[0])}:{site.lab.agent_http_port}",
             "--user", "ann", "--password-file", secret, "--state", "not_ready", "--log", self.path], stdin=subprocess.PIPE)

    def lines(self):
        if not os.path.exists(self.path):
            return []
        with open(self.path) as lines:
            return [json.loads(line) for line in lines if line.endswith("\n")]

    def say(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        self.process.stdin.close()


class Control(unittest.TestCase):
    def wait(self, condition, what, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), end, what() if callable(what) else what)
            time.sleep(0.02)

    def done(self, op, count=1):
        """OP has had its COUNT-th reply, which was good."""
        def replies():
            return [line for line in self.desktop.lines() if line["event"].startswith("OPERAT") and line["op"] == op]
        self.wait(lambda: len(replies()) >= count, lambda: f"{op}: {self.desktop.lines()[-8:]}")
        self.assertEqual(replies()[-1]["event"], "OPERATED", replies()[-1])
        self.assertEqual(len(replies()), count)
        return replies()[-1]

    def story(self):
        return [line["what"] for line in self.desktop.lines() if line["event"] == "CALL_EVENT"]

    def test_an_agent_dials_holds_retrieves_and_releases_without_touching_the_phone(self):
        with server.OneSite(BIN, net=137, dns=AGENTS) as site:
            own = Phone("2001", server.PHONES["2001"], "127.137.9.11", site.server)
            far = Phone("2002", server.PHONES["2002"], "127.137.9.12", site.server)
            self.desktop = Desktop(site)
            try:
                self.wait(lambda: any(line["event"] == "LOGGED_IN" for line in self.desktop.lines()), lambda: self.desktop.lines())
                self.desktop.say("dial 2002 customer=4711")
                self.assertEqual(self.done("dial")["data"], {})
                self.assertIn(b"answer-after=0", own.requests[0].first("call-info"))
                self.assertEqual(own.requests[0].body, b"")
                self.wait(lambda: "established" in self.story(), self.story)
                self.wait(lambda: len(far.offers) == 1, "the far phone got the answer in its ACK")
                self.desktop.say("hold")
                self.done("hold")
                self.assertIn("a=sendonly", far.offers[-1])
                self.assertIn("a=inactive", own.offers[-1])
                self.desktop.say("retrieve")
                self.done("retrieve")
                self.assertNotIn("a=", far.offers[-1])
                self.assertNotIn("a=", own.offers[-1])
                origins = [re.search(r"^o=(\S+ \S+) (\d+)", offer, re.M).groups() for offer in far.offers]
                self.assertEqual(len({who for who, _ in origins}), 1, origins)          # one origin, one higher each time
                first = int(origins[0][1])
                self.assertEqual([int(version) for _, version in origins], [first + i for i in range(len(origins))])
                self.desktop.say("set-data topic=refund")
                self.assertEqual(self.done("set-data")["data"], {"customer": "4711", "topic": "refund"})
                self.desktop.say("release")
                self.done("release")
                self.wait(lambda: own.requests[-1].method == b"BYE" and far.requests[-1].method == b"BYE", "both get a BYE")
                self.wait(lambda: self.story()[-1] == "released", self.story)
                self.assertEqual(self.story(), ["dialing", "alerting", "established", "held", "retrieved", "data", "released"])
                self.desktop.say("hold")
                self.wait(lambda: self.desktop.lines()[-1]["event"] == "OPERATION_REFUSED", "no call is left to hold")
            finally:
                self.desktop.close()
                own.close()
                far.close()
            self.assertEqual(site.faults(), [])


if __name__ == "__main__":
    unittest.main()
