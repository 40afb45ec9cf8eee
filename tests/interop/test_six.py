"""Real phones and SIPp at a site whose address is an IPv6 one.  Run by test_peers.py."""
import re

import world
from sipp import Sipp
from world import Calls, until


class Six(Calls):
    def test_phones_call_each_other_over_udp_tcp_and_tls_on_ipv6(self):
        for one, other in (("2001", "2003"), ("2003", "2004"), ("2004", "2002")):
            with self.subTest(f"{one} to {other}"):
                caller, called = self.phones(one, other)
                self.connect(caller, called)
                self.assertTalk(caller, called)
                self.release(caller, called)
        self.assertRegex(caller.traced(), r"c=IN IP6 ::1")
        self.assertIn("TLS [::1]:", caller.traced())

    def test_hold_and_blind_transfer_on_ipv6(self):
        transferor, other, target = self.phones("2001", "2002", "2004")
        self.connect(transferor, other)
        for command, answered in (("hold", "recvonly"), ("resume", "sendrecv")):
            at = len(transferor.traced())
            transferor.command(command)
            until(lambda: f"a={answered}" in transferor.traced()[at:].split("SIP/2.0 200", 1)[-1], text=command)
        transferor.command("transfer", target.uri("2004"))
        target.wait("CALL_INCOMING")
        target.command("accept")
        transferor.wait("CALL_CLOSED", param="transfer")
        self.assertTalk(other, target)
        self.release(target, other)

    def test_sipp_calls_a_phone_on_ipv6(self):
        phone, = self.phones("2005")
        sipp = Sipp(world.site, "uac", "::1", 5090, calls=5, number="2005")
        self.addCleanup(sipp.stop)
        self.assertDone(sipp)
        until(lambda: not phone.calls(), text="released")
