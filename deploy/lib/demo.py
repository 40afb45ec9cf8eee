#!/usr/bin/env python3
"""The demo: a whole deployment on loopback addresses with a caller that keeps calling.  Started by deploy/demo."""
import argparse
import os
import select
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from standfast_lab import clock, history               # noqa: E402
from standfast_lab.deployment import QUEUE, WAITING    # noqa: E402
from standfast_lab.lab import GUEST, VISITOR, Lab      # noqa: E402
from standfast_lab.look import Eyes                    # noqa: E402
from standfast_lab.net import Loopback                 # noqa: E402

# When an agent is at neither site's queue here, the call goes where one is (F-1), so that a returned site serves at once.
OPTIONS = {"dr-forward": "no-agent"}
CALL_SECONDS = 1.5


class Broken(Exception):
    """A step of the story did not hold."""


def wall():
    return time.strftime("%H:%M:%S")


class Demo:
    def __init__(self, arguments, directory):
        self.arguments = arguments
        self.lab = Lab(directory, Loopback(arguments.net, arguments.port_base), arguments.bin, options=OPTIONS,
                       on_note=self.on_note, music=True)
        self.lab.listeners.append(self.on_call)
        self.eyes = Eyes(self.lab)
        self.caller = None
        self.pending = []        # answered calls whose phone has not told yet: (instant, call)
        self.facts = []          # (instant, text) of the timeline
        self.outcomes = []       # (instant, call, site or None)

    # -- lines -----------------------------------------------------------------------------------------------

    def say(self, text):
        print(f"{wall()}  {text}", flush=True)

    def on_note(self, kind, text):
        if kind == "lab":
            self.say(text)
            self.facts.append((clock.now(), text))

    def on_call(self, kind, _, call):
        """One line for each call: when its phone is known, or half a second after the answer."""
        if kind == "answered":
            self.pending.append((clock.now(), call))
        elif kind == "failed":
            self.outcomes.append((clock.now(), call, None))
            self.say(f"{call.call_id.split('-')[0]:>10}  failed: {call.status}")
        elif kind == "released":
            self.say(f"{call.call_id.split('-')[0]:>10}  dropped by the other side")

    def poll(self):
        self.lab.poll()
        waiting = []
        for since, call in self.pending:
            number = self.lab.phone_of_call(call)
            if number is None and clock.now() - since < 0.5:
                waiting.append((since, call))
                continue
            site = self.lab.site_of_address(call.answered_by)
            self.outcomes.append((since, call, site))
            took = (call.answered or since) - call.asked if call.asked else 0
            who = f" by {self.lab.agent_of(number)}" if number else ""
            self.say(f"{call.call_id.split('-')[0]:>10}  answered at {site}{who} after {took:.2f} s")
        self.pending = waiting

    def wait(self, condition, seconds, what):
        """CONDITION within SECONDS; returns how long it took."""
        began = clock.now()
        end = clock.deadline(seconds)
        while True:
            self.poll()
            if condition():
                return clock.now() - began
            if clock.now() >= end:
                raise Broken(f"{what}: not within {seconds:g} s")
            time.sleep(0.1)

    # -- bringing it up --------------------------------------------------------------------------------------

    def start(self):
        lab = self.lab
        lab.up()
        lab.deployment.found()
        lab.deployment.start("arbiter")
        for host in lab.deployment.hosts:
            lab.deployment.start(host)
        said = [""]

        def imported():
            for host in lab.deployment.hosts:
                process = lab.deployment.processes[host]
                if not process.running():
                    raise Broken(f"{host} has ended:\n  " + "\n  ".join(process.log_tail()))
            done, said[0] = lab.import_configuration()
            return done
        try:
            self.wait(imported, 30, "a configuration server in service")
        except Broken as broken:
            raise Broken(f"{broken} ({said[0]})") from None
        lab.gateway.start()
        for phones in (*lab.phones.values(), lab.music, lab.visitor):
            phones.start()
        for agents in lab.agent_processes.values():
            agents.start()
        for site in lab.sites:
            self.wait(lambda: self.eyes.mode_of(site)[0] == "PEERED", 40, f"{site} is PEERED")
            self.wait(lambda: self.agents_ready(site, site), 40, f"the agents of {site} are ready at {site}")

    def agents_ready(self, site, at):
        return all(self.eyes.agent_state(at, name) == "ready" for name in self.lab.agent_processes[site].names)

    def call_on(self):
        """Begin the endless stream of calls."""
        self.caller = self.lab.call("call", "gateway", QUEUE, count=0, rate=self.arguments.rate, duration=CALL_SECONDS)

    def guide(self):
        lab = self.lab
        east = lab.deployment.hosts[0]
        command = f"{os.path.relpath(lab.program('hamgr'))}"
        page = f"http://{lab.net.address(east)}:{lab.net.http_port}/"
        print(f"""
  status page       {page}   (each host has one: {', '.join(lab.net.address(h) for h in lab.deployment.hosts)})
  agents' page      http://{lab.net.site_address('east')}:{lab.agent_http_port}/   (log in as one of {', '.join(lab.agents)};
                    the password of ann is {lab.password('ann')})
  hear the music    call {WAITING} from a SIP phone of your own: user {GUEST}, password {lab.password(GUEST)}, server
                    {lab.net.site_address('east')}:{lab.net.sip_port}; it plays for 8 s, then an agent is rung ("wait" below: a caller of ours does)
  try in another shell
      export STANDFAST_CONFIG={lab.deployment.bootstrap_file} STANDFAST_SELF={east}
      {command} status
      {command} events --follow
      {command} switchover east
      {command} config export
      {command} config import {lab.deployment.configuration_file}
  type here         kill east | kill east.1 | start east | start east.1 | wait | quit
  logs              {lab.log_directory}
""", flush=True)

    # -- the endless demo ------------------------------------------------------------------------------------

    def serve(self):
        """Until `quit` or a signal.  Lines are taken as they come, several at once too; without a terminal it just goes on."""
        pending, listening = b"", True
        while True:
            self.poll()
            ready, _, _ = select.select([0] if listening else [], [], [], 0.1)
            if not ready:
                continue
            data = os.read(0, 4096)
            listening = bool(data)
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                words = line.decode(errors="replace").split()
                if words == ["quit"]:
                    return
                self.obey(words)

    def wait_in_music(self):
        """A caller of ours waits for Support at the first site that lives; returns the site."""
        site = next((site for site in self.lab.sites if self.lab.visitor.registered.get((VISITOR, site))), self.lab.sites[0])
        self.lab.visitor.dial(VISITOR, site, WAITING)
        return site

    def obey(self, words):
        deployment = self.lab.deployment
        if words == ["wait"]:
            try:
                self.say(f"a caller waits for Support at {self.wait_in_music()}")
            except RuntimeError as error:
                self.say(str(error))
            return
        if len(words) == 2 and words[0] in ("kill", "start"):
            hosts = [host for host in [*deployment.hosts, "arbiter"] if host == words[1] or host.split(".")[0] == words[1]]
            try:
                for host in hosts:
                    getattr(deployment, words[0])(host)
            except RuntimeError as error:
                self.say(str(error))
            if hosts:
                return
        if words:
            print("kill SITE|HOST, start SITE|HOST, wait, quit", flush=True)

    # -- the story -------------------------------------------------------------------------------------------

    def fact(self, text):
        self.facts.append((clock.now(), text))
        self.say(f"* {text}")

    def answered_since(self, instant, site=None):
        return [call for at, call, where in self.outcomes if at >= instant and where and (site is None or where == site)]

    def failed_since(self, instant):
        return [call for at, call, where in self.outcomes if at >= instant and where is None]

    def unanswered(self):
        """Calls placed more than three seconds ago that have neither an answer nor a refusal."""
        return [call for call in self.caller.calls.values()
                if call.asked and call.asked < clock.now() - 3 and not call.answered and not call.status]

    def measure(self, since, *facts):
        """Each of FACTS (text, condition, limit in seconds) becomes true, in whatever order; tells when."""
        open_ = list(facts)
        while open_:
            self.poll()
            for fact in list(open_):
                text, condition, limit = fact
                if condition():
                    self.fact(f"{text}  (+{clock.now() - since:.2f} s)")
                    open_.remove(fact)
                elif clock.now() >= since + limit * clock.SLOW:
                    raise Broken(f"{text}: not within {limit:g} s")
            time.sleep(0.05)

    def story(self):
        lab = self.lab
        self.call_on()
        began = clock.now()
        self.measure(began, ("calls are answered at both sites",
                             lambda: all(len(self.answered_since(began, site)) >= 2 for site in lab.sites), 30))

        self.wait(lambda: all(lab.visitor.registered.get((VISITOR, site)) for site in lab.sites), 20, "the visitor's phone is registered")
        waits = clock.now()
        self.wait_in_music()
        self.measure(waits,
                     ("a caller who waits for Support hears music", lambda: lab.music.playing and lab.visitor.heard() >= 3, 15),
                     ("an agent takes the caller out of the music",
                      lambda: any(at > waits and peer == VISITOR for at, _, _, peer in lab.answers) and not lab.music.playing, 30))
        lab.visitor.hang_up(VISITOR, lab.sites[0])

        killed = clock.now()
        for host in ("east.1", "east.2"):
            lab.deployment.kill(host)
        self.fact("site east is dead")
        self.measure(
            killed,
            ("west knows that it is alone: SINGLE", lambda: self.eyes.mode_of("west")[0] == "SINGLE", 10),
            ("the gateway sends no calls to east", lambda: not lab.gateway.marks()["east"], 10),
            ("a call placed after the kill is answered at west",
             lambda: any(call.asked and call.asked >= killed for call in self.answered_since(killed, "west")), 15),
            ("ann and bob, agents of east, are ready at west", lambda: self.agents_ready("east", "west"), 20),
            ("a phone of east answers through west",
             lambda: any(site == "west" and at > killed and number in lab.phones["east"].numbers
                         for at, number, site, _ in lab.answers), 30),
            ("the Configuration Server of west is in service",
             lambda: (self.eyes.writer_by("west") or "").startswith("west."), 20))
        done = lab.deployment.hamgr("config", "import", lab.deployment.configuration_file, self_name="west.1")
        if done.returncode != 0:
            raise Broken(f"a configuration written at west: {(done.stdout + done.stderr).strip()}")
        self.fact("a configuration written at west is accepted")
        flowing = clock.now()
        self.measure(flowing, ("calls flow at west", lambda: len(self.answered_since(flowing, "west")) >= 4, 30))
        if self.failed_since(killed):
            raise Broken(f"{len(self.failed_since(killed))} calls failed after the kill")
        self.fact("no call failed after the kill")

        returned = clock.now()
        for host in ("east.1", "east.2"):
            lab.deployment.start(host)
        self.measure(
            returned,
            ("east is PEERED again", lambda: self.eyes.mode_of("east")[0] == "PEERED", 60),
            ("west is PEERED again", lambda: self.eyes.mode_of("west")[0] == "PEERED", 60),
            ("the gateway offers calls to east again", lambda: lab.gateway.marks()["east"], 60))
        flowing = clock.now()
        self.measure(flowing, ("calls flow", lambda: len(self.answered_since(flowing)) >= 4, 30))
        if self.failed_since(returned):
            raise Broken(f"{len(self.failed_since(returned))} calls failed while east returned")
        self.measure(clock.now(), ("every call that was placed has been answered", lambda: not self.unanswered(), 10))
        dropped = [call.call_id for call in self.caller.calls.values()
                   if call.released_by == "callee" and call.asked and call.asked >= killed]
        if dropped:
            raise Broken(f"calls were dropped by the other side: {' '.join(dropped)}")
        self.fact("no call failed or was dropped while east returned")

    def timeline(self):
        print("\ntimeline (seconds since the first line)")
        start = self.facts[0][0] if self.facts else 0
        for at, text in self.facts:
            print(f"  {at - start:8.2f}  {text}")
        calls = [where for _, _, where in self.outcomes]
        print(f"  calls: {calls.count('east')} answered at east, {calls.count('west')} at west, {calls.count(None)} failed", flush=True)

    def explain(self, text):
        print(f"\ndemo: {text}", file=sys.stderr)
        records = history.read_logs(self.lab.log_directory)
        for line in history.timeline(records, self.lab.notes)[-40:]:
            print(f"  {line}", file=sys.stderr)

    def stop(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)     # a second Ctrl-C must not leave processes behind
        print("stopping ...", flush=True)
        return self.lab.down()


