"""Lab: one deployment with its peers, its notes and its end."""
import contextlib
import os
import re
import time

from . import clock, history, peers
from . import sets as telephone_sets
from .deployment import Deployment
from .proc import Processes

CALLS_NOTED_MAX = 20
VISITOR, GUEST = "1009", "1010"     # phones without an agent, where there is music: the lab's own, and one for a person
AGENTS_OF = {"east": {"ann": "1001", "bob": "1002"}, "west": {"carol": "1003", "dave": "1004"}}


def _is_report(path):
    with open(path, errors="replace") as source:
        text = source.read()
    return "ERROR: " in text or "runtime error: " in text or "SUMMARY: " in text


class Lab:
    def __init__(self, directory, net, bin_dir, sites=("east", "west"), arbiter=True, timeouts=None, options=None,
                 captures=False, on_note=None, site_fields=None, profile=None, music=False, sets=False):
        self.directory = directory
        self.net = net
        self.bin_dir = bin_dir
        self.sites = list(sites)
        self.arbiter = arbiter
        self.agents = {agent: number for site in self.sites for agent, number in AGENTS_OF[site].items()}
        self.agent_http_port = net.http_port - 1010   # 8080 beside 9090
        self.log_directory = os.path.join(directory, "log")
        os.makedirs(self.log_directory, exist_ok=True)
        self.processes = Processes()
        self.deployment = Deployment(self, timeouts, options, site_fields, profile)
        self.gateway = peers.Gateway(self)
        self.phones = {site: peers.Phones(self, site, list(AGENTS_OF[site].values()), index)
                       for index, site in enumerate(self.sites)}
        self.music = peers.Music(self, len(self.sites)) if music else None
        self.visitor = peers.Visitor(self, "visitor", [VISITOR], len(self.sites) + 1) if music else None
        self.agent_processes = {site: peers.Agents(self, site, list(AGENTS_OF[site])) for site in self.sites}
        self.sets = telephone_sets.Sets(self) if sets else None     # they and their agents belong to the first site
        if sets:
            self.agent_processes["sets"] = peers.Agents(self, self.sites[0], telephone_sets.AGENTS, "sets")
        self.callers = {}
        self.notes = history.Notes()
        self.captures = captures
        self.on_note = on_note
        self.listeners = []      # fn(kind, caller, call): "answered", "failed", "released"
        self.answers = []        # (instant, number, site, peer) as the phones saw them
        self.imported = False
        self.ending = float("inf")   # when the teardown began

    # -- small things the parts need -------------------------------------------------------------------------

    def program(self, name):
        return os.path.join(self.bin_dir, name)

    @staticmethod
    def password(name):
        return f"phone-{name}" if name.isdigit() else f"agent-{name}"

    def environment(self):
        report = os.path.join(self.directory, "sanitizer")
        return {"STANDFAST_LOG_DIR": self.log_directory,
                "ASAN_OPTIONS": f"log_path={report}:detect_leaks=1:abort_on_error=0",
                "LSAN_OPTIONS": "report_objects=1",
                "UBSAN_OPTIONS": f"log_path={report}:print_stacktrace=1"}

    def note(self, kind, text, at=None):
        self.notes.add(clock.now() if at is None else at, kind, text)
        if self.on_note:
            self.on_note(kind, text)

    def agent_of(self, number):
        return next((agent for agent, dn in self.agents.items() if dn == number), number)

    def site_of_address(self, address):
        return next((site for site in self.sites if self.net.site_address(site) == address), None)

    # -- what peers report -----------------------------------------------------------------------------------

    def phone_answered(self, number, site, peer):
        self.answers.append((clock.now(), number, site, peer))
        self.note("phone", f"{number} ({self.agent_of(number)}) answered {peer} through {site}")

    def phone_of_call(self, call):
        """The number of the phone that answered CALL, by the calling number that the phone was shown."""
        match = re.match(r"(.+)\.(\d+)-", call.call_id)
        peer = f"{match.group(1)}.{match.group(2)}" if match else call.call_id
        return next((number for _, number, _, shown in self.answers if shown == peer), None)

    def _tell(self, kind, caller, call):
        for listener in self.listeners:
            listener(kind, caller, call)

    def _note_call(self, caller, text):
        """Only the first calls of a caller are notes; a stream of hundreds would hide the story."""
        caller.noted += 1
        if caller.noted <= CALLS_NOTED_MAX:
            self.note("call", text)
        elif caller.noted == CALLS_NOTED_MAX + 1:
            self.note("call", f"{caller.name}: further calls are in {caller.directory}/messages")

    def call_answered(self, caller, call):
        self._note_call(caller, f"{call.call_id} answered at {self.site_of_address(call.answered_by) or call.answered_by}")
        self._tell("answered", caller, call)

    def call_failed(self, caller, call):
        self._note_call(caller, f"{call.call_id} ended with {call.status}")
        self._tell("failed", caller, call)

    def call_released(self, caller, call):
        self.note("call", f"{call.call_id} released by the other side")
        self._tell("released", caller, call)

    # -- life ------------------------------------------------------------------------------------------------

    def up(self):
        self.net.up(self.processes, self.directory)
        if self.captures:
            for host in self.deployment.hosts:
                self._capture(host)

    def _capture(self, host):
        history.capture(self.processes, self.net, host, self.directory)

    def import_configuration(self):
        """hamgr config import at any host that runs.  Returns (done, what hamgr said)."""
        said = "no host runs"
        for host in self.deployment.running_hosts():
            done = self.deployment.hamgr("config", "import", self.deployment.configuration_file, self_name=host)
            said = (done.stdout + done.stderr).strip()
            if done.returncode == 0:
                self.imported = True
                self.note("lab", f"configuration imported at {host}")
                return True, said
        return False, said

    def call(self, name, via, number, **options):
        """VIA: "gateway", which chooses the site, or a site: then over the gateway's lines for that site alone."""
        entry = 0 if via == "gateway" else 1 + self.sites.index(via)
        target = f"{self.net.address('gateway')}:{self.net.sip_port + entry}"
        caller = peers.Caller(self, name, target, number, index=len(self.callers), **options)
        self.callers[name] = caller
        return caller

    def _baresips(self):
        return [*self.phones.values(), *filter(None, (self.music, self.visitor))]

    def poll(self):
        self.processes.reap()
        for phones in self._baresips():
            phones.poll()
        for peer in [*self.callers.values(), *filter(None, [self.sets])]:
            peer.poll()

    def wait(self, condition, seconds, interval=0.05):
        """Poll until CONDITION() is true, at most SECONDS (times SCN_SLOW).  Returns its last value."""
        end = clock.deadline(seconds)
        while True:
            self.poll()
            value = condition()
            if value or clock.now() >= end:
                return value
            time.sleep(interval)

    def sanitizer_reports(self):
        """Files that a sanitizer wrote, but for those of a leak check that was itself killed.  UBSan writes to stderr, whatever its
        options say, when it shares a program with ASan."""
        hosts = {f"{host}.out" for host in [*self.deployment.hosts, "arbiter"]}
        paths = sorted(os.path.join(self.directory, name) for name in os.listdir(self.directory)
                       if name.startswith("sanitizer.") or name in hosts)
        return [path for path in paths if _is_report(path)]

    def down(self):
        """Stop everything; returns what had to be killed because it did not stop by itself."""
        stubborn = []
        try:
            self.deployment.unstall_all()   # who waits for a disk cannot be killed
            for peer in [*self.callers.values(), *self._baresips(), *filter(None, [self.sets])]:
                if peer.process and peer.process.running():
                    peer.process.kill()     # SIPp and baresip would first say good-bye to servers that go, too
            stubborn = self.processes.stop_all(patience=8 * clock.SLOW)
        finally:
            self.net.down()
            with contextlib.suppress(OSError):
                self.deployment.unmount()
        return stubborn
