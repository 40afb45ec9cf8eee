"""How long a service is away when a process, a host or a link dies: a pair of ours, and keepalived (VRRP) in the same namespaces.

The gateway, in another network, asks every 10 ms (tools/gapprobe.c): ours a SIP OPTIONS at the site address, beside keepalived a
number of an echo server at the address that it moves.  The gap is the longest time between two answers, so about 10 ms when
nothing happens.  The next blow falls only when the pair is whole again: by `hamgr status --json` of both hosts, by the state and
the addresses of keepalived; then at a random moment within a second.
"""
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time

from standfast_lab import clock, history
from standfast_lab.lab import Lab
from standfast_lab.net import Namespaces, namespaces_possible
from table import NotMeasured, Table, describe_machine, say

SITE, HOSTS = "east", ("east.1", "east.2")
CLIENT = "gateway"        # a trunk: strangers may not ask so often
INTERVAL_MS = 10
WHOLE_LIMIT = 60          # seconds
ECHO_PORT = 9000
PREFIX_LENGTH = 24
# A process that ends ten times a minute is a crash loop, and moves of the role that often are flapping; here each blow is to be
# the first one.
TIMEOUTS = {"start-limit-interval": "1s", "anti-flap-window": "1s"}
CALM = 1.1                # seconds between two blows at the least, so that the one before is forgotten
GOALS_MS = {"process": 150, "host": 1200}
BLOWS = ("process", "host", "link", "hamgr")
PARTS = (*BLOWS, "loaded", "fast", "keepalived")


