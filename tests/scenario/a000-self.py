#!/usr/bin/env python3
"""The runner tests itself first: whatever must fail, fails.  Prints TAP."""
import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import types

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "deploy", "lib")]

from standfast_lab import clock, history, lab, net, proc, sets   # noqa: E402
import figures                                          # noqa: E402
import scn                                              # noqa: E402
import states                                           # noqa: E402
import verbs                                            # noqa: E402

TESTS = []


def test(function):
    TESTS.append(function)
    return function


def must(condition, text="a condition does not hold"):
    if not condition:
        raise AssertionError(text)


# -- the form ------------------------------------------------------------------------------------------------------

def form_error(text):
    with tempfile.NamedTemporaryFile("w", suffix=".scn") as out:
        out.write(text)
        out.flush()
        try:
            scn.read(out.name, verbs)
        except scn.FormError as error:
            return str(error).replace(out.name, "FILE")
    return None


@test
def form_errors_name_file_and_line(_):
    """form: each error names file and line, before anything is started"""
    head = 'scenario "x"\nsites east west\nstep "y"\n'
    for text, line, word in (
            (head + "sleep 3\n", 4, "unknown verb 'sleep'"),
            (head + "start all\nexpect west mode PEERED\n", 5, "within"),
            (head + "expect the moon is full within 3s\n", 4, "no sentence"),
            (head + "kill north\n", 4, "kill TARGET"),
            (head + "cut east|mars\n", 4, "'mars'"),
            (head + "call c1 via gateway to queue for\n", 4, "wants a time"),
            ('scenario "x"\nalways sunshine\n', 2, "always"),
            ('scenario "x"\nstart all\n', 2, "before the first step"),
            ('scenario "x"\nsites east mars\n', 2, "mars"),
            ("# nothing\n", 1, "scenario"),
            ('scenario "x"\nstep "empty"\n', 1, "nothing would be proven")):
        said = form_error(text)
        must(said is not None and said.startswith(f"FILE:{line}: ") and word in said, f"{text!r}: {said}")
    must(form_error(head + "start all  # a comment\n") is None, "a sound scenario is refused")


@test
def own_scenarios_have_the_form(_):
    """form: every scenario of this folder can be read"""
    for name in sorted(os.listdir(HERE)):
        if name.endswith(".scn"):
            scn.read(os.path.join(HERE, name), verbs)


# -- merged histories ----------------------------------------------------------------------------------------------

def record(at, host, target, epoch, process="sipserver", message="SERVING"):
    return history.Record({"MONO_US": at * 1e6, "SITE": host.split(".")[0], "MSG": message, "TO": target,
                           "EPOCH": epoch}, host, process)


def lives(*notes):
    collected = history.Notes()
    for at, text in notes:
        collected.add(at, "lab", text)
    return history.Lives(collected)


def primary_faults(records, *notes):
    return history.check_one_primary(sorted(records, key=lambda r: r.at), lives(*notes))[0]


@test
def two_primaries_are_found(_):
    """always: two hosts that serve at the same instant are found, one after the other are not"""
    sound = [record(1, "east.1", "SERVING", 1), record(5, "east.1", "STOPPED", 1), record(5.001, "east.2", "SERVING", 2)]
    must(not primary_faults(sound), "a sound history is refused")
    broken = [record(1, "east.1", "SERVING", 1), record(5, "east.2", "SERVING", 2), record(5.001, "east.1", "STOPPED", 1)]
    must(len(primary_faults(broken)) == 1, "an overlap of 1 ms is not found")
    must("1.0 ms" in primary_faults(broken)[0], primary_faults(broken)[0])
    other = [record(1, "east.1", "SERVING", 1), record(2, "west.1", "SERVING", 1)]
    must(not primary_faults(other), "two sites are taken for one")


@test
def epochs_must_grow(_):
    """always: an epoch that goes back, or is used by two hosts, is found"""
    must(primary_faults([record(1, "east.1", "SERVING", 2), record(2, "east.1", "STOPPED", 2),
                         record(3, "east.2", "SERVING", 1)]), "an epoch that goes back")
    must(primary_faults([record(1, "east.1", "SERVING", 2), record(2, "east.1", "STOPPED", 2),
                         record(3, "east.2", "SERVING", 2)]), "an epoch used twice")


