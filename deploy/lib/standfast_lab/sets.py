"""Telephone sets that are as slow as their callers say, and callers who go through a call step by step (SIPp: set.xml, steps.xml), so
that a call can be caught in any state.  What both saw is kept message by message.

States of a caller, in order: calling trying queued ringing answered up asking held back leaving over; of a set: offered ringing
answered up asked referring referred leaving over.  A repeated message never leads back.
"""
import os
import re
import signal

from . import clock
from .peers import SIPP_SCENARIOS, Caller, new_lines

NUMBERS = [str(number) for number in range(1101, 1111)]
AGENTS = {"erin": "1111", "frank": "1112"}     # their phones are sets, too
LEAVES, REFERS = "1109", "1110"                # what these do by themselves: set.xml
QUEUE = "8300"
WAITING = "8301"                               # nobody serves it: its callers hear music, and after a while go on to LEAVES
LINES = "lines"                                # the trunk by which such callers come

UNWATCHED = ["-watchdog_interval", "3600000"]    # how late the machine lets SIPp run is no error of a call

# (way, CSeq or None, method, status or None for the request): the state that it leads to
CALLER_STATES = [
    (("S", 1, "INVITE", None), "calling"), (("R", 1, "INVITE", 100), "trying"), (("R", 1, "INVITE", 182), "queued"),
    (("R", 1, "INVITE", 180), "ringing"), (("R", 1, "INVITE", 200), "answered"), (("S", 1, "ACK", None), "up"),
    (("S", 2, "INVITE", None), "asking"), (("S", 2, "ACK", None), "held"), (("S", 3, "INVITE", None), "back"),
    (("S", 4, "BYE", None), "leaving"), (("R", None, "BYE", None), "leaving"), (("R", 4, "BYE", 200), "over"), (("S", None, "BYE", 200), "over")]
SET_STATES = [
    (("R", None, "INVITE", None), "offered"), (("S", None, "INVITE", 180), "ringing"), (("S", None, "INVITE", 200), "answered"),
    (("R", None, "ACK", None), "up"), (("R", "next", "INVITE", None), "asked"), (("S", None, "REFER", None), "referring"),
    (("R", None, "REFER", 202), "referred"), (("R", None, "BYE", None), "leaving"), (("S", None, "BYE", None), "leaving"),
    (("S", None, "BYE", 200), "over"), (("R", None, "BYE", 200), "over")]


class Story:
    """One side of one call: [(instant, state), ...], each state once."""

    def __init__(self, table):
        self.table = table
        self.states = []
        self.first_cseq = None

    def message(self, at, way, cseq, first_line):
        number, method = re.search(r"(\d+) (\w+)", cseq).groups()
        status = re.match(r"SIP/2.0 (\d+)", first_line)
        seen = (way, int(number), method, int(status.group(1)) if status else None)
        self.first_cseq = self.first_cseq or seen[1]
        reached = self._rank(self.states[-1][1]) if self.states else -1
        for (w, n, m, s), state in self.table:
            wanted = n if isinstance(n, int) else seen[1]
            if (w, wanted, m, s) == seen and self._rank(state) > reached and not (n == "next" and seen[1] == self.first_cseq):
                self.states.append((at, state))
                return

    def _rank(self, state):
        return next(rank for rank, (_, name) in enumerate(self.table) if name == state)

    def at(self, instant=None):
        """The state at INSTANT (now, if not said), or None before the first."""
        return next((state for at, state in reversed(self.states) if instant is None or at <= instant), None)

    def reached(self, state):
        return any(name == state for _, name in self.states)


class Steps(Caller):
    """COUNT calls, each through the steps that KEYS tell (steps.xml), or that the other side wants (follows.xml)."""

    def __init__(self, lab, name, target, number, scenario="steps", **options):
        self.stories = {}    # NAME.N -> Story
        super().__init__(lab, name, target, number, scenario=scenario, more=["-default_behaviors", "all,-abortunexp", *UNWATCHED], **options)

    def _message(self, at, way, call_id, cseq, first_line):
        super()._message(at, way, call_id, cseq, first_line)
        self.stories.setdefault(call_id.split("-")[0], Story(CALLER_STATES)).message(at, way, cseq, first_line)

    def errors(self):
        return said(self._path("errors"))


