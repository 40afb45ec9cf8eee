"""What a scenario can say about calls that are caught in every state (verbs.py has everything else).

A row of STATES is a state in which a call can be when something fails: the number that is called, how slow the telephone set is and the
caller (from the 200 to the ACK, up, held; or until it answers a BYE), and by what both are known to be in it.
"""
import json
import typing

from standfast_lab import clock, history, sets
from scn import seconds
import figures

LONG, SHORT = 3000, 300    # ms: a failure and what follows it fit in; a step that is passed through

class State(typing.NamedTuple):
    number: str              # that is called
    patience: tuple          # the set's: ms until it rings, from then until it answers, until it answers a re-INVITE that holds, a BYE
    keys: dict               # of the caller's scenario
    caller: str | None       # where the caller is
    sets: dict               # where the sets are that it has to do with: number -> state, in the order in which they are asked
    scenario: str = "steps"


def _steps(unacked=0, up=SHORT, held=0):
    return {"unacked": unacked, "up": up, "held": held}


STATES = {
    "trying":   State("1101", (LONG, 0, 0, 0), _steps(), "trying", {"1101": "offered"}),
    "ringing":  State("1102", (0, LONG, 0, 0), _steps(), "ringing", {"1102": "ringing"}),
    "unacked":  State("1103", (0, SHORT, 0, 0), _steps(unacked=LONG), "answered", {"1103": None}),
    "up":       State("1104", (0, SHORT, 0, 0), _steps(up=LONG), "up", {"1104": "up"}),
    "held":     State("1105", (0, 0, 0, 0), _steps(held=LONG), "held", {"1105": "asked"}),
    "reinvite": State("1106", (0, 0, LONG, 0), _steps(held=SHORT), "asking", {"1106": "asked"}),
    "bye":      State("1107", (0, 0, 0, LONG), _steps(), None, {"1107": "leaving"}),
    "byeback":  State(sets.LEAVES, (0, 0, 0, 0), {"release": LONG}, "leaving", {sets.LEAVES: None}, "follows"),
    "refer":    State(sets.REFERS, (0, LONG, 0, 0), {"release": 0}, "up", {sets.REFERS: "referred", sets.LEAVES: "ringing"}, "follows"),
    "music":    State(sets.WAITING, (0, SHORT, 0, 0), {"release": 0}, "up", {"music": "up"}, "follows"),
    "offered":  State(sets.QUEUE, (0, LONG, 0, 0), _steps(), None, {"an agent": "ringing"}),
    "queued":   State(sets.QUEUE, (0, SHORT, 0, 0), _steps(), "queued", {}),     # placed when both agents have been offered a call
}
MEET = {"music": 2, "queued": 1}   # sets that a call meets until its end, where they are more than those
TALK = "1108"
OFFERED_LIMIT = 2    # seconds
EACH = 3          # calls in each state
OF_QUEUE = {"offered": len(sets.AGENTS), "queued": 2}


def _start(run, name, site, number, patience, keys, count, rate, scenario="steps"):
    lab = run.lab
    if lab.sets is None:
        raise RuntimeError("the scenario has no sets: say so in its line of sites")
    target = f"{lab.net.site_address(site)}:{lab.net.sip_port}"
    lab.callers[name] = sets.Steps(lab, name, target, number, count=count, rate=rate, index=len(lab.callers), scenario=scenario,
                                   keys={"patience": ".".join(map(str, patience)), **keys})


def states(run, name, site):
    """Calls to SITE that come to rest in every state of STATES, some in each."""
    run.groups[name] = [f"{name}{state}" for state in STATES]
    for state, row in STATES.items():
        if state == "queued" and not run.lab.wait(lambda: _at_rest(run, name, "offered"), OFFERED_LIMIT, interval=0.01):
            raise RuntimeError(f"not offered to each agent within {OFFERED_LIMIT} s: {_misses(run, name)}")
        _start(run, f"{name}{state}", site, row.number, row.patience, row.keys, OF_QUEUE.get(state, EACH), 50, row.scenario)
    run.lab.note("lab", f"states {name} at {site}")