@test
def killed_and_frozen_hosts_do_not_serve(_):
    """always: a host that was killed, or stands still, does not serve; one that was thawed does"""
    killed = [record(1, "east.1", "SERVING", 1), record(5, "east.2", "SERVING", 2)]
    must(primary_faults(killed), "without the kill it is an overlap")
    must(not primary_faults(killed, (3, "kill east.1 (5 processes)")), "killed before the other began")
    must(primary_faults(killed, (6, "kill east.1 (5 processes)")), "killed after the other began")
    must(not primary_faults(killed, (3, "wedge east.1.sipserver")), "wedged before the other began")
    frozen = [record(1, "east.1", "SERVING", 1), record(5, "east.2", "SERVING", 2), record(9.5, "east.1", "STOPPED", 1)]
    must(primary_faults(frozen, (3, "freeze east.1"), (9, "thaw east.1")), "half a second after the thaw")
    frozen[2] = record(9.02, "east.1", "STOPPED", 1)
    must(not primary_faults(frozen, (3, "freeze east.1"), (9, "thaw east.1")), "it stopped at the thaw")
    spans = history.serving_spans(frozen, lives((3, "freeze east.1"), (9, "thaw east.1")))["east"]
    must(history.check_site_address([(9.01, "east.1")], spans)[0], "what it sends between thaw and stop is not found")


def agent_faults(*changes):
    records = [history.Record({"MONO_US": at * 1e6, "SITE": "east", "MSG": "AGENT", "FROM": source, "TO": target, "OBJECT": agent},
                              host, "sipserver") for at, host, agent, source, target in changes]
    return states.no_agent_logged_out(types.SimpleNamespace(lab=types.SimpleNamespace(ending=100), figures=figures.Figures()), records, None)[0]


@test
def agents_who_lose_their_login_are_found(_):
    """always: an agent who is logged out, or has to log in at a new primary, is found"""
    in_, out = (1, "east.1", "ann", "Null", "Ready"), (200, "east.1", "ann", "Ready", "Null")
    must(not agent_faults(in_, (5, "east.2", "ann", "Ready", "Reserved"), out), "a sound history is refused")
    must(agent_faults(in_, (5, "east.2", "ann", "Ready", "Null")), "a logout is not found")
    must(agent_faults(in_, (5, "east.2", "ann", "Null", "Ready")), "a second login is not found")


@test
def solo_is_found(_):
    """always: a primary that goes on without its backup is found"""
    def faults(target):
        record = history.Record({"MONO_US": 1e6, "MSG": "REPLICA", "FROM": "HOLDING", "TO": target}, "east.1", "sipserver")
        return states.no_primary_alone(types.SimpleNamespace(lab=types.SimpleNamespace(ending=100)), [record], None)[0]
    must(not faults("ALONE") and faults("ASKING") and faults("SOLO"), "ALONE is none, ASKING and SOLO are")


def replica(at, host, target):
    return history.Record({"MONO_US": at * 1e6, "MSG": "REPLICA", "TO": target}, host, "sipserver")


@test
def time_in_solo_before_a_failure_is_counted(_):
    """figures: how long a primary was solo before each failure; a scenario that is not about solo fails by it"""
    notes = history.Notes()
    for at, text in ((2, "states one at east"), (6, "kill east.2 (5 processes)"), (8, "cut east.1|east.2")):
        notes.add(at, "lab", text)
    changes = [replica(1, "east.1", "HOLDING"), replica(3, "east.1", "SOLO"), replica(4.5, "east.1", "COPYING"), replica(7, "east.2", "SOLO")]
    run = types.SimpleNamespace(lab=types.SimpleNamespace(notes=notes, ending=100), scenario=types.SimpleNamespace(solo=None), measures=[])
    run.measured = lambda what, seconds: run.measures.append((what, seconds))
    must(len(figures.check_solo(run, changes, history.Lives(notes))) == 2, "two failures after a time in solo")
    must(run.measures == [("solo before kill east.2", 1.5), ("solo before cut east.1|east.2", 1.0)], f"{run.measures}")
    must(not figures.check_solo(run, changes[:1], history.Lives(notes)), "none was solo")
    run.scenario.solo = "it is about that"
    must(not figures.check_solo(run, changes, history.Lives(notes)), "it is about solo")
    must(figures.check_solo(run, changes[:1], history.Lives(notes)), "it is not about solo at all")


