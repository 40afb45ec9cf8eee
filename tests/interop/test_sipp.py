"""SIPp as trunk and as phone: its own scenarios unmodified, and ours for what they lack.  Run by test_peers.py."""
import os
import time

import world
from world import Calls, until

LOAD_CALLS, LOAD_RATE = 250, 50


class Callers(Calls):
    def called_by_sipp(self, scenario, number, address, calls=1, **options):
        """NUMBER is a phone that SIPp plays at ADDRESS."""
        peer = self.peer(address)
        self.register(peer, number)
        peer.socket.close()
        return self.sipp(scenario, address, calls=calls, **options)

    def test_sipp_s_own_caller_and_called_party_at_fifty_calls_a_second_lose_none(self):
        called = self.called_by_sipp("uas", "2011", "4.51", calls=LOAD_CALLS + 1)
        # uac_pcap looks for pcap/ where it is started.
        if not os.path.exists(os.path.join(world.site.directory, "pcap")):
            os.symlink("/usr/share/sip-tester", os.path.join(world.site.directory, "pcap"))
        speaker = self.sipp("uac_pcap", "4.21", 5062, number="2011")
        caller = self.sipp("uac", "4.21", 5060, number="2011", calls=LOAD_CALLS, rate=LOAD_RATE)
        self.assertDone(caller, speaker)
        self.assertEqual((caller.count("SuccessfulCall(C)"), caller.count("FailedCall(C)")), (LOAD_CALLS, 0))
        called.stop()
        self.assertEqual(called.unexpected(), "")

    def test_sipp_s_third_party_call_control_joins_two_phones(self):
        """RFC 3725 flow I: an INVITE without an offer to the one, its offer to the other, the answer in the ACK."""
        sides = [self.called_by_sipp("3pcc-A", "2012", "4.52"), self.called_by_sipp("3pcc-B", "2013", "4.53")]
        joint = f"127.{world.NET}.4.21:5098"
        second = self.sipp("3pcc-C-B", "4.21", 5066, number="2013", arguments=("-3pcc", joint))
        first = self.sipp("3pcc-C-A", "4.21", 5064, number="2012", arguments=("-3pcc", joint))
        self.assertDone(first, second, *sides)

    def test_an_offer_in_the_200_is_answered_in_the_ack(self):
        """RFC 3261 13.2.1, 3264: from SIPp to a phone, whose audio then flows to where the ACK says."""
        phone, = self.phones("2005")
        self.assertDone(self.sipp("late-offer", "4.21", 5068, number="2005"))
        phone.wait("CALL_CLOSED")

    def test_a_caller_refreshes_its_session_by_update_and_by_re_invite(self):
        phone, = self.phones("2005")
        self.assertDone(self.sipp("refresh", "4.21", 5070, number="2005"))
        phone.wait("CALL_CLOSED")

    def test_ringing_is_acknowledged_and_the_session_changed_before_the_answer(self):
        """RFC 3262 (100rel, PRACK) and RFC 3311 (UPDATE in an early dialog), from end to end."""
        called = self.called_by_sipp("prack-called", "2013", "4.54")
        self.assertDone(self.sipp("prack-caller", "4.21", 5072, number="2013"), called)
