"""A user agent of our own for what packaged ones cannot say: both ends of dialogs, message by message (sip.py underneath).

    gateway = Ua(address, port, server)
    leg = gateway.invite("sip:2010@server", sdp ())        an INVITE is out
    other = phone.invited()                                the leg of the INVITE that arrived
    other.answer(180); other.answer(200, sdp ()); leg.expect(200); leg.ack()
    leg.send("BYE"); other.expect("BYE"); other.answer(200); leg.expect(200)

Nothing is repeated and nothing answered by itself: the test says every message.  What repeats what was there is passed over.
"""
import re
import time

import sip

WAIT = 5.0


def sdp(direction=None, version=1, media="m=audio 40000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n", address="192.0.2.7"):
    return (f"v=0\r\no=ua 7 {version} IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n{media}"
            + (f"a={direction}\r\n" if direction else "")).encode()


class Ua(sip.Peer):
    def __init__(self, address, port, server, user="ua"):
        super().__init__(address, port, server)
        self.user = user
        self.contact = f"<sip:{user}@{self.host}:{port}>"
        self.waiting = []
        self.known = set()

    def next(self, wanted, seconds=WAIT):
        """The first message for which WANTED(message); others are kept for later, repeated ones are passed over."""
        end = time.monotonic() + seconds
        while True:
            for message in self.waiting:
                if wanted(message):
                    self.waiting.remove(message)
                    return message
            left = end - time.monotonic()
            message = self.receive(left) if left > 0 else None
            if message is None:
                return None
            if message.data not in self.known:
                self.known.add(message.data)
                self.waiting.append(message)

    def invited(self, seconds=WAIT):
        """The leg of the next INVITE of a new dialog."""
        request = self.next(lambda m: m.method == b"INVITE" and b";tag=" not in m.first("to"), seconds)
        if request is None:
            raise AssertionError(f"{self.user}: no INVITE; there is {[m.start for m in self.waiting]}")
        leg = Leg(self)
        leg.take_invite(request)
        return leg

    def invite(self, uri, body=b"", extra=(), **heads):
        leg = Leg(self)
        leg.uri = uri
        leg.to = heads.pop("to", f"<{uri}>")
        leg.fro = heads.pop("fro", f"<sip:{self.user}@{self.host}>;tag={sip.token()}")
        leg.send("INVITE", body, extra, **heads)
        return leg


class Leg:
    """One side of a dialog."""

    def __init__(self, ua):
        self.ua = ua
        self.call_id = sip.token()
        self.uri = self.to = self.fro = None
        self.routes = []
        self.cseq = 0
        self.sent = {}        # method -> the last request of ours
        self.asked = {}       # method -> the last request of theirs
        self.last = None

    # -- requests of ours --------------------------------------------------------------------------------------

    def send(self, method, body=b"", extra=(), cseq=None, content="application/sdp", via=None, contact=None, hops=70):
        if cseq is None and method not in ("ACK", "CANCEL"):
            self.cseq += 1
        number = cseq or self.cseq
        port = self.ua.socket.getsockname()[1]
        lines = [f"{method} {self.uri} SIP/2.0",
                 *(via or [f"Via: SIP/2.0/UDP {self.ua.host}:{port};branch=z9hG4bK{sip.token()};rport"]),
                 *(f"Route: {route}" for route in self.routes), f"From: {self.fro}", f"To: {self.to}", f"Call-ID: {self.call_id}",
                 f"CSeq: {number} {method}", *([f"Max-Forwards: {hops}"] if hops is not None else []),
                 *([f"Contact: {contact or self.ua.contact}"] if method in ("INVITE", "UPDATE", "REFER", "SUBSCRIBE") else []), *extra,
                 *([f"Content-Type: {content}"] if body else []), f"Content-Length: {len(body)}", "", ""]
        data = "\r\n".join(lines).encode() + body
        self.ua.send(data)
        self.sent[method] = sip.Message(data)
        return self

    def ack(self, body=b""):
        """ACK of the last 2xx."""
        return self.send("ACK", body, cseq=int(self.last.first("cseq").split()[0]))

    def cancel(self):
        """CANCEL of the INVITE (RFC 3261 9.1): the same Via and CSeq, the To without a tag."""
        invite = self.sent["INVITE"]
        to = self.to
        self.to = invite.first("to").decode()
        self.send("CANCEL", cseq=int(invite.first("cseq").split()[0]), via=["Via: " + invite.first("via").decode()])
        self.to = to

    def again(self, method):
        """The last request of METHOD once more, as a retransmission."""
        self.ua.send(self.sent[method].data)

    # -- requests of theirs ------------------------------------------------------------------------------------

    def take_invite(self, request):
        self.call_id = request.first("call-id").decode()
        self.to = request.first("from").decode()
        self.fro = request.first("to").decode() + f";tag={sip.token()}"
        self.uri = uri_of(request.first("contact"))
        self.routes = listed(request.all("record-route"))
        self.asked["INVITE"] = self.last = request

    def answer(self, status, body=b"", extra=(), method=None, reason="Answer", content="application/sdp", contact=None):
        """Answer the last request of theirs (of METHOD)."""
        request = self.asked[method] if method else self.last
        heads = [f"{name}: {value.decode()}" for name, value in
                 ((name.decode(), value) for name, value in request.headers) if name in ("via", "record-route")]
        lines = [f"SIP/2.0 {status} {reason}", *heads, f"From: {request.first('from').decode()}", f"To: {self.fro}",
                 f"Call-ID: {self.call_id}", f"CSeq: {request.first('cseq').decode()}",
                 *([f"Contact: {contact or self.ua.contact}"] if status < 400 else []), *extra,
                 *([f"Content-Type: {content}"] if body else []), f"Content-Length: {len(body)}", "", ""]
        self.ua.send("\r\n".join(lines).encode() + body)
        return self

    # -- what comes --------------------------------------------------------------------------------------------

    def expect(self, what, seconds=WAIT, method=None):
        """The next request of method WHAT, or the next response with status WHAT (to METHOD), in this dialog."""
        def wanted(message):
            if message.first("call-id").decode() != self.call_id:
                return False
            if isinstance(what, str):
                return message.method.decode() == what
            return message.status == what and (method is None or message.first("cseq").endswith(b" " + method.encode()))
        message = self.ua.next(wanted, seconds)
        if message is None:
            raise AssertionError(f"{self.ua.user}: no {what}; there is {[(m.start, m.first('cseq')) for m in self.ua.waiting]}")
        if isinstance(what, str):
            self.asked[what] = message
        else:
            if b";tag=" in message.first("to"):
                self.to = message.first("to").decode()
            if 100 < what < 300 and message.first("contact"):
                self.uri = uri_of(message.first("contact"))
                if message.first("record-route"):
                    self.routes = listed(message.all("record-route"))[::-1]
            if what >= 300 and message.first("cseq").endswith(b" INVITE"):
                self.ua.acknowledge(self.sent["INVITE"], message)
        self.last = message
        return message

    def nothing(self, what, seconds=0.3):
        """WHAT does not come."""
        try:
            self.expect(what, seconds)
        except AssertionError:
            return
        raise AssertionError(f"{self.ua.user}: {what} came")


def listed(values):
    """The members of header values, in order."""
    return [one.strip() for value in values for one in re.findall(r"<[^>]*>[^,]*", value.decode())]


def uri_of(value):
    text = value.decode()
    return re.search(r"<([^>]*)>", text).group(1) if "<" in text else text.split(";")[0]