def story(table, *messages):
    told = sets.Story(table)
    for at, (way, cseq, first_line) in enumerate(messages):
        told.message(at, way, cseq, first_line)
    return told


@test
def a_call_is_followed_through_its_states(_):
    """states: both sides of a call; what is repeated leads nowhere"""
    invite, bye, ok = "INVITE sip:a SIP/2.0", "BYE sip:a SIP/2.0", "SIP/2.0 200 OK"
    caller = story(sets.CALLER_STATES, ("S", "CSeq:1 INVITE", invite), ("R", "CSeq:1 INVITE", "SIP/2.0 180 Ringing"),
                   ("R", "CSeq:1 INVITE", ok), ("S", "CSeq:1 ACK", "ACK sip:a SIP/2.0"), ("R", "CSeq:1 INVITE", ok),
                   ("S", "CSeq:4 BYE", bye), ("R", "CSeq:4 BYE", ok))
    must([caller.at(instant) for instant in range(-1, 7)] ==
         [None, "calling", "ringing", "answered", "up", "up", "leaving", "over"], f"{caller.states}")
    phone = story(sets.SET_STATES, ("R", "CSeq:20 INVITE", invite), ("S", "CSeq:20 INVITE", ok), ("R", "CSeq:20 ACK", "ACK sip:a SIP/2.0"),
                  ("R", "CSeq:20 INVITE", invite), ("R", "CSeq:21 INVITE", invite), ("R", "CSeq:22 BYE", bye), ("S", "CSeq:22 BYE", ok))
    must([phone.at(instant) for instant in range(7)] == ["offered", "answered", "up", "up", "asked", "leaving", "over"], f"{phone.states}")
    patient = story(sets.CALLER_STATES, ("S", "CSeq:1 INVITE", invite), ("R", "CSeq:1 INVITE", ok), ("S", "CSeq:1 ACK", "ACK sip:a SIP/2.0"),
                    ("R", "CSeq:21 BYE", bye), ("R", "CSeq:21 BYE", bye), ("S", "CSeq:21 BYE", ok), ("R", "CSeq:21 BYE", bye))
    must([patient.at(instant) for instant in range(7)] == ["calling", "answered", "up", "leaving", "leaving", "over", "over"], f"{patient.states}")
    refers = story(sets.SET_STATES, ("R", "CSeq:20 INVITE", invite), ("S", "CSeq:20 INVITE", ok), ("R", "CSeq:20 ACK", "ACK sip:a SIP/2.0"),
                   ("S", "CSeq:1 REFER", "REFER sip:a SIP/2.0"), ("R", "CSeq:1 REFER", "SIP/2.0 400 Bad Request"),
                   ("R", "CSeq:1 REFER", "SIP/2.0 202 Accepted"), ("R", "CSeq:21 NOTIFY", "NOTIFY sip:a SIP/2.0"), ("R", "CSeq:22 BYE", bye))
    must([refers.at(instant) for instant in range(2, 8)] == ["up", "referring", "referring", "referred", "referred", "leaving"], f"{refers.states}")


@test
def what_sipp_did_not_expect_is_found(_):
    """states: SIPp's errors count, but not a response that comes again to a call that is over"""
    with tempfile.NamedTemporaryFile("w", suffix=".errors") as out:
        out.write("2026-11-30\t10:00:00.1\t1.1: Dead call a.1 (successful), received 'SIP/2.0 200 OK\nVia: x\n'\n")
        out.flush()
        must(not sets.said(out.name), "a response that came again")
        out.write("2026-11-30\t10:00:00.2\t1.2: Dead call a.1 (successful), received 'BYE sip:a SIP/2.0\nVia: x\n'\n")
        out.flush()
        must(len(sets.said(out.name)) == 1, "a BYE to a call that is over")


