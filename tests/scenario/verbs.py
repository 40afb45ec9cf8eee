"""What a scenario can say: verbs, sentences about the world, and what can always hold.  Each is defined once, here.

A verb is a row of VERBS: its forms (regular expressions over the whole line) and the function that does it.  A sentence
is a row of SENTENCES: a form, and a function that answers (true or false, what is seen now).  `expect`, `hold` and `never`
take a sentence and a time.  There is no verb that waits for nothing: a time is always a deadline or a watch.
"""
import re
import time

from standfast_lab import clock, history
from standfast_lab.deployment import QUEUE, ROUTING_POINT
from standfast_lab.net import SITES
from scn import seconds
from words import HOST, SITE, TARGET, TIME, Failed, hosts_of, peer_processes
import faults
import figures
import states

OUT = (None, "logged_out", "not_monitored")   # states of an agent who is not logged in
AGENT = r"(?:ann|bob|carol|dave)"


# -- verbs ---------------------------------------------------------------------------------------------------------

def start(run, target):
    """all: the arbiter and all hosts, then the configuration, then gateway, phones and agents.  Else: what is named."""
    lab = run.lab
    if target in ("all", "arbiter") or target[:4] in SITES:
        run.found()
    if target == "all":
        if lab.arbiter:
            lab.deployment.start("arbiter")
        for host in lab.deployment.hosts:
            lab.deployment.start(host)
        run.import_configuration()
        for part in ("gateway", "phones", "sets", "agents"):
            if part in run.scenario.parts:
                start(run, part)
    elif target == "gateway":
        lab.gateway.start()
    elif target == "phones":
        for phones in lab.phones.values():
            phones.start(**run.phones)
    elif target == "sets":
        lab.sets.start()
    elif target == "agents":
        for agents in lab.agent_processes.values():
            agents.start()
    else:
        for host, program in hosts_of(run, target):
            if program:
                raise Failed(f"{target}: hamgr starts its own programs; start {host}")
            lab.deployment.start(host)


def stop(run, target):
    """SIGTERM: an orderly stop."""
    others = peer_processes(run, target)
    for process in others or []:
        process.terminate()
    for host, program in hosts_of(run, target):
        if program:
            run.lab.deployment.process(host).signal_all(15, program)
        else:
            run.lab.deployment.stop(host)


def call(run, name, via, target, count=None, rate=None, manner="", duration=None):
    """SIPp calls through the gateway (via a site: over its lines for that site): COUNT calls, each for 2 s, for a time, held, until the other side hangs up, or given up."""
    if name in run.lab.callers:
        raise Failed(f"there is a call {name} already")
    options = {"scenario": "caller", "duration": 2.0}
    if manner == "hold":
        options["duration"] = 3600.0
    elif manner == "until released":
        options["scenario"] = "caller-waits"
    elif manner == "gives up after":
        options = {"scenario": "caller-gives-up", "duration": seconds(duration)}
    elif manner == "for":
        options["duration"] = seconds(duration)
    number = {"queue": QUEUE, "main": ROUTING_POINT}.get(target) or run.lab.agents.get(target, target)
    run.lab.call(name, via, number, count=int(count or 1), rate=float(rate or 10), **options)
    run.lab.note("lab", f"call {name} via {via} to {number} count {count or 1} {manner}{duration or ''}")


def _phones_of(run, number):
    for phones in run.lab.phones.values():
        if number in phones.numbers:
            return phones
    raise Failed(f"there is no phone {number}")


def dial(run, number, site, target):
    """A phone calls; it uses the account that it has at SITE."""
    _phones_of(run, number).dial(number, site, run.lab.agents.get(target, target))
    run.lab.note("lab", f"phone {number} dials {target} through {site}")


def release(run, number, site):
    """A phone hangs up the call that it has through SITE."""
    _phones_of(run, number).hang_up(number, site)
    run.lab.note("lab", f"phone {number} hangs up at {site}")


def suspend(run, number, site):
    """A phone puts the call that it has through SITE on hold."""
    _phones_of(run, number).suspend(number, site)
    run.lab.note("lab", f"phone {number} holds at {site}")


def resume(run, number, site):
    """A phone takes its call back from hold."""
    _phones_of(run, number).resume(number, site)
    run.lab.note("lab", f"phone {number} resumes at {site}")


def switchover(run, site, refused=None):
    """hamgr switchover, at the primary of the site."""
    host = run.resolve(f"{site}.primary", remember=True)
    done = run.lab.deployment.hamgr("switchover", site, self_name=host)
    said = (done.stdout + done.stderr).strip()
    run.lab.note("lab", f"switchover {site}: {said}")
    if (done.returncode != 0) != bool(refused):
        raise Failed(f"hamgr switchover {site}: {said}")


