"""What a scenario can say about calls that are caught in every state (verbs.py has everything else).

A row of STATES is a state in which a call can be when something fails: the number that is called, how slow the telephone set is (until it
rings, answers, answers a re-INVITE, answers a BYE) and the caller (from the 200 to the ACK, up, held), and by what both are
known to be in it.
"""
import json

from standfast_lab import clock, sets

LONG, SHORT = 3000, 300    # ms: a failure and what follows it fit in; a step that is passed through

#  name          called   the set's patience       the caller's                                     the caller's state  the set's
STATES = {
    "trying":    ("1101", (LONG, 0, 0, 0),         {"unacked": 0, "up": SHORT, "held": 0},          "trying",           "offered"),
    "ringing":   ("1102", (0, LONG, 0, 0),         {"unacked": 0, "up": SHORT, "held": 0},          "ringing",          "ringing"),
    "unacked":   ("1103", (0, SHORT, 0, 0),        {"unacked": LONG, "up": SHORT, "held": 0},       "answered",         None),
    "up":        ("1104", (0, SHORT, 0, 0),        {"unacked": 0, "up": LONG, "held": 0},           "up",               "up"),
    "held":      ("1105", (0, 0, 0, 0),            {"unacked": 0, "up": SHORT, "held": LONG},       "held",             "asked"),
    "reinvite":  ("1106", (0, 0, LONG, 0),         {"unacked": 0, "up": SHORT, "held": SHORT},      "asking",           "asked"),
    "bye":       ("1107", (0, 0, 0, LONG),         {"unacked": 0, "up": SHORT, "held": 0},          None,               "leaving"),
    "queue":     (sets.QUEUE, (0, LONG, 0, 0),     {"unacked": 0, "up": SHORT, "held": 0},          None,               None),
}
EACH = 3          # calls in each state
QUEUED = 4        # calls to the queue: one is offered to each agent, the others wait


def _start(run, name, site, number, patience, keys, count, rate):
    lab = run.lab
    if lab.sets is None:
        raise RuntimeError("the scenario has no sets: say so in its line of sites")
    target = f"{lab.net.site_address(site)}:{lab.net.sip_port}"
    lab.callers[name] = sets.Steps(lab, name, target, number, count=count, rate=rate, index=len(lab.callers),
                                   keys={"patience": ".".join(map(str, patience)), **keys})


def states(run, name, site):
    """Calls to SITE that come to rest in every state of STATES, some in each."""
    run.groups[name] = [f"{name}{state}" for state in STATES]
    for state, (number, patience, keys, _, _) in STATES.items():
        _start(run, f"{name}{state}", site, number, patience, keys, QUEUED if state == "queue" else EACH, 50)
    run.lab.note("lab", f"states {name} at {site}")


def talk(run, name, site, count, rate, duration):
    """COUNT calls of DURATION to telephone sets of SITE, RATE a second."""
    run.groups[name] = [name]
    _start(run, name, site, "1108", (0, 100, 0, 0), {"unacked": 0, "up": int(duration * 1000), "held": 0}, int(count), float(rate))
    run.lab.note("lab", f"talk {name} at {site} count {count} rate {rate}")


def acknowledge(run, site):
    """hamgr acknowledge, at both hosts of a site."""
    for host in run.lab.deployment.running_hosts(site):
        done = run.lab.deployment.hamgr("acknowledge", self_name=host)
        if done.returncode != 0:
            raise RuntimeError(f"hamgr acknowledge at {host}: {(done.stdout + done.stderr).strip()}")
    run.lab.note("lab", f"acknowledge {site}")


# -- sentences -----------------------------------------------------------------------------------------------------

def _set_state(run, caller, instant):
    """The furthest that a set has come with a call of CALLER; None when none was asked."""
    found = [story.at(instant) for story in run.lab.sets.of(caller)]
    return next((state for state in reversed(found) if state), None)