@test
def reports_of_sanitizers_are_found(_):
    """run: a report is found, in a file of its own or in what a host wrote to stderr"""
    with tempfile.TemporaryDirectory() as directory:
        inner = types.SimpleNamespace(directory=directory, deployment=types.SimpleNamespace(hosts=["east.1", "east.2"]))
        for name, text in (("east.1.out", "a.c:1:2: runtime error: null pointer\n"), ("east.2.out", "notice: all is well\n"),
                           ("sanitizer.7", "==7==ERROR: AddressSanitizer: heap-use-after-free\n"), ("sanitizer.8", "==8==LeakSanitizer was stopped\n")):
            with open(os.path.join(directory, name), "w") as out:
                out.write(text)
        found = [os.path.basename(path) for path in lab.Lab.sanitizer_reports(inner)]
        must(found == ["east.1.out", "sanitizer.7"], f"{found}")


@test
def packets_of_a_host_that_does_not_serve_are_found(_):
    """always: a packet from the site address of a host that does not serve is found"""
    spans = [(1, 5, "east.1", 1), (6, 9, "east.2", 2)]
    good = [(1.0, "east.1"), (4.9, "east.1"), (6.1, "east.2")]
    must(not history.check_site_address(good, spans)[0], "a sound capture is refused")
    both = spans + [(3, 4, "east.2", 2)]
    must(history.check_site_address([(3.5, "east.1")], both)[0], "a packet while the other serves, too")
    for bad in ((5.5, "east.1"), (6.5, "east.1"), (0.5, "east.1"), (4, "east.2")):
        must(history.check_site_address(sorted(good + [bad]), spans)[0], f"{bad} is not found")


@test
def packets_of_a_frozen_host_are_found(_):
    """always: what a host sends from the site address after its lease, frozen or just thawed, is found"""
    frozen, granted = {"east.1": [(3, 9)], "east.2": []}, {"east.1": [1, 20], "east.2": [4.5]}
    good = [(2.9, "east.1"), (3.9, "east.1"), (5, "east.2"), (15, "east.2"), (20.1, "east.1")]
    must(history.check_silence(good, frozen, granted, 1) == ([], 2), "a sound capture is refused")
    for at in (4.1, 9.01, 19.9):
        must(history.check_silence(sorted(good + [(at, "east.1")]), frozen, granted, 1)[0], f"{at} is not found")


@test
def two_writers_are_found(_):
    """always: two writers of the configuration at the same instant are found"""
    def writers(*records):
        return history.check_one_writer(list(records), lives())[0]
    first = record(1, "east.1", "writer", 1, "confproxy", "WRITER")
    second = record(3, "west.1", "writer", 2, "confproxy", "WRITER")
    must(writers(first, second), "two writers")
    must(not writers(first, record(2, "east.1", "follower", 1, "confproxy", "WRITER"), second), "one after the other")


# -- watching ------------------------------------------------------------------------------------------------------

class FakeLab:
    def poll(self):
        pass

    def wait(self, condition, limit, interval=0.01):
        end = clock.deadline(limit)
        while not condition():
            if clock.now() >= end:
                return False
            time.sleep(interval)
        return True


class FakeRun:
    """The world is true from FROM to TO, seconds after its beginning."""

    def __init__(self, start, end):
        self.lab = FakeLab()
        self.began = clock.now()
        self.measured = lambda *_: None
        self.sentence = lambda _: lambda: (start <= clock.now() - self.began < end, "fake")


def failed(function, *args):
    try:
        function(*args)
    except verbs.Failed:
        return True
    return False


@test
def expect_hold_never_can_fail(_):
    """verbs: expect, hold and never fail when they must, and only then"""
    must(failed(verbs.expect, FakeRun(9, 10), "x", "100ms"), "expect of what never comes true")
    must(not failed(verbs.expect, FakeRun(0.1, 10), "x", "5s"), "expect of what comes true")
    must(failed(verbs.hold, FakeRun(0, 0.1), "x", "300ms"), "hold of what ends")
    must(not failed(verbs.hold, FakeRun(0, 10), "x", "200ms"), "hold of what stays")
    must(failed(verbs.never, FakeRun(0.1, 10), "x", "300ms"), "never of what comes")
    must(not failed(verbs.never, FakeRun(5, 10), "x", "200ms"), "never of what does not come")


@test
def expect_keeps_its_deadline(_):
    """verbs: an expectation that cannot hold fails at its deadline, not later"""
    began = clock.now()
    must(failed(verbs.expect, FakeRun(99, 100), "x", "300ms"))
    took = clock.now() - began
    must(0.29 * clock.SLOW <= took <= 0.29 * clock.SLOW + 0.5, f"took {took:.2f} s")