def promote(run, site):
    """hamgr site promote, at any host of the site."""
    host = run.lab.deployment.running_hosts(site)[0]
    done = run.lab.deployment.hamgr("site", "promote", site, self_name=host)
    run.lab.note("lab", f"promote {site}: {done.stdout.strip()}{done.stderr.strip()}")
    if done.returncode != 0:
        raise Failed(f"hamgr site promote {site}: {(done.stdout + done.stderr).strip()}")


def expect(run, sentence, within):
    """SENTENCE becomes true within a time."""
    limit = seconds(within)
    truth = run.sentence(sentence)
    began = clock.now()
    seen = ["nothing"]

    def ask():
        true, seen[0] = truth()
        return true
    if not run.lab.wait(ask, limit):
        raise Failed(f"not within {within}{_slow()}; seen: {seen[0]}")
    run.measured(sentence, clock.now() - began)


def hold(run, sentence, time_):
    """SENTENCE is true, and stays true for a time."""
    truth = run.sentence(sentence)
    _watch(run, time_, lambda: truth(), True)


def never(run, sentence, time_):
    """SENTENCE is not true at any look, for a time."""
    truth = run.sentence(sentence)
    _watch(run, time_, lambda: truth(), False)


def _watch(run, time_, ask, wanted):
    began = clock.now()
    end = began + seconds(time_)
    while True:
        run.lab.poll()
        true, seen = ask()
        if true != wanted:
            raise Failed(f"{'no longer true' if wanted else 'true'} after {clock.now() - began:.2f} s; seen: {seen}")
        if clock.now() >= end:
            return
        time.sleep(0.05)


def _slow():
    return f" (x {clock.SLOW:g})" if clock.SLOW != 1 else ""


# name: (usage, function, forms)
VERBS = {
    "start": ("start TARGET", start, [TARGET]),
    "stop": ("stop TARGET", stop, [TARGET]),
    "call": ("call NAME via gateway|SITE to queue|main|AGENT|NUMBER [count N] [rate N] "
             "[for TIME | hold | until released | gives up after TIME]", call,
             [rf"(\w+) via (gateway|{SITE}) to (\w+)(?: count (\d+))?(?: rate (\d+))?"
              rf"(?: (hold|until released|for|gives up after)(?: ({TIME}))?)?"]),
    "dial": ("dial NUMBER through SITE to AGENT|NUMBER", dial, [rf"(\d+) through ({SITE}) to (\w+)"]),
    "release": ("release NUMBER at SITE", release, [rf"(\d+) at ({SITE})"]),
    "suspend": ("suspend NUMBER at SITE", suspend, [rf"(\d+) at ({SITE})"]),
    "resume": ("resume NUMBER at SITE", resume, [rf"(\d+) at ({SITE})"]),
    "switchover": ("switchover SITE [refused]", switchover, [rf"({SITE})(?: (refused))?"]),
    "promote": ("promote SITE", promote, [rf"({SITE})"]),
    "expect": ("expect SENTENCE within TIME", expect, [rf"(.+) within ({TIME})"]),
    "hold": ("hold SENTENCE for TIME", hold, [rf"(.+) for ({TIME})"]),
    "never": ("never SENTENCE for TIME", never, [rf"(.+) for ({TIME})"]),
    **faults.VERBS,
    **states.VERBS,
}


def bind(text):
    """The function of a line, ready to be called with the run.  ValueError says what is wrong with the line."""
    word, _, rest = text.partition(" ")
    if word not in VERBS:
        raise ValueError(f"unknown verb '{word}'; there are {' '.join(VERBS)}")
    usage, function, forms = VERBS[word]
    for form in forms:
        match = re.fullmatch(form, rest)
        if not match:
            continue
        if word in ("expect", "hold", "never"):
            find_sentence(match.group(1))   # refuse it here, while nothing has been started
        if word in ("cut", "lose", "heal") and match.groups():
            for name in re.split(r"[|>]", match.group(2 if word == "lose" else 1)):
                if not re.fullmatch(rf"{SITE}|{HOST}|arbiter|gateway|phones", name):
                    raise ValueError(f"'{name}' is no site and no host")
        if word == "call" and match.group(6) in ("for", "gives up after") and not match.group(7):
            raise ValueError(f"'{match.group(6)}' wants a time")
        if word in ("expect", "hold", "never"):
            return lambda run: function(run, *match.groups())
        return lambda run: function(run, *(group and run.resolve(group, remember=True) for group in match.groups()))
    raise ValueError(f"this is not '{usage}'")