def talk(run, name, site, count, rate, duration):
    """COUNT calls of DURATION to telephone sets of SITE, RATE a second."""
    run.groups[name] = [name]
    _start(run, name, site, TALK, (0, 100, 0, 0), {"unacked": 0, "up": int(duration * 1000), "held": 0}, int(count), float(rate))
    run.lab.note("lab", f"talk {name} at {site} count {count} rate {rate}")


def acknowledge(run, site):
    """hamgr acknowledge, at both hosts of a site."""
    for host in run.lab.deployment.running_hosts(site):
        done = run.lab.deployment.hamgr("acknowledge", self_name=host)
        if done.returncode != 0:
            raise RuntimeError(f"hamgr acknowledge at {host}: {(done.stdout + done.stderr).strip()}")
    run.lab.note("lab", f"acknowledge {site}")


# -- sentences -----------------------------------------------------------------------------------------------------

def _set_states(run, caller, instant):
    """{number: how far that set has come with a call of CALLER}."""
    return {number: story.at(instant) for number, story in run.lab.sets.of(caller) if story.at(instant)}


def _misses(run, name, instant=None, states_=STATES):
    """Calls of the states NAME that are not where they are to be."""
    misses = []
    for state in states_:
        row, caller = STATES[state], run.lab.callers.get(f"{name}{state}")
        stories = {who: (story.at(instant), _set_states(run, who, instant)) for who, story in caller.stories.items()} if caller else {}
        if caller is None or len(stories) < caller.count:
            misses.append(f"{state}: {len(stories)} placed")
        for who, (story, seen) in stories.items():
            if state == "offered":
                seen = {"an agent" if number in sets.AGENTS.values() else number: at for number, at in seen.items()}
            if ((row.caller and story != row.caller) or set(seen) != set(row.sets)
                    or any(wanted and seen[number] != wanted for number, wanted in row.sets.items())):
                misses.append(f"{who}: {story}, its sets {seen}")
    return misses


def _at_rest(run, name, state):
    return not _misses(run, name, states_=[state])


def states_reached(run, name):
    misses = _misses(run, name)
    return not misses, f"elsewhere: {misses}" if misses else "each call is in its state"


def states_caught(run, name):
    """Each call was in its state when something was killed, cut or handed over last."""
    made = figures.failures(run.lab.notes)
    if not made:
        raise RuntimeError("nothing has been made to fail")
    misses = _misses(run, name, made[-1][0])
    return not misses, f"at the failure elsewhere: {misses}" if misses else "each call was in its state"


def _meetings(run, group, caller):
    """How many sets a call of CALLER is to meet, once each."""
    state = caller.name[len(group):]
    return MEET.get(state) or (len(STATES[state].sets) if state in STATES else 1)


def group_completed(run, name):
    """Every call came to its end in order at both sides: SIPp's exit status, its errors, one call at each set that it is to meet."""
    lost, going_on, over = [], [], 0
    for caller in (run.lab.callers[one] for one in run.groups[name]):
        if caller.process.running():
            going_on.append(caller.name)
        elif caller.process.exit_status() != 0:
            lost.append(f"{caller.name}: status {caller.process.exit_status()}")
        lost += caller.errors()[:2]
        for who, story in caller.stories.items():
            theirs = [one.at() for _, one in run.lab.sets.of(who)]
            if story.at() != "over" or theirs != ["over"] * _meetings(run, name, caller):
                going_on.append(f"{who}: {story.at()}, its sets {theirs}")
            else:
                over += 1
    lost += run.lab.sets.errors()[:2]
    run.figures.count("calls completed", name, over)
    run.figures.count("calls lost", name, len(lost))
    if lost:
        raise RuntimeError(f"lost or not in order: {lost}; not over: {going_on}")
    return not going_on, f"not over: {going_on}"