# -- the network ---------------------------------------------------------------------------------------------------

def with_namespaces(options, function):
    processes = proc.Processes()
    network = net.Namespaces(f"self{os.getpid()}", os.path.join(options.bin, "wanlink"))
    try:
        network.up(processes, options.dir)
        function(processes, network)
    finally:
        processes.stop_all()
        network.down()


def echo(network, source, target, count=20):
    """How many of COUNT pings from SOURCE to the address TARGET are answered."""
    done = subprocess.run(["nsenter", f"--net=/run/netns/{network.netns(source)}", "ping", "-q", "-i", "0.005", "-c",
                           str(count), "-W", "0.2", target], capture_output=True, text=True)
    return int(done.stdout.split(" received")[0].split(",")[-1])


def round_trip(network, source, target):
    """Milliseconds that ping measured, however late the machine lets it run."""
    done = subprocess.run(["nsenter", f"--net=/run/netns/{network.netns(source)}", "ping", "-c", "1", "-W", "5", target],
                          capture_output=True, text=True)
    found = re.search(r"time=([0-9.]+) ms", done.stdout)
    must(found, f"no answer: {done.stdout}{done.stderr}")
    return float(found[1])


@test
def faults_do_what_their_names_say(options):
    """network: cut, lose, unplug and the wan's delay do what their names say, and nothing else"""
    def faults(_, network):
        to = network.address
        must(echo(network, "east.1", to("west.1")) == 20, "the sites do not reach each other")
        network.lose("east", "west", 100)
        must(echo(network, "east.1", to("west.2"), 3) == 0, "a cut lets packets through")
        must(echo(network, "gateway", to("east.1"), 3) == 3, "a cut between the sites cuts the gateway")
        must(echo(network, "arbiter", to("west.1"), 3) == 3, "a cut between the sites cuts the arbiter")
        network.lose("east", "west", 30)
        must(100 < echo(network, "east.1", to("west.1"), 200) < 180, "30 % loss is something else")
        network.heal()
        network.lose("east.1", "east.2", 100)
        must(echo(network, "east.1", to("east.2"), 3) == 0, "a cut inside the pair lets packets through")
        must(echo(network, "east.1", to("west.1"), 3) == 3, "a cut inside the pair cuts more")
        network.heal()
        must(echo(network, "east.1", to("east.2"), 400) > 0, "heal does not heal")
        network.unplug("east.1")
        must(echo(network, "gateway", to("east.1"), 3) == 0, "an unplugged host answers")
        network.plug("east.1")
        must(echo(network, "gateway", to("east.1"), 20) > 0, "a plugged host does not answer")
        network.wan("both", 20, 0)
        must(round_trip(network, "east.1", to("west.1")) >= 40, "the wan has no delay")
        must(round_trip(network, "east.1", to("east.2")) < 40, "the wan's delay is between hosts of a site, too")
    with_namespaces(options, faults)


@test
def captures_are_read(options):
    """always: a capture tells what left a host, with the clock of the logs"""
    import socket

    def look(processes, network):
        history.capture(processes, network, "east.1", options.dir)
        path = os.path.join(options.dir, "east.1.pcap")
        end = clock.deadline(10)
        packets, before = [], clock.now()
        with network.inside("east.1"):
            out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with out:
            out.bind(("", 5060))
            while not packets and clock.now() < end:
                out.sendto(b"OPTIONS sip:x SIP/2.0\r\n", (network.address("gateway"), 5060))
                time.sleep(0.05)
                packets = [packet for packet in history.read_capture(path) if packet[2]] if os.path.exists(path) else []
        must(packets, "nothing was captured")
        at, source, payload = packets[0]
        must(before - 0.001 <= at <= clock.now(), "the clock of the capture is not ours")
        must(source == network.address("east.1") and payload.startswith(b"OPTIONS"), f"{source} {payload[:20]}")
    with_namespaces(options, look)


# -- the end -------------------------------------------------------------------------------------------------------

def namespaces_with(prefix):
    return [name for name in os.listdir("/run/netns") if name.startswith(prefix)] if os.path.isdir("/run/netns") else []