# -- sentences -----------------------------------------------------------------------------------------------------

def has_mode(run, site, mode):
    seen, reason = run.eyes.mode_of(site)
    return seen.upper() == mode, f"{site} is {seen} ({reason})"


def has_primary(run, site):
    host = run.eyes.primary_of(site)
    return host is not None, f"{host} is primary" if host else f"{site} has no primary"


def is_role(run, host, role):
    seen = run.eyes.look(host).role(host)
    return seen == role, f"{host} is {seen}"


def serves_by(run, host, what):
    seen = run.eyes.look(host)
    alone = seen.status.get("last_resort", {}).get("serves", False)
    return seen.role(host) == "primary" and alone == (what == "last resort"), \
        f"{host} is {seen.role(host)}, by {'last resort' if alone else 'a majority'}"


def is_stopped(run, host):
    status = run.lab.deployment.process(host).exit_status()
    return status == 0, f"{host} " + ("runs" if status is None else f"has ended with status {status}")


def is_fenced(run, host):
    up, why_not = run.eyes.look(host).fence()
    return up, f"{host} is fenced" if up else f"{host}: {why_not}"


def arp_answered_by(run, site, host):
    names = {run.lab.net.mac(name): name for name in run.lab.deployment.hosts if name.startswith(site + ".")}
    seen = sorted(names.get(mac, mac) for mac in run.lab.net.arp(site))
    return seen == [host], f"ARP for {site}'s site address is answered by {seen or 'nobody'}"


def writer_at(run, site):
    seen = run.eyes.writer_by(site)
    return seen is not None and seen.startswith(site + "."), f"the writer is {seen or 'nobody'}"


def no_writer_at(run, site):
    hosts = [host for host in run.lab.deployment.running_hosts(site) if run.eyes.look(host).writer() == host]
    return not hosts, f"writers: {hosts}"


def judges(run, site, other, judgement):
    host = run.eyes.primary_of(site)
    if host is None:
        return False, f"{site} has no primary"
    seen, evidence = run.eyes.look(host).judgement(other)
    return seen == judgement, f"{site} judges {other} {seen} ({evidence})"


def agents_at(run, site, state, at):
    """All agents of SITE, as the Stat Server of the primary at AT shows them."""
    seen = {name: run.eyes.agent_state(at, name) for name in run.lab.agent_processes[site].names}
    wanted = {"logged in": lambda s: s not in OUT, "ready": lambda s: s == "ready", "not logged in": lambda s: s in OUT}[state]
    return all(wanted(value) for value in seen.values()), f"at {at}: {seen}"


def phones_registered(run, site, at):
    phones = run.lab.phones[site]
    seen = {number: phones.registered.get((number, at)) for number in phones.numbers}
    return all(seen.values()), f"registered at {at}: {seen}"


def phones_again(run, site, at):
    """Each has registered since the last failure: a phone over TCP or TLS, on a connection of its own making."""
    phones = run.lab.phones[site]
    failed = figures.failures(run.lab.notes)[-1][0]
    away = [number for number in phones.numbers if phones.registered_at.get((number, at), 0) < failed]
    return not away, f"not again at {at}: {away}"


def phone_on_hold(run, number, negation):
    held = number in _phones_of(run, number).held
    return held == (negation is None), f"{number} is {'' if held else 'not '}on hold"


def calls_recorded(run, count, number, site):
    host = run.eyes.primary_of(site)
    found = [record["outcome"] for record in states.records_of(run, host) or [] if record["caller"] == number] if host else None
    return found == ["RELEASED"] * int(count), f"by {host}: {found}"


def records_wait(run, host, negation, reason):
    """`hamgr calls --records` says on stderr how many wait, and why."""
    said = run.lab.deployment.hamgr("calls", "--records", "--since", "1min", self_name=host).stderr.strip()
    waits = "wait" in said and (reason or "") in said
    return waits == (negation is None), f"{host}: {said[:300] or 'none waits'}"


def disk_is(run, host, grade, reason):
    """By hamgr status at the primary of its site: what the host's beats say."""
    primary = run.resolve(f"{host.split('.')[0]}.primary")
    seen = (run.lab.deployment.status(primary) or {}).get("hosts", [])
    disk, why = next(((h["disk"], h["disk_why"]) for h in seen if h["host"] == host), ("unknown", "it is not listed"))
    return disk == grade and (reason or "") in why, f"{host}: the disk is {disk}: {why}"