def _misses(run, name, instant=None):
    """Calls of the states NAME that are not where they are to be."""
    misses = []
    for state, (_, _, _, caller_state, set_state) in STATES.items():
        caller = run.lab.callers[f"{name}{state}"]
        stories = {who: (story.at(instant), _set_state(run, who, instant)) for who, story in caller.stories.items()}
        if len(stories) < caller.count:
            misses.append(f"{state}: {len(stories)} of {caller.count} placed")
        elif state == "queue":
            ringing = [who for who, (_, seen) in stories.items() if seen == "ringing"]
            waiting = [who for who, (story, seen) in stories.items() if seen is None and story == "queued"]
            if (len(ringing), len(waiting)) != (len(sets.AGENTS), QUEUED - len(sets.AGENTS)):
                misses.append(f"queue: {len(ringing)} offered, {len(waiting)} waiting: {stories}")
        else:
            misses += [f"{who}: {story}, its set {seen}" for who, (story, seen) in stories.items()
                       if (caller_state and story != caller_state) or (set_state and seen != set_state)]
    return misses


def states_reached(run, name):
    misses = _misses(run, name)
    return not misses, f"elsewhere: {misses}" if misses else "each call is in its state"


def states_caught(run, name):
    """Each call was in its state when something was killed, cut or handed over last."""
    kills = [at for at, kind, text in run.lab.notes.lines if kind == "lab" and text.startswith(("kill ", "switchover ", "cut "))]
    if not kills:
        raise RuntimeError("nothing has been killed")
    misses = _misses(run, name, kills[-1])
    return not misses, f"at the kill elsewhere: {misses}" if misses else "each call was in its state"


def group_completed(run, name):
    """Every call came to its end in order at both sides: SIPp's exit status, its errors, one call at the sets for each."""
    lost, going_on = [], []
    for caller in (run.lab.callers[one] for one in run.groups[name]):
        if caller.process.running():
            going_on.append(caller.name)
        elif caller.process.exit_status() != 0:
            lost.append(f"{caller.name}: status {caller.process.exit_status()}")
        lost += caller.errors()[:2]
        for who, story in caller.stories.items():
            theirs = [one.at() for one in run.lab.sets.of(who)]
            if story.at() != "over" or theirs != ["over"]:
                going_on.append(f"{who}: {story.at()}, its set {theirs}")
    lost += run.lab.sets.errors()[:2]
    if lost:
        raise RuntimeError(f"lost or not in order: {lost}; not over: {going_on}")
    return not going_on, f"not over: {going_on}"


def talk_up(run, name):
    """All calls of a talk, at both sides."""
    caller = run.lab.callers[name]
    away = {who: (story.at(), _set_state(run, who, None)) for who, story in caller.stories.items()
            if (story.at(), _set_state(run, who, None)) != ("up", "up")}
    return len(caller.stories) == caller.count and not away, f"{len(caller.stories)} of {caller.count} placed, not up: {away}"


def in_order_of_arrival(run, name):
    """Callers of the queue were offered in the order in which they came."""
    caller = run.lab.callers[f"{name}queue"]
    came = sorted(caller.stories, key=lambda who: caller.stories[who].states[0][0])
    offered = sorted(caller.stories, key=lambda who: min((s.states[0][0] for s in run.lab.sets.of(who)), default=float("inf")))
    return came == offered, f"came {came}, were offered {offered}"


def _records(run, host):
    done = run.lab.deployment.hamgr("calls", "--records", "--json", "--since", "1h", self_name=host)
    return json.loads(done.stdout or "[]") if done.returncode == 0 else None