@test
def teardown_leaves_nothing(options):
    """teardown: no namespace and no process is left, not even one that hides or does not listen"""
    processes = proc.Processes()
    network = net.Namespaces(f"self{os.getpid()}", os.path.join(options.bin, "wanlink"))
    network.up(processes, options.dir)
    log = os.path.join(options.dir, "self.out")
    deaf = "trap '' TERM; while :; do sleep 1; done"
    processes.start("deaf", ["sh", "-c", deaf], log, netns=network.netns("east.1"))
    processes.start("orphans", ["sh", "-c", "setsid sleep 1000 & setsid sleep 1001 & exit 0"], log)
    processes.start("frozen", ["sh", "-c", "kill -STOP $$; sleep 1002"], log)
    end = time.monotonic() + 5
    while len(proc.descendants()) < 5 and time.monotonic() < end:
        processes.reap()
        time.sleep(0.02)
    must(len(proc.descendants()) >= 5, f"the test's own processes are not there: {proc.descendants()}")
    stubborn = processes.stop_all(patience=0.5)
    network.down()
    must(stubborn, "the deaf process stopped by itself?")
    must(proc.descendants() == [], f"left: {proc.descendants()}")
    must(namespaces_with(f"self{os.getpid()}") == [], "namespaces are left")


@test
def a_session_is_killed_whole(options):
    """kill: all processes of a host die together, whoever their parent is by then"""
    processes = proc.Processes()
    host = processes.start("host", ["sh", "-c", "sh -c 'sleep 2000 & sleep 2001' & sleep 2002"],
                           os.path.join(options.dir, "self.out"))
    end = time.monotonic() + 5
    while len(host.members()) < 5 and time.monotonic() < end:
        time.sleep(0.02)
    must(len(host.members()) >= 4, "the host is not there")
    host.kill()
    must(host.members() == [], f"left: {host.members()}")
    processes.stop_all(patience=0.1)


def inner_run(options, *arguments):
    return subprocess.Popen([sys.executable, os.path.join(HERE, "run"), "--bin", options.bin, "--dir", options.dir, *arguments],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@test
def a_failing_scenario_fails_the_run(options):
    """run: a scenario whose expectation cannot hold ends not ok, with status 1, a timeline and its directory"""
    inner = inner_run(options, os.path.join(HERE, "self", "expect-fails.scn"))
    said, _ = inner.communicate()
    must(inner.returncode == 1, f"status {inner.returncode}: {said[-600:]}")
    must("not ok 1 - expect-fails" in said and "0 passed, 1 failed" in said, said[-600:])
    must("expect-fails.scn:6: expect phone 1001 in 1 call within 1s" in said, said[-600:])
    kept = [word for word in said.split() if "expect-fails." in word and os.path.isdir(word)]
    must(kept and os.path.exists(os.path.join(kept[0], "timeline")), "the directory is not kept")
    must(namespaces_with(f"scn{inner.pid}n") == [], "namespaces are left")


@test
def an_interrupted_run_leaves_nothing(options):
    """run: SIGINT in the middle takes everything down"""
    inner = inner_run(options, os.path.join(HERE, "self", "waits.scn"))
    end = time.monotonic() + 15
    while not namespaces_with(f"scn{inner.pid}n") and time.monotonic() < end:
        time.sleep(0.05)
    must(namespaces_with(f"scn{inner.pid}n"), "the run did not begin")
    time.sleep(1)
    inner.send_signal(signal.SIGINT)
    said, _ = inner.communicate(timeout=30)
    must(inner.returncode == 130 and "interrupted" in said, f"status {inner.returncode}: {said[-600:]}")
    must(namespaces_with(f"scn{inner.pid}n") == [], "namespaces are left")
    must(proc.descendants() == [], f"left: {proc.descendants()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", default=os.path.join(ROOT, "build", "asan", "bin"))
    parser.add_argument("--dir", default=None)
    options = parser.parse_args()
    proc.become_subreaper()
    bad = 0
    with tempfile.TemporaryDirectory(prefix="self.", dir=options.dir) as directory:
        options.dir = directory
        for number, function in enumerate(TESTS, 1):
            try:
                function(options)
                print(f"ok {number} - {function.__doc__}", flush=True)
            except (AssertionError, OSError, RuntimeError, scn.FormError) as error:
                bad += 1
                print(f"not ok {number} - {function.__doc__}\n# {error}", flush=True)
    print(f"1..{len(TESTS)}")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