def gateway_offers(run, negation, site):
    if run.lab.gateway.process is None:
        return False, "there is no gateway"
    marks = run.lab.gateway.marks()
    return marks[site] != (negation == "no calls"), f"the gateway's marks: {marks}"


def next_call(run, site=None):
    """One call, placed at the first look; it must be the one that is answered."""
    caller = run.new_caller("next", "gateway", "queue")

    def ask():
        calls = list(caller.calls.values())
        answered = [call for call in calls if call.answered_by]
        if answered:
            at = run.lab.site_of_address(answered[0].answered_by)
            wait = answered[0].answered - answered[0].asked if answered[0].answered else 0
            return site is None or at == site, f"answered at {at} after {wait:.2f} s"
        return False, f"no answer ({', '.join(str(call.status) for call in calls) or 'not placed yet'})"
    return ask


def call_is(run, name, what, count=None, site=None):
    caller = run.caller(name)
    found = {"answered": caller.answered, "completed": caller.completed, "up": caller.up, "failed": caller.failed,
             "given up": lambda: [c for c in caller.calls.values() if c.status == 487]}[what]()
    if site:
        found = [call for call in found if run.lab.site_of_address(call.answered_by) == site]
    wanted = int(count) if count else caller.count
    return len(found) >= wanted, f"{len(found)} of {wanted} {what}{f' at {site}' if site else ''}"


def call_answered_by(run, name, agent):
    caller = run.caller(name)
    seen = [run.lab.agent_of(run.lab.phone_of_call(call)) for call in caller.answered()
            if run.lab.phone_of_call(call)]
    return agent in seen, f"answered by {seen or 'nobody'}"


def calls_up(run, site):
    """Every call that was up at SITE when the watch began is up still."""
    began = [(caller, call) for caller in run.lab.callers.values() for call in caller.up()
             if run.lab.site_of_address(call.answered_by) == site]

    def ask():
        gone = [call.call_id for _, call in began if call.ended]
        return bool(began) and not gone, f"{len(began)} calls at {site}, gone: {gone}"
    return ask


def call_dropped(run):
    """A call that the other side ended although its caller was to stay or to hang up itself."""
    began = clock.now()

    def ask():
        dropped = [call.call_id for caller in run.lab.callers.values() if caller.scenario == "caller"
                   for call in caller.calls.values()
                   if call.ended and call.ended > began and call.released_by == "callee"]
        return bool(dropped), f"dropped: {dropped}" if dropped else "none dropped"
    return ask


def call_refused(run):
    began = clock.now()

    def ask():
        refused = [f"{call.call_id} {call.status}" for caller in run.lab.callers.values()
                   for call in caller.failed() if call.ended > began and call.status != 487]
        return bool(refused), f"refused: {refused}" if refused else "none refused"
    return ask


def queue_waits(run, site, count):
    seen = run.eyes.queue(site, QUEUE)
    return seen is not None and seen.get("waiting") == int(count), f"queue at {site}: {seen}"


def configuration_readable(run, host):
    done = run.lab.deployment.hamgr("config", "export", self_name=host)
    return done.returncode == 0 and QUEUE in done.stdout, (done.stderr or done.stdout).strip()[:200]


def configuration_writable(run, site):
    hosts = run.lab.deployment.running_hosts(site)
    if not hosts:
        return False, f"no host of {site} runs"
    done = run.lab.deployment.hamgr("config", "import", run.lab.deployment.configuration_file, self_name=hosts[0])
    return done.returncode == 0, (done.stdout + done.stderr).strip()[:200]


def phone_in_call(run, number, count):
    phones = _phones_of(run, number)
    seen = [peer for dn, peer in phones.calls.values() if dn == number]
    return len(seen) == int(count), f"{number} is in calls with {seen}"


