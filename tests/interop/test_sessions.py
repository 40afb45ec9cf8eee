"""A call that outlasts its session timer.  Run by test_peers.py: the call begins first and is looked at last."""
import time

import world
from world import Calls


class Sessions(Calls):
    def test_a_call_of_phones_without_session_timers_is_refreshed_by_the_server_and_stays(self):
        """RFC 4028 7.2, 9: baresip knows no timers, so that the server refreshes both sides, by re-INVITE (no UPDATE in Allow)."""
        time.sleep(max(0.0, world.long_call_began + world.SESSION_EXPIRES * 2 / 3 + 1 - time.monotonic()))
        phones = world.start(*world.LONG_CALL)
        for phone in phones:
            self.assertEqual([state for _, state, _ in phone.calls()], ["ESTABLISHED"], phone.number)
            self.assertGreaterEqual(phone.traced().count("Session-Expires: "), 2, "one by the first INVITE, one by the refresh")
        self.assertTalk(*phones)
        phones[0].command("hangup")
        phones[1].wait("CALL_CLOSED")
