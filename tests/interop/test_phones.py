"""Calls between real phones (baresip): transports, media both ways, hold, transfer, refusals.  Run by test_peers.py."""
import re
import time

import sip
import world
from world import Calls, RINGS, until

TALK = 0.8       # seconds of speech where somebody listens for it


class Phones(Calls):
    def test_phones_call_each_other_over_udp_tcp_and_tls_and_hear_each_other(self):
        for pairs in ((("2001", "2003"), ("2004", "2005"), ("2002", "2006")),
                      (("2003", "2004"), ("2002", "2001")), (("2004", "2002"),)):
            phones = {number: phone for pair in pairs for number, phone in zip(pair, self.phones(*pair))}
            calls = [(phones[one], phones[other]) for one, other in pairs]
            for caller, called in calls:
                self.connect(caller, called)
            time.sleep(TALK)
            for caller, called in calls:
                self.release(caller, called)
            for caller, called in calls:
                for listener, speaker in ((caller, called), (called, caller)):
                    with self.subTest(f"{speaker.number} ({speaker.transport}) to {listener.number} ({listener.transport})"):
                        self.assertHears(listener, world.PHONES[speaker.number][1])

    def test_the_phone_over_tls_is_shown_a_certificate_of_its_ca(self):
        _, said = self.run_program("openssl", "s_client", "-connect", f"{world.site.server[0]}:5061", "-verify_return_error", "-brief",
                                   "-CAfile", world.site.lab.deployment.sip_tls["ca"], input="")
        self.assertIn("Verification: OK", said)
        phone, = self.phones("2004")
        self.assertRegex(phone.traced(), r"TLS \S+ -> \S+:5061")

    def test_hold_and_resume_by_re_invite_reach_the_other_phone(self):
        one, other = self.phones("2001", "2004")
        self.connect(one, other)
        for command, told, answered in (("hold", "sendonly", "recvonly"), ("resume", "sendrecv", "sendrecv")):
            at, at_other = len(one.traced()), len(other.traced())
            one.command(command)
            until(lambda: f"a={answered}" in one.traced()[at:].split("SIP/2.0 200", 1)[-1], text=f"{command} answered by {answered}")
            until(lambda: f"a={told}" in other.traced()[at_other:], text=f"{command} told as {told}")
        self.assertTalk(one, other)
        self.release(other, one)

    def test_blind_transfer_by_refer_leads_to_the_third_phone(self):
        transferor, other, target = self.phones("2001", "2002", "2003")
        self.connect(transferor, other)
        transferor.command("transfer", target.uri("2003"))
        target.wait("CALL_INCOMING")
        target.command("accept")
        target.wait("CALL_ESTABLISHED")
        transferor.wait("CALL_CLOSED", param="transfer")
        time.sleep(TALK)
        self.assertEqual([len(phone.calls()) for phone in (transferor, other, target)], [0, 1, 1])
        self.release(target, other)
        self.assertHears(other, world.PHONES["2003"][1])
        self.assertHears(target, world.PHONES["2002"][1])

    def test_blind_transfer_to_a_phone_that_refuses_goes_back(self):
        transferor, other, target = self.phones("2001", "2002", "2003")
        self.connect(transferor, other)
        transferor.command("transfer", target.uri("2003"))
        target.wait("CALL_INCOMING")
        target.command("hangup")
        transferor.wait("TRANSFER_FAILED", param="486")
        other.wait("CALL_CLOSED")            # baresip hangs up then: the call was its own again
        until(lambda: re.search(r"SIP/2\.0 200 OK\n", transferor.traced().replace("\r", "").rpartition("\nBYE ")[2]),
              text="its BYE answered")

    def test_attended_transfer_by_refer_with_replaces_joins_both_calls(self):
        transferor, other, target = self.phones("2003", "2002", "2004")
        self.connect(transferor, other)
        transferor.command("hold")
        consult, _ = self.connect(transferor, target)
        heads = transferor.answer_to(consult["id"])
        tags = {name: re.search(r";tag=([^;\s]+)", heads[name]).group(1) for name in ("From", "To")}
        first = next(line for line, _, held in transferor.calls() if held)
        transferor.take_line(first)
        transferor.command("transfer", f"<sip:2004@{world.site.server[0]}?Replaces={consult['id']}%3Bto-tag%3D{tags['To']}"
                                       f"%3Bfrom-tag%3D{tags['From']}>")
        transferor.wait("CALL_CLOSED")
        until(lambda: not transferor.calls(), text="both calls of the transferor over")
        self.assertTalk(other, target)
        self.release(other, target)

    def test_a_caller_who_gives_up_stops_the_ringing(self):
        caller, called = self.phones("2001", "2004")
        caller.dial("2004")
        called.wait("CALL_INCOMING")
        caller.command("hangup")
        called.wait("CALL_CLOSED")
        self.assertEqual(called.calls(), [])

    def test_busy_rejected_and_declined_are_told_to_the_caller(self):
        caller, busy, third = self.phones("2001", "2006", "2002")
        self.connect(third, busy)
        caller.dial("2006")
        caller.wait("CALL_CLOSED", param="486")                 # one call is all it takes
        caller.dial("2002")
        third.wait("CALL_INCOMING")
        third.take_line(max(third.calls())[0])
        third.command("hangup")
        caller.wait("CALL_CLOSED", param="486")
        decliner = self.peer("4.60")
        self.register(decliner, "2010")
        caller.dial("2010")
        invite = self.invited(decliner)
        decliner.send(answer(invite, "603 Decline"))
        caller.wait("CALL_CLOSED", param="603")
        caller.dial("2950")
        caller.wait("CALL_CLOSED", param="404")

    def invited(self, peer):
        """The next INVITE at PEER."""
        end = time.monotonic() + RINGS
        while (left := end - time.monotonic()) > 0:
            message = peer.receive(left)
            if message is not None and message.method == b"INVITE":
                return message
        self.fail("no INVITE")

    def test_a_phone_dials_out_through_the_trunk_of_its_prefix(self):
        caller, = self.phones("2004")
        uas = self.sipp("uas", "4.50", calls=9)  # an OPTIONS of the watch is a call to it, which it aborts
        caller.dial("9004412345")
        caller.wait("CALL_ESTABLISHED")
        caller.command("hangup")
        until(lambda: not caller.calls(), text="released")
        uas.stop()
        self.assertNotRegex(uas.unexpected(), r"received '(?!OPTIONS )")

    def test_dtmf_by_info_arrives(self):
        called, = self.phones("2005")
        caller = self.sipp("info", "4.21", number="2005")
        called.wait("CALL_DTMF_START", param="7")
        self.assertDone(caller)

    def test_two_re_invites_at_once_are_settled(self):
        one, other = self.phones("2003", "2004")
        self.connect(one, other)
        at = [len(phone.traced()) for phone in (one, other)]
        for phone in (one, other):
            phone.tell("reinvite")
        # Where they met, one of them asks again after 0 to 2 s (RFC 3261 14.1).
        until(lambda: any("SIP/2.0 200" in phone.traced()[before:] for phone, before in zip((one, other), at)), text="one was answered")
        self.assertTalk(one, other)
        self.release(one, other)


def answer(request, status, extra=(), body=b""):
    """The answer with STATUS to REQUEST of a phone, with a tag of its own."""
    heads = [b"%s: %s" % (name.title(), value) for name, value in request.headers if name in (b"via", b"from", b"call-id", b"cseq")]
    to = request.first("to")
    if b";tag=" not in to:
        to += b";tag=" + sip.token().encode()
    lines = [b"SIP/2.0 " + status.encode(), *heads, b"To: " + to, *(line.encode() for line in extra),
             b"Content-Length: %d" % len(body), b"", b""]
    return b"\r\n".join(lines).replace(b"\r\nCseq:", b"\r\nCSeq:") + body