# (form, function, what it means); a function may return a function, which is then asked at each look.
SENTENCES = [
    (rf"({SITE}) mode (STANDALONE|SINGLE|PEERED)", has_mode, "the primary of the site says so"),
    (rf"({SITE}) has a primary", has_primary, "one of its hosts says it is primary"),
    (rf"({HOST}) is (primary|backup|silent)", is_role, "the host says so; silent: it does not answer"),
    (rf"({HOST}) is stopped", is_stopped, "its hamgr has ended, in good order"),
    (rf"({HOST}) is fenced", is_fenced, "its kernel passes nothing from the site address without the lease"),
    (rf"ARP for ({SITE}) answered by ({HOST}) alone", arp_answered_by, "the site address, asked for on the site's network"),
    (rf"({HOST}) serves by (last resort|a majority)", serves_by, "it is primary, and whether a majority stands behind it"),
    (rf"writer at ({SITE})", writer_at, "the configuration writer is a host of the site"),
    (rf"no writer at ({SITE})", no_writer_at, "no host of the site thinks it is the writer"),
    (rf"({SITE}) judges ({SITE}) (up|silent|dead|cut)", judges, "hamgr's judgement of the other site"),
    (rf"agents of ({SITE}|sets) (logged in|not logged in|ready) at ({SITE})", agents_at, "all of them, by the Stat Server"),
    (rf"phones of ({SITE}) registered at ({SITE})", phones_registered, "as the phones themselves see it"),
    (rf"phones of ({SITE}) registered again at ({SITE})", phones_again, "since the last failure, all of them"),
    (r"phone (\d+) is (not )?on hold", phone_on_hold, "by the other party, as the phone itself sees it"),
    (rf"(\d+) calls? of phone (\d+) recorded at ({SITE})", calls_recorded, "at the primary there, each released in order"),
    (rf"records of ({HOST}) (don't )?wait(?:, because of '([^']+)')?", records_wait, "by hamgr calls --records there"),
    (rf"disk of ({HOST}) is (good|slow|failing)(?:, because of '([^']+)')?", disk_is, "by hamgr status at the primary"),
    (rf"gateway offers (calls|no calls) to ({SITE})", gateway_offers, "as Kamailio itself says"),
    (rf"next call answered(?: at ({SITE}))?", next_call, "one call via the gateway to the queue"),
    (rf"call (\w+) (answered|completed|up|failed|given up)(?: (\d+))?(?: at ({SITE}))?", call_is,
     "so many of its calls (all, if not said), by its caller"),
    (rf"call (\w+) answered by ({AGENT})", call_answered_by, "one of its calls, by the phone"),
    (rf"calls of ({SITE}) up", calls_up, "all that were up when the watch began"),
    (r"a call dropped", call_dropped, "by the other side, though the caller was to stay"),
    (r"a call refused", call_refused, "with a final status that is no success"),
    (rf"queue at ({SITE}) has (\d+) waiting", queue_waits, "by the Stat Server"),
    (rf"configuration readable at ({HOST})", configuration_readable, "hamgr config export there"),
    (rf"configuration writable at ({SITE})", configuration_writable, "hamgr config import there"),
    (r"phone (\d+) in (\d+) calls?", phone_in_call, "as the phone itself sees it"),
    *states.SENTENCES,
]


def find_sentence(text):
    for form, function, _ in SENTENCES:
        match = re.fullmatch(form, text)
        if match:
            return function, match.groups()
    raise ValueError(f"'{text}' is no sentence known; see run --verbs")


# -- always --------------------------------------------------------------------------------------------------------

def at_most_one_primary(run, records, lives):
    return history.check_one_primary(records, lives)


def at_most_one_writer(run, records, lives):
    return history.check_one_writer(records, lives)


def only_the_primary_speaks(run, records, lives):
    """From the captures of all hosts."""
    spans = history.serving_spans(records, lives)
    faults, looked_at = [], 0
    for site in run.lab.sites:
        hosts = [f"{site}.1", f"{site}.2"]
        packets = history.site_packets(run.lab.directory, hosts, run.lab.net.site_address(site))
        found, count = history.check_site_address(packets, spans.get(site, []))
        faults += found
        looked_at += count
        for old, last, new, first in history.handovers(packets)[:4]:   # more of them are a fault, told above
            run.lab.notes.add(first, "check", f"{site}: last packet of {old} at {last:.6f}, first of {new} at {first:.6f}")
            run.measured(f"{site}: from the last packet of {old} to the first of {new}", first - last)
    return faults, looked_at


def frozen_hosts_are_silent(run, records, lives):
    """From the captures of all hosts, ARP among them."""
    granted = history.grants(records)
    ttl = seconds(run.lab.deployment.timeouts["lease-ttl"])
    faults, looked_at = [], 0
    for site in run.lab.sites:
        hosts = [f"{site}.1", f"{site}.2"]
        packets = history.site_packets(run.lab.directory, hosts, run.lab.net.site_address(site), arp=True)
        frozen = {host: lives.frozen.get(host, []) for host in hosts}
        found, count = history.check_silence(packets, frozen, granted, ttl)
        faults += found
        looked_at += count
    return faults, looked_at


# sentence: function (run, records, lives) -> (faults, how much it looked at)
ALWAYS = {
    "at most one primary per site": at_most_one_primary,
    "at most one configuration writer": at_most_one_writer,
    "only the primary speaks from the site address": only_the_primary_speaks,
    "a frozen host is silent at the site address after its lease": frozen_hosts_are_silent,
    **states.ALWAYS,
}