class Sets:
    """All sets.  They register once, for an hour."""

    def __init__(self, lab):
        self.lab = lab
        self.directory = os.path.join(lab.directory, "sets")
        self.address = lab.net.address("phones")
        self.port = lab.net.sip_port + 400
        self.process = self.registering = self.music = None
        self.offsets = {}
        self.stories = {}    # Call-ID -> Story
        self.callers = {}    # Call-ID -> (NAME.N of its caller, the number that was called)

    def _path(self, name):
        return os.path.join(self.directory, name)

    def _start(self, name, arguments):
        return self.lab.processes.start(
            name, ["sipp", *arguments, *UNWATCHED, "-i", self.address, "-nostdin", "-trace_err", "-error_file", self._path(f"{name}.errors")],
            self._path(f"{name}.screen"), netns=self.lab.net.netns("phones"), orphan_signal=signal.SIGKILL)

    def start(self):
        os.makedirs(self.directory, exist_ok=True)
        numbers = [*NUMBERS, *AGENTS.values()]
        with open(self._path("numbers"), "w") as out:
            out.write("SEQUENTIAL\n" + "".join(
                f"{number};[authentication username={number} password={self.lab.password(number)}]\n" for number in numbers))
        site = self.lab.net.site_address(self.lab.sites[0])
        self.registering = self._start("register", [
            f"{site}:{self.lab.net.sip_port}", "-sf", os.path.join(SIPP_SCENARIOS, "register.xml"), "-p", str(self.port),
            "-inf", self._path("numbers"), "-m", str(len(numbers)), "-r", "100"])
        # The watch of a service asks again under the same Call-ID, which SIPp leaves unanswered while it remembers the call.
        self.music = self._answering("music", self.music_port, 41000, "-deadcall_wait", "0")

    def _answering(self, name, port, media_port, *more):
        return self._start(name, [
            "-sf", os.path.join(SIPP_SCENARIOS, f"{'set' if name == 'sets' else name}.xml"), "-p", str(port), "-mp", str(media_port),
            "-trace_shortmsg", "-shortmessage_file", self._path(f"{name}.messages"),
            "-trace_logs", "-log_file", self._path(f"{name}.offers"), *more])

    @property
    def music_port(self):
        return self.port + 2

    def registered(self):
        return self.process is not None

    def poll(self):
        # A phone is reached where its REGISTER came from: one port, first of the SIPp that registers, then of the one that answers.
        if self.process is None and self.registering is not None and self.registering.exit_status() == 0:
            self.process = self._answering("sets", self.port, 40000)
        for name in ("sets", "music"):
            self._read(name)

    def _read(self, name):
        for line in new_lines(self._path(f"{name}.messages"), self.offsets):
            fields = line.split("\t")
            if len(fields) >= 7:
                self.stories.setdefault(fields[4], Story(SET_STATES)).message(
                    clock.wall_to_mono(float(fields[2])), fields[3], fields[5], fields[6])
        for line in new_lines(self._path(f"{name}.offers"), self.offsets):
            match = re.match(r"OFFERED (\S+) (\S+) (\S+)", line)
            if match:
                self.callers[match.group(1)] = match.group(2, 3)

    def of(self, caller):
        """[(number, story), ...] of the calls that CALLER (NAME.N) made, as sets saw them; "music" is a number, too."""
        return [(self.callers[call_id][1], story) for call_id, story in self.stories.items()
                if self.callers.get(call_id, (None,))[0] == caller]

    def errors(self):
        return [fault for name in ("sets", "register", "music") for fault in said(self._path(f"{name}.errors"))]


def said(path):
    """What SIPp did not expect.  A response that comes again, to a call that is over or that has gone on, is what RFC 3261 has dropped in
    silence (a 200 of an INVITE: acknowledged again; SIPp does so only until it has sent something else)."""
    try:
        with open(path, errors="replace") as source:
            text = source.read()
    except FileNotFoundError:
        return []
    found = []
    for entry in re.split(r"\n(?=\d{4}-\d\d-\d\d)", text):
        if re.search(r"Dead call [^\n]*received '?SIP/2\.0 ", entry) or re.search(r"Continuing call on unexpected [^\n]*received '?SIP/2\.0 200", entry):
            continue
        if entry.strip() and "The following events occurred" not in entry[:60]:
            found.append(entry.strip())
    return found
