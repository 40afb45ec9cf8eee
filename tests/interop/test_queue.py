"""A queue with music, real phones on all sides: a media server that plays, a caller who waits, a phone that takes the call.  Run by
test_peers.py."""
import time

import world
from world import Calls, until

TALK = 0.8       # seconds of speech where somebody listens for it


class Queue(Calls):
    def test_a_waiting_caller_hears_the_music_until_a_phone_takes_the_call(self):
        music, caller, taker = self.phones(world.MUSIC, "2001", "2002")
        caller.dial("8500")
        caller.wait("CALL_ESTABLISHED")              # by the service, at once
        music.wait("CALL_ESTABLISHED")
        time.sleep(TALK)
        taker.wait("CALL_INCOMING")                  # the call has waited long enough and overflows
        self.assertTalk(caller, music, 0.4)          # the music goes on meanwhile
        taker.command("accept")
        taker.wait("CALL_ESTABLISHED")
        music.wait("CALL_CLOSED")
        self.assertTalk(caller, taker)
        self.assertEqual([len(phone.calls()) for phone in (music, caller, taker)], [0, 1, 1])
        self.release(caller, taker)
        self.assertHears(caller, world.PHONES[world.MUSIC][1])
        self.assertHears(caller, world.PHONES["2002"][1])
        self.assertHears(taker, world.PHONES["2001"][1])

    def test_a_caller_who_leaves_the_music_leaves_nothing_behind(self):
        music, caller = self.phones(world.MUSIC, "2001")
        caller.dial("8500")
        caller.wait("CALL_ESTABLISHED")
        music.wait("CALL_ESTABLISHED")
        caller.command("hangup")
        music.wait("CALL_CLOSED")
        until(lambda: not caller.calls(), text="released")