def one_record_each(run, name, where, site):
    """For every call of NAME, and each as it was: at the primary of SITE, or, when calls ended while a host was away, over both."""
    primary = run.eyes.primary_of(site)
    hosts = [primary] if where == "at" else run.lab.deployment.running_hosts(site)
    answers = [_records(run, host) if host else None for host in hosts]
    if None in answers:
        return False, f"{site}: no records of {hosts}"
    records = [record for answer in answers for record in answer]
    if where != "at":   # the copy of a record is the same one
        records = {(record["start_ms"], record["call"]): record for record in records}.values()
    wrong = []
    for caller in (run.lab.callers[one] for one in run.groups[name]):
        for who in caller.stories:
            found = [record["outcome"] for record in records if record["caller"].startswith(who + ".")]
            if found != ["RELEASED"]:
                wrong.append(f"{who}: {found}")
    return not wrong, f"{where} {hosts}: {wrong}" if wrong else f"{where} {hosts}: one each"


def site_whole(run, site):
    """By the primary: its backup has a whole copy, and a switchover would lose nothing."""
    host = run.eyes.primary_of(site)
    if host is None:
        return False, f"{site} has no primary"
    switchover = run.eyes.look(host).status.get("switchover", {})
    return switchover.get("ready", False), f"by {host}: {switchover}"


def sets_registered(run):
    return run.lab.sets.registered(), f"{run.lab.sets.errors()[:1] or 'not yet'}"


def phones_registered_once(run, site):
    phones = run.lab.phones[site]
    seen = {number: phones.registrations.get((number, site), 0) for number in phones.numbers}
    return set(seen.values()) == {1}, f"registrations at {site}: {seen}"


# -- always --------------------------------------------------------------------------------------------------------

def no_agent_logged_out(run, records, lives):
    """By the SIP servers: until the end of the scenario nobody is logged out, and nobody has to log in a second time."""
    faults, known = [], set()
    for record in records:
        if record.process != "sipserver" or record.message != "AGENT" or record.at >= run.lab.ending:
            continue
        if record.target == "Null" or (record.source == "Null" and record.object in known):
            faults.append(f"{record.host}: {record.object} {record.source}>{record.target} at {record.at:.3f}: {record.text}")
        known.add(record.object)
    return faults, len(known)


def no_primary_alone(run, records, lives):
    """A primary that had a whole copy at its backup never sends without it.  (One whose backup is dead has none to wait for.)"""
    told = [record for record in records if record.process == "sipserver" and record.message == "REPLICA" and record.at < run.lab.ending]
    faults = [f"{record.host}: {record.source}>{record.target} at {record.at:.3f}: {record.text}"
              for record in told if record.target in ("ASKING", "SOLO")]
    return faults, sum(record.target == "HOLDING" for record in told)


VERBS = {
    "states": ("states NAME via SITE", states, [r"(\w+) via (east|west)"]),
    "talk": ("talk NAME via SITE count N rate N for SECONDS s", lambda run, name, site, count, rate, duration:
             talk(run, name, site, count, rate, float(duration)), [r"(\w+) via (east|west) count (\d+) rate (\d+) for (\d+(?:\.\d+)?)s"]),
    "acknowledge": ("acknowledge SITE", acknowledge, [r"(east|west)"]),
}
SENTENCES = [
    (r"sets registered", sets_registered, "once, for an hour"),
    (r"states (\w+) reached", states_reached, "each of its calls is in its state"),
    (r"states (\w+) caught", states_caught, "each was in its state at the last kill, cut or switchover"),
    (r"talk (\w+) up", talk_up, "all of its calls, at both sides"),
    (r"calls of (\w+) completed", group_completed, "in order, at both sides, none lost"),
    (r"queue of (\w+) in order of arrival", in_order_of_arrival, "by the sets"),
    (r"one record for each call of (\w+) (at|over both hosts of) (east|west)", one_record_each, "at the primary there; or by call and beginning"),
    (r"phones of (east|west) registered once", phones_registered_once, "as the phones themselves count"),
    (r"(east|west) whole", site_whole, "the backup has a whole copy, by the primary"),
]
ALWAYS = {
    "no agent is logged out": no_agent_logged_out,
    "no primary sends alone": no_primary_alone,
}
