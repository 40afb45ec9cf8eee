"""The verbs that make something fail, and those that take it back (verbs.py has everything else)."""
import json
import os

from standfast_lab import clock
from standfast_lab.net import split_link
from standfast_lab.peers import new_lines
from scn import seconds
from words import HOST, PROGRAM, SITE, TARGET, TIME, Failed, hosts_of, peer_processes


def kill(run, target):
    """SIGKILL to all processes of a site, a host, or one named process."""
    for process in peer_processes(run, target) or []:
        process.kill()
    for host, program in hosts_of(run, target):
        if not run.lab.deployment.kill(host, program):
            raise Failed(f"{target}: there was nothing to kill")


def kill_at_random(run, target, within):
    """SIGKILL at a moment that chance chooses (SCN_SEED repeats it)."""
    end = clock.now() + run.chance.uniform(0, seconds(within))
    run.lab.wait(lambda: clock.now() >= end, seconds(within), interval=0.001)
    kill(run, target)


def kill_while_copied(run, target):
    """SIGKILL as soon as the primary has begun a first copy for its backup, and before it is whole."""
    host = run.resolve(f"{target.split('.')[0]}.primary")
    path, offsets = os.path.join(run.lab.log_directory, f"{host}.sipserver.log"), {}
    new_lines(path, offsets)
    states_of_copy = []

    def begun():
        for line in new_lines(path, offsets):
            fields = json.loads(line)
            if fields.get("MSG") == "REPLICA" and fields.get("TO"):
                states_of_copy.append(fields["TO"])
        return "COPYING" in states_of_copy
    if not run.lab.wait(begun, 20, interval=0.001):
        raise Failed("no first copy has begun within 20 s")
    kill(run, target)
    begun()
    if states_of_copy[-1] == "HOLDING":
        raise Failed("the copy was whole before the kill: make it slower")


def freeze(run, target):
    """SIGSTOP: the stalled machine."""
    for host, program in hosts_of(run, target):
        run.lab.deployment.freeze(host, program)


def thaw(run, target):
    for host, program in hosts_of(run, target):
        run.lab.deployment.thaw(host, program)


def unplug(run, host):
    """The host's link goes down; its processes live on."""
    run.lab.net.unplug(host)
    run.lab.note("lab", f"unplug {host}")


def plug(run, host):
    run.lab.net.plug(host)
    run.lab.note("lab", f"plug {host}")


def wedge(run, target):
    """The main thread of a program stands still, its other threads go on."""
    host, program = hosts_of(run, target)[0]
    lab = run.lab
    pids = lab.deployment.process(host).members(program)
    if len(pids) != 1:
        raise Failed(f"{target}: {len(pids)} processes")
    log = os.path.join(lab.directory, f"wedge-{pids[0]}")
    lab.processes.start(f"wedge-{pids[0]}", [lab.program("wedge"), str(pids[0])], log)

    def done():
        with open(log) as said:
            return said.read()
    if not lab.wait(done, 5, interval=0.005) or done() != "wedged\n":
        raise Failed(f"{target}: {done()}")
    lab.note("lab", f"wedge {target}")


def cut(run, link, part=None):
    """Silent drop on the wan: one way (a>b) or both (a|b); of everything, or only of the replication."""
    _lose(run, "cut", 100, link, part)


def lose(run, percent, link, part=None):
    """Random drop on the wan."""
    _lose(run, f"lose {percent}%", float(percent), link, part)


def _lose(run, done, percent, link, part):
    for here, there in split_link(link):
        run.lab.net.lose(here, there, percent, run.lab.net.replica_port if part else None)
    run.lab.note("lab", f"{done} {link}{' replica' if part else ''}")


def reset(run, host):
    """The replication connections of a host are reset."""
    run.lab.note("lab", f"reset {host} replica")
    run.lab.net.reset(host, run.lab.net.replica_port)


def stall(run, host):
    """The disk of a host (run.found made it) stands still: what writes, waits."""
    run.lab.deployment.stall(host)


def unstall(run, host):
    run.lab.deployment.unstall(host)


def spoil(run, host):
    """The disk of a host becomes read-only, as after an error of its hardware."""
    run.lab.deployment.spoil(host)


def mend(run, host):
    """The disk of a host that is stopped is checked and mounted again."""
    run.lab.deployment.mend(host)


def empty(run, host):
    """Room again on the full disk of a host."""
    os.unlink(os.path.join(run.lab.directory, "data", host, "filler"))
    run.lab.note("lab", f"empty {host}")


def heal(run, link=None):
    """Take back one cut or loss, or all of them."""
    if link:
        for here, there in split_link(link):
            run.lab.net.lose(here, there, 0)
            run.lab.net.lose(here, there, 0, run.lab.net.replica_port)
    else:
        run.lab.net.heal()
    run.lab.note("lab", f"heal {link or 'all'}")


def fill(run, host):
    """The store's small tmpfs (run.found made it) is full."""
    path = os.path.join(run.lab.directory, "data", host, "filler")
    run.lab.note("lab", f"fill {host}")
    with open(path, "ab", buffering=0) as filler:
        try:
            while True:
                filler.write(b"\0" * 65536)
        except OSError:
            pass
        try:
            while True:
                filler.write(b"\0" * 512)
        except OSError:
            pass


VERBS = {
    "kill": ("kill TARGET", kill, [TARGET]),
    "strike": ("strike TARGET at random within TIME | while the copy is made", lambda run, target, within:
               kill_at_random(run, target, within) if within else kill_while_copied(run, target),
               [rf"{TARGET} (?:at random within ({TIME})|while the copy is made)"]),
    "freeze": ("freeze SITE|HOST[.PROGRAM]", freeze, [rf"({SITE}|{HOST}(?:\.{PROGRAM})?)"]),
    "thaw": ("thaw SITE|HOST[.PROGRAM]", thaw, [rf"({SITE}|{HOST}(?:\.{PROGRAM})?)"]),
    "unplug": ("unplug HOST", unplug, [rf"({HOST}|arbiter|gateway|phones)"]),
    "plug": ("plug HOST", plug, [rf"({HOST}|arbiter|gateway|phones)"]),
    "wedge": ("wedge HOST.PROGRAM", wedge, [rf"({HOST}\.{PROGRAM})"]),
    "cut": ("cut A|B or A>B [replica]", cut, [r"([\w.]+[|>][\w.]+)(?: (replica))?"]),
    "lose": ("lose N% A>B [replica]", lose, [r"(\d+(?:\.\d+)?)% ([\w.]+[|>][\w.]+)(?: (replica))?"]),
    "reset": ("reset HOST replica", reset, [rf"({HOST}) replica"]),
    "stall": ("stall HOST", stall, [rf"({HOST})"]),
    "unstall": ("unstall HOST", unstall, [rf"({HOST})"]),
    "spoil": ("spoil HOST", spoil, [rf"({HOST})"]),
    "mend": ("mend HOST", mend, [rf"({HOST})"]),
    "empty": ("empty HOST", empty, [rf"({HOST})"]),
    "heal": ("heal [A|B]", heal, [r"([\w.]+[|>][\w.]+)", r""]),
    "fill": ("fill HOST", fill, [rf"({HOST})"]),
}