def arguments():
    parser = argparse.ArgumentParser(prog="deploy/demo", description=__doc__)
    parser.add_argument("--script", action="store_true")
    parser.add_argument("--dir")
    parser.add_argument("--net", type=int, default=0)
    parser.add_argument("--port-base", type=int, default=5060)
    parser.add_argument("--rate", type=float, default=0.5)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--only-arguments", action="store_true", help=argparse.SUPPRESS)
    parsed = parser.parse_args()
    if not 0 <= parsed.net <= 255:
        parser.error("--net: 0 to 255")
    if not 1024 <= parsed.port_base <= 61000:
        parser.error("--port-base: 1024 to 61000")
    if parsed.rate <= 0:
        parser.error("--rate: more than 0 calls per second")
    if parsed.only_arguments:
        sys.exit(0)
    parsed.bin = os.path.abspath(parsed.bin)
    return parsed


def interrupt(*_):
    raise KeyboardInterrupt


def own_directory(wanted):
    """WANTED, made when missing, or a new one; only an empty one is taken."""
    if wanted is None:
        return tempfile.mkdtemp(prefix="standfast-demo.")
    directory = os.path.abspath(wanted)
    if len(directory) > 50:
        sys.exit(f"demo: the path {directory} is too long for the sockets below it; name a shorter --dir")
    try:
        os.makedirs(directory, exist_ok=True)
        if os.listdir(directory):
            sys.exit(f"demo: {directory} is not empty; name another --dir, or empty it")
    except OSError as error:
        sys.exit(f"demo: {directory}: {error.strerror}; name another --dir")
    return directory


def main():
    options = arguments()
    directory = own_directory(options.dir)
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)
    demo, status = None, 0
    try:
        demo = Demo(options, directory)
        demo.start()
        demo.guide()
        if options.script:
            demo.story()
            demo.timeline()
        else:
            demo.call_on()
            demo.serve()
    except KeyboardInterrupt:
        status = 130 if options.script else 0
    except (Broken, RuntimeError, OSError) as error:
        status = 1
        if demo and demo.facts:
            demo.timeline()
            demo.explain(str(error))
        else:
            print(f"demo: {error}", file=sys.stderr)
    finally:
        stubborn = demo.stop() if demo else []
        if stubborn:
            print(f"did not stop by themselves and were killed: {' '.join(stubborn)}", file=sys.stderr)
    if status == 1 and demo and demo.facts:
        print(f"demo: logs are kept in {directory}", file=sys.stderr)
    elif not options.dir:
        shutil.rmtree(directory, ignore_errors=True)
    if status == 0 and options.script:
        print("every step held", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