class Prober:
    """The client of one service."""

    def __init__(self, lab, kind, address, port):
        argv = ["nsenter", f"--net=/run/netns/{lab.net.netns(CLIENT)}", "--", lab.program("gapprobe"), kind, address, str(port),
                str(INTERVAL_MS), str(port)]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def report(self):
        """What it saw since the last report."""
        self.process.stdin.write("report\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise NotMeasured("the prober has ended")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait(5)


def await_(lab, what, condition, limit=WHOLE_LIMIT):
    seen = lab.wait(condition, limit)
    if not seen:
        raise NotMeasured(f"{what}: not within {limit} s")
    return seen


def at_once(*processes):
    """A host dies as a whole: none of its processes may see another one die, and act on it, as keepalived's do."""
    for process in processes:
        process.signal_all(signal.SIGSTOP)


# -- ours ------------------------------------------------------------------------------------------------------


class Standfast:
    """One pair with the arbiter as its witness."""

    def __init__(self, lab, name="standfast"):
        self.lab = lab
        self.name = name
        self.deployment = lab.deployment
        self.prober = None

    def start(self):
        self.deployment.found()
        self.deployment.start("arbiter")
        for host in HOSTS:
            self.deployment.start(host)
        said = [""]

        def imported():
            done, said[0] = self.lab.import_configuration()
            return done
        if not self.lab.wait(imported, WHOLE_LIMIT):
            raise NotMeasured(f"the configuration was not accepted: {said[0]}")
        self.prober = Prober(self.lab, "sip", self.lab.net.site_address(SITE), self.lab.net.sip_port)
        self.whole()
        self.prober.report()

    def components(self, host):
        """{name: entry} of HOST, by its own hamgr."""
        return {entry["component"]: entry for entry in (self.deployment.status(host) or {}).get("components", [])}

    def primary(self):
        """The host that says of itself that it is primary."""
        for host in HOSTS:
            status = self.deployment.status(host) or {}
            if any(entry["host"] == host and entry["role"] == "PRIMARY" for entry in status.get("hosts", [])):
                return host
        return None

    def is_whole(self):
        """Both hosts see each other, are well and ready, and one of them is primary."""
        primaries = set()
        for host in HOSTS:
            status = self.deployment.status(host)
            if status is None or not all(entry["state"] == "READY" and entry["connected"] for entry in status["components"]):
                return False
            seen = {entry["host"]: entry for entry in status["hosts"] if entry["host"] in HOSTS}
            if not all(entry["alive"] and entry["ready"] and entry["health"] == "good" for entry in seen.values()):
                return False
            primaries.add(tuple(name for name, entry in seen.items() if entry["role"] == "PRIMARY"))
        return len(primaries) == 1 and len(next(iter(primaries))) == 1

    def whole(self):
        await_(self.lab, "the pair is whole", self.is_whole)

    def moved(self, old):
        other = next(host for host in HOSTS if host != old)
        await_(self.lab, f"{other} is primary", lambda: any(
            entry["host"] == other and entry["role"] == "PRIMARY" for entry in (self.deployment.status(other) or {}).get("hosts", [])))

    def kill(self, host):
        at_once(self.deployment.process(host))
        self.deployment.kill(host)

    def process(self):
        """The SIP server of the primary is killed."""
        host = self.primary()
        pid = self.components(host)["sipserver"]["pid"]
        yield
        os.kill(pid, signal.SIGKILL)
        await_(self.lab, "another SIP server is there", lambda: any(
            self.components(name).get("sipserver", {}).get("pid") not in (pid, 0, None) for name in (host,)))

    def hamgr(self):
        """hamgr of the primary is killed; its components go with it."""
        host = self.primary()
        yield
        self.deployment.kill(host, "hamgr")
        self.moved(host)
        self.deployment.kill(host)
        self.deployment.start(host)

    def host(self):
        """All processes of the primary are killed."""
        host = self.primary()
        yield
        self.kill(host)
        self.moved(host)
        self.deployment.start(host)

    def link(self):
        """The primary's link goes down; its processes live on."""
        host = self.primary()
        yield
        self.lab.net.unplug(host)
        self.moved(host)
        self.lab.net.plug(host)

    def fence(self):
        """What the fences of both hosts have cost: (renewals, slow, late, refused, slowest in us)."""
        fences = [(self.deployment.status(host) or {}).get("fence", {}) for host in HOSTS]
        sums = [sum(fence.get(name, 0) for fence in fences) for name in ("renewals", "slow", "late", "failed")]
        return (*sums, max(fence.get("slowest_us", 0) for fence in fences))

    def grants(self, since):
        """How often a host of the pair was granted the role since then."""
        records = history.read_logs(self.lab.log_directory)
        return sum(at >= since for moments in history.grants(records).values() for at in moments)

    def stop(self):
        self.prober.close()
        for host in HOSTS:
            self.deployment.stop(host)
        await_(self.lab, "both hosts have stopped", lambda: not self.deployment.running_hosts())


# -- keepalived ------------------------------------------------------------------------------------------------

CONFIGURATION = """global_defs {{
  router_id {host}
  vrrp_version 3
  vrrp_garp_master_repeat 3
}}
vrrp_instance site {{
  state BACKUP
  nopreempt
  interface eth0
  virtual_router_id 51
  priority {priority}
  advert_int {advert}
  virtual_ipaddress {{
    {address}/{prefix} dev eth0
  }}
}}
"""


class Keepalived:
    """Two hosts with an echo server each; VRRP moves the address.  It judges hosts: for the death of a process that it
    does not know it has no counterpart."""

    def __init__(self, lab, advert):
        self.lab = lab
        self.advert = advert
        self.name = f"keepalived-{advert:g}s"
        self.address = lab.net.site_address(SITE)
        self.parts = {}     # host -> its Processes
        self.logs = {}
        self.starts = 0
        self.prober = None

    def start(self):
        for host in HOSTS:
            self.start_host(host)
        self.prober = Prober(self.lab, "echo", self.address, ECHO_PORT)
        self.whole()
        self.prober.report()

    def start_host(self, host):
        self.starts += 1
        base = os.path.join(self.lab.directory, f"keepalived.{self.starts}")
        with open(base + ".conf", "w") as out:
            out.write(CONFIGURATION.format(host=host, priority=150 if host == HOSTS[0] else 100, advert=self.advert,
                                           address=self.address, prefix=PREFIX_LENGTH))
        self.logs[host] = base + ".log"
        netns = self.lab.net.netns(host)
        self.parts[host] = [
            self.lab.processes.start(f"echo-{host}", [self.lab.program("gapprobe"), "serve", str(ECHO_PORT)], base + ".echo",
                                     netns=netns),
            self.lab.processes.start(f"keepalived-{host}", ["keepalived", "-n", "-l", "-P", "-f", base + ".conf", "-p",
                                                            base + ".pid", "-r", base + ".vrrp.pid"], base + ".log", netns=netns)]

    def state(self, host):
        """What keepalived of HOST last said that it is."""
        with contextlib.suppress(FileNotFoundError), open(self.logs[host], errors="replace") as log:
            states = [line.split("Entering ")[1].split()[0] for line in log if "Entering " in line]
            return states[-1] if states else None
        return None

    def has_address(self, host):
        return f" {self.address}/" in self.lab.net.show_addresses(host)

    def is_whole(self):
        states = {host: self.state(host) for host in HOSTS}
        return sorted(map(str, states.values())) == ["BACKUP", "MASTER"] and all(
            self.has_address(host) == (state == "MASTER") for host, state in states.items())

    def whole(self):
        await_(self.lab, "keepalived is whole", self.is_whole)

    def master(self):
        return next(host for host in HOSTS if self.state(host) == "MASTER")

    def moved(self, old):
        other = next(host for host in HOSTS if host != old)
        await_(self.lab, f"{other} is MASTER", lambda: self.state(other) == "MASTER" and self.has_address(other))

    def kill(self, host):
        parts = self.parts.pop(host)
        at_once(*parts)
        for part in parts:
            part.kill()

    def drop_address(self, host):
        if self.has_address(host):
            self.lab.net.del_address(host, f"{self.address}/{PREFIX_LENGTH}")

    def host(self):
        """All processes of the master's host are killed."""
        host = self.master()
        yield
        self.kill(host)
        self.moved(host)
        self.drop_address(host)
        self.start_host(host)

    def link(self):
        """The master's link goes down; its processes live on."""
        host = self.master()
        yield
        self.lab.net.unplug(host)
        self.moved(host)
        self.lab.net.plug(host)

    def stop(self):
        self.prober.close()
        for host in list(self.parts):
            self.kill(host)
            self.drop_address(host)


# -- the measurement -------------------------------------------------------------------------------------------


def percentile(values, part):
    """Nearest rank: one of the values."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * part // 100) - 1)]


def blow(pair, case, random_):
    """One blow, and the gap that the client saw, in ms."""
    pair.whole()
    steps = getattr(pair, case)()
    next(steps)                              # who is to be hit is known, and nothing has happened yet
    time.sleep(CALM + random_.random())      # at no special moment of anybody's intervals
    before = pair.prober.report()
    if before["answered"] == 0 or before["gap"] > 0.5:
        raise NotMeasured(f"{pair.name}: the service was away before the blow: {before}")
    with contextlib.suppress(StopIteration):
        next(steps)
    pair.whole()
    seen = pair.prober.report()
    if seen["answered"] == 0:
        raise NotMeasured(f"{pair.name}, {case}: no answer came after the blow")
    return seen["gap"] * 1000, seen


def blows(table, pair, case, options, random_):
    """Returns the gaps."""
    gaps = []
    for number in range(options.kills):
        gap, seen = blow(pair, case, random_)
        gaps.append(gap)
        say(f"# {pair.name} {case} {number + 1}: {gap:.0f} ms, {seen['sent'] - seen['answered']} of {seen['sent']} unanswered"
            + (f", {seen['other']} answered by {seen['said']}" if seen["other"] else ""))
    for name, value in (("p50", percentile(gaps, 50)), ("p99", percentile(gaps, 99)), ("max", max(gaps))):
        if pair.name == "standfast" and name == "p99" and case in GOALS_MS:
            table.result(f"failover.{pair.name}.{case}.{name}", value, "ms", "<=", GOALS_MS[case])
        else:
            table.value(f"failover.{pair.name}.{case}.{name}", value, "ms")
    return gaps


def spurious(table, pair, seconds):
    """Both cores loaded, nothing dies: nobody may take over."""
    pair.whole()
    pair.prober.report()
    began = clock.now()
    stress = pair.lab.processes.start("stress", ["stress-ng", "--cpu", "2", "--timeout", f"{seconds}s", "--quiet"],
                                      os.path.join(pair.lab.directory, "stress.out"))
    stress.popen.wait(seconds + 60)
    if stress.exit_status() != 0:
        raise NotMeasured(f"stress-ng ended with status {stress.exit_status()}: {' '.join(stress.log_tail(2))}")
    took, seen = clock.now() - began, pair.prober.report()
    pair.whole()
    name = f"failover.{pair.name}.loaded"
    table.value(f"{name}.time", took, "s")
    table.value(f"{name}.gap", seen["gap"] * 1000, "ms")
    table.value(f"{name}.unanswered", max(0, seen["sent"] - seen["answered"]), "requests")
    if pair.name == "standfast":
        table.result(f"{name}.switchovers", pair.grants(began), "times", "<=", 0)
    else:
        table.value(f"{name}.switchovers", pair.grants(began), "times")


def measure_ours(lab, name, parts, table, options, random_):
    """{case: gaps}"""
    pair = Standfast(lab, name)
    pair.start()
    seen = {case: blows(table, pair, case, options, random_) for case in BLOWS if case in parts}
    if "loaded" in parts:
        spurious(table, pair, options.load_seconds)
    for what, value in zip(("renewals", "slow", "late", "refused", "slowest"), pair.fence()):
        table.value(f"failover.{name}.fence.{what}", value, "us" if what == "slowest" else "times")
    pair.stop()
    return seen


def measure_theirs(lab, advert, table, options, random_):
    peer = Keepalived(lab, advert)
    peer.start()
    gaps = {case: blows(table, peer, case, options, random_) for case in ("host", "link")}
    peer.stop()
    return gaps


def measurements(labs, table, options, parts):
    random_ = random.Random(options.seed)
    usual, fast = {}, {}
    if {*BLOWS, "loaded"} & set(parts):
        usual = measure_ours(labs("default"), "standfast", parts, table, options, random_)
    if "fast" in parts:
        fast = measure_ours(labs("fast"), "standfast-fast", ("host", "link", "loaded"), table, options, random_)
    theirs = labs("default", "keepalived") if "keepalived" in parts else None
    for advert, ours, name in ((1, usual, "standfast"), (0.1, fast, "standfast-fast")):
        if not theirs:
            break
        gaps = measure_theirs(theirs, advert, table, options, random_)
        for case in gaps:
            if case in ours:
                ratio = percentile(ours[case], 50) / percentile(gaps[case], 50)
                table.result(f"failover.{name}.{case}.p50", ratio, f"of_keepalived-{advert:g}s", "<=", 1)


def measure(options):
    needed = [name for name in ("keepalived", "stress-ng") if not shutil.which(name)]
    if needed or not namespaces_possible() or not os.path.exists(os.path.join(options.bin, "gapprobe")):
        say(f"# needs root, ip, nft, a release build (tests/run bench failover makes it) {' '.join(needed)}")
        return 1
    if not 1 <= options.kills <= 100 or not 1 <= options.load_seconds <= 3600:
        say("# --kills: 1 to 100; --load-seconds: 1 to 3600")
        return 1
    parts = options.parts.split(",") if options.parts else PARTS
    if not set(parts) <= set(PARTS):
        say(f"# --parts: some of {','.join(PARTS)}")
        return 1
    describe_machine(("keepalived", "--version"))
    directory = tempfile.mkdtemp(prefix="sffail.")
    made = []

    def labs(profile, name=None):
        """One after the other, each with namespaces of its own."""
        for lab in made:
            lab.down()
        folder = os.path.join(directory, name or profile)
        os.mkdir(folder)
        made[:] = [Lab(folder, Namespaces(f"sff{os.getpid()}", os.path.join(options.bin, "wanlink")), options.bin, sites=(SITE,),
                       timeouts=TIMEOUTS, profile=profile)]
        made[0].up()
        return made[0]
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    try:
        measurements(labs, Table(), options, parts)
        say(f"# took {time.monotonic() - began:.0f} s; load after {os.getloadavg()[0]:.1f}")
        return 0
    except (NotMeasured, RuntimeError) as why:
        say(f"# not measured: {why}")
        return 1
    finally:
        for lab in made:
            lab.down()
        if options.keep:
            say(f"# kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
