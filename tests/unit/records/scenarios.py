"""SIPp scenarios of the kinds of calls.  A caller hears what it must, or its call fails and SIPp says so."""

HEAD = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:caller@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>%s
Call-ID: [call_id]
CSeq: 1 %s
Contact: <sip:caller@[local_ip]:[local_port]>
Max-Forwards: 70
"""
SDP = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 6000 RTP/AVP 0
"""
BACK = """[last_Via:]
[last_From:]
[last_To:]%s
[last_Call-ID:]
[last_CSeq:]
"""


def send(start, head, more="Content-Length: 0\n", retrans=False):
    return f'<send{" retrans=" + chr(34) + "500" + chr(34) if retrans else ""}><![CDATA[\n{start}\n{head}{more}\n]]></send>\n'


def request(method, more="Content-Length: 0\n", to="[peer_tag_param]", retrans=False):
    return send(f"{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0", HEAD % (to, method), more, retrans)


def answer(status, text, tag=True, more="Content-Length: 0\n", retrans=False):
    contact = "Contact: <sip:[local_ip]:[local_port]>\n"
    return send(f"SIP/2.0 {status} {text}", BACK % (";tag=[call_number]" if tag else "") + contact, more, retrans)


def invite():
    return request("INVITE", SDP, "", True)


def recv(what, optional=False):
    kind = "response" if isinstance(what, int) else "request"
    return f'<recv {kind}="{what}"{" optional=" + chr(34) + "true" + chr(34) if optional else ""}></recv>\n'


def scenario(*steps):
    """CANCEL and ACK carry the branch of the INVITE, the first message: so many messages back."""
    steps = [step for step in steps if step]
    steps = [step.replace("[branch]", f"[branch-{i}]") if i and "[branch]" in step else step for i, step in enumerate(steps)]
    return '<?xml version="1.0"?>\n<scenario name="records">\n' + "".join(steps) + "</scenario>\n"


def caller_gives_up(after_ms, heard):
    return scenario(invite(), recv(100, True), recv(180, True) if heard != 180 else "", recv(heard),
                    f'<pause milliseconds="{after_ms}"/>\n', request("CANCEL", to="", retrans=True), recv(200), recv(487),
                    request("ACK"))


def caller_is_told(status):
    return scenario(invite(), recv(100, True), recv(status), request("ACK"))


BUSY = scenario(recv("INVITE"), answer(486, "Busy Here", retrans=True), recv("ACK"))
RINGS = scenario(recv("INVITE"), answer(180, "Ringing"), recv("CANCEL"), answer(200, "OK"),
                 send("SIP/2.0 487 Request Terminated",
                      "[last_Via:]\n[last_From:]\n[last_To:];tag=[call_number]\n[last_Call-ID:]\nCSeq: 1 INVITE\n", retrans=True),
                 recv("ACK"))
