"""As much SIP as a hostile peer needs: datagrams, and a reader that takes what it can get.

It is not a parser to be trusted with anything but the judgement of answers, and shares no code with the server.
"""
import hashlib
import os
import re
import select
import socket
import time

COMPACT = {b"v": b"via", b"f": b"from", b"t": b"to", b"i": b"call-id", b"m": b"contact", b"l": b"content-length",
           b"c": b"content-type", b"s": b"subject", b"k": b"supported", b"e": b"content-encoding", b"u": b"allow-events",
           b"o": b"event", b"r": b"refer-to", b"b": b"referred-by", b"x": b"session-expires"}


def unfold(value):
    return re.sub(rb"[ \t]*\r?\n[ \t]+", b" ", value).strip()


class Message:
    """Start line, headers in order (name in lower case, long form) and body of some bytes."""

    def __init__(self, data):
        self.data = data
        head, _, self.body = re.sub(rb"\A[\r\n]+", b"", data).partition(b"\r\n\r\n")
        lines = re.split(rb"\r\n(?![ \t])", head)
        self.start = lines[0]
        self.headers = []
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            name = name.strip().lower()
            self.headers.append((COMPACT.get(name, name), unfold(value)))

    def all(self, name):
        return [value for found, value in self.headers if found == name.encode()]

    def first(self, name):
        return next(iter(self.all(name)), b"")

    @property
    def is_response(self):
        return self.start.upper().startswith(b"SIP/")

    @property
    def method(self):
        return self.start.split(b" ")[0]

    @property
    def status(self):
        match = re.match(rb"SIP/2\.0 (\d{3})( |\Z)", self.start)
        return int(match.group(1)) if match else None

    def via_port(self):
        """Where the answer goes: the port of the top Via's sender, 5060 when it names none; None with rport."""
        via = self.first("via")
        if re.search(rb";\s*rport", via):
            return None
        match = re.match(rb"\s*SIP\s*/\s*[\w.]+\s*/\s*([^\s/;]+)\s+(?:\[[^\]]*\]|[^\s:;,]+)\s*(?::\s*(\d+))?", via, re.I)
        if not match:
            return 5060
        return int(match.group(2)) if match.group(2) else 5061 if match.group(1).upper() == b"TLS" else 5060


def host(address):
    """ADDRESS as it stands in a URI (RFC 3261 19.1.1)."""
    return f"[{address}]" if ":" in address else address


def token():
    return os.urandom(6).hex()


def request(method, uri, peer, to=None, from_user="stranger", call_id=None, cseq=1, branch=None, tag=None, extra=(),
            body=b"", rport=True):
    """A well-formed request; EXTRA are whole header lines."""
    address, port = peer.host, peer.socket.getsockname()[1]
    lines = [f"{method} {uri} SIP/2.0",
             f"Via: SIP/2.0/UDP {address}:{port};branch={branch or 'z9hG4bK' + token()}" + (";rport" if rport else ""),
             f"From: <sip:{from_user}@{address}>;tag={tag or token()}", f"To: <{to or uri}>", f"Call-ID: {call_id or token()}",
             f"CSeq: {cseq} {method}", "Max-Forwards: 70", *extra, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def challenge_of(response):
    """The parameters of the first challenge of a 401 or 407."""
    value = (response.first("www-authenticate") or response.first("proxy-authenticate")).decode()
    return dict((name.lower(), quoted or bare) for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', value))


def challenges_of(response):
    """The parameters of each challenge of a 401."""
    return [dict((name.lower(), quoted or bare) for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', value.decode()))
            for value in response.all("www-authenticate")]


def credentials(challenge, method, uri, user, password, nc=1, cnonce="c0ffee"):
    """The Authorization line that answers CHALLENGE."""
    digest = hashlib.sha256 if challenge.get("algorithm", "MD5").upper() == "SHA-256" else hashlib.md5

    def h(text):
        return digest(text.encode()).hexdigest()
    count = f"{nc:08x}"
    response = h(":".join((h(f"{user}:{challenge['realm']}:{password}"), challenge["nonce"], count, cnonce, "auth",
                           h(f"{method}:{uri}"))))
    return (f'Authorization: Digest username="{user}", realm="{challenge["realm"]}", nonce="{challenge["nonce"]}", uri="{uri}", '
            f'response="{response}", algorithm={challenge.get("algorithm", "MD5")}, qop=auth, nc={count}, cnonce="{cnonce}"')


class Peer:
    """A UDP socket that speaks to one server."""

    def __init__(self, address, port, server):
        self.server = server
        self.host = host(address)
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        self.sent = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendto(data, self.server)
        self.sent += 1

    def receive(self, seconds):
        """The next datagram of the server, or None."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left < 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            data, source = self.socket.recvfrom(65535)
            if source[:2] == self.server:
                return Message(data)

    def answer(self, call_id, seconds=2.0, final=True):
        """The answer to the request with CALL_ID; a final one unless FINAL is false.  None: silence."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            message = self.receive(left)
            if (message is not None and message.is_response and message.first("call-id") == call_id.encode()
                    and (not final or (message.status or 0) >= 200)):
                return message
        return None

    def ask(self, method, uri, seconds=2.0, **options):
        """Send a request and wait for its final answer; a refused INVITE is acknowledged."""
        call_id = options.pop("call_id", None) or token()
        branch = options.pop("branch", None) or "z9hG4bK" + token()
        data = request(method, uri, self, call_id=call_id, branch=branch, **options)
        self.send(data)
        answer = self.answer(call_id, seconds)
        if answer is not None and method == "INVITE":
            self.acknowledge(Message(data), answer)
        return answer

    def acknowledge(self, invite, answer):
        """ACK of a refusal (RFC 3261 17.1.1.3): the INVITE's top Via, the To of the answer."""
        number = re.match(rb"\d+", invite.first("cseq"))
        lines = [b"ACK " + invite.start.partition(b" ")[2], b"Via: " + invite.first("via"),
                 b"From: " + invite.first("from"), b"To: " + answer.first("to"), b"Call-ID: " + invite.first("call-id"),
                 b"CSeq: " + (number.group() if number else b"1") + b" ACK", b"Max-Forwards: 70", b"Content-Length: 0", b"", b""]
        self.send(b"\r\n".join(lines))

    def alive(self, seconds=2.0):
        """OPTIONS, repeated as UDP wants it, answered with 200."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            answer = self.ask("OPTIONS", f"sip:{host(self.server[0])}:{self.server[1]}", min(left, 0.5))
            if answer is not None and answer.status == 200:
                return True
        return False