def group_heard(run, name, limit):
    """No call of NAME waited longer for the first answer to its INVITE (T1 is 500 ms: nobody had to ask twice)."""
    waits = {call.name: call.heard - call.asked for one in run.groups[name] for call in run.lab.callers[one].calls.values()
             if call.heard and call.asked}
    longest = max(waits.values(), default=0.0)
    run.figures.longest(f"the longest wait of {name} for the first answer", longest)
    late = {who: round(wait, 3) for who, wait in waits.items() if wait > seconds(limit)}
    return bool(waits) and not late, f"{len(waits)} calls, the longest wait {longest:.3f} s; late: {late}"


def joined_again(run, site):
    """By the log of its primary: the backup has begun a new conversation since the last failure."""
    failed = figures.failures(run.lab.notes)[-1][0]
    joins = [record for record in history.read_logs(run.lab.log_directory) if record.process == "sipserver" and record.message == "REPLICA"
             and record.at > failed and record.text.startswith("the backup joins") and record.host.startswith(site)]
    return bool(joins), f"{len(joins)} joins"


def site_solo(run, site, negation):
    """By the primary; it says why."""
    host = run.eyes.primary_of(site)
    switchover = run.eyes.look(host).status.get("switchover", {}) if host else {}
    return switchover.get("solo") == (negation is None) and bool(negation or switchover.get("why")), f"by {host}: {switchover}"


def talk_up(run, name):
    """All calls of a talk, at both sides."""
    caller = run.lab.callers[name]
    both = {who: (story.at(), _set_states(run, who, None)) for who, story in caller.stories.items()}
    away = {who: seen for who, seen in both.items() if seen != ("up", {TALK: "up"})}
    return len(caller.stories) == caller.count and not away, f"{len(caller.stories)} of {caller.count} placed, not up: {away}"


def in_order_of_arrival(run, name):
    """Callers of the queue were offered in the order in which they came."""
    stories = {who: story for state in OF_QUEUE for who, story in run.lab.callers[f"{name}{state}"].stories.items()}
    came = sorted(stories, key=lambda who: stories[who].states[0][0])
    offered = sorted(stories, key=lambda who: min((s.states[0][0] for _, s in run.lab.sets.of(who)), default=float("inf")))
    return came == offered, f"came {came}, were offered {offered}"


def records_of(run, host):
    done = run.lab.deployment.hamgr("calls", "--records", "--json", "--since", "1h", self_name=host)
    return json.loads(done.stdout or "[]") if done.returncode == 0 else None


def one_record_each(run, name, where, site):
    """For every call of NAME, and each as it was: at the primary of SITE, or, when calls ended while a host was away, over both."""
    primary = run.eyes.primary_of(site)
    hosts = [primary] if where == "at" else run.lab.deployment.running_hosts(site)
    answers = [records_of(run, host) if host else None for host in hosts]
    if None in answers:
        return False, f"{site}: no records of {hosts}"
    records = [record for answer in answers for record in answer]
    if where != "at":   # the copy of a record is the same one
        records = {(record["start_ms"], record["call"]): record for record in records}.values()
    wrong, right = [], 0
    for caller in (run.lab.callers[one] for one in run.groups[name]):
        for who in caller.stories:
            found = [record["outcome"] for record in records if record["caller"].startswith(who + ".")]
            if found != ["RELEASED"]:
                wrong.append(f"{who}: {found}")
            right += found == ["RELEASED"]
    run.figures.count("calls with exactly one record", name, right)
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
    run.figures.count("phones that registered again", site, sum(seen.values()) - len(seen))
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
    run.figures.count("agents logged out", "", len(faults))
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
    (r"states (\w+) caught", states_caught, "each was in its state at the last failure, or switchover"),
    (r"talk (\w+) up", talk_up, "all of its calls, at both sides"),
    (r"calls of (\w+) heard within (\d+ms)", group_heard, "each had its first answer by then"),
    (r"backup of (east|west) joined again", joined_again, "since the last failure, by its primary's log"),
    (r"(east|west) is (not )?solo", site_solo, "the primary sends without its backup, and says why"),
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
