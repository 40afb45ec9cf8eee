"""The world around a deployment, all of it real software: Kamailio as gateway, baresip phones, SIPp callers, and
the headless agents of our own `desktop agent`.
"""
import array
import json
import os
import re
import signal
import socket
import subprocess

from . import clock

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
SIPP_SCENARIOS = os.path.join(REPOSITORY, "tests", "scenario", "peers")
SBIN = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


class Gateway:
    """Kamailio with deploy/gateway/kamailio.cfg."""

    def __init__(self, lab, algorithm=4, response_timeout_ms=2000):
        self.lab = lab
        self.directory = os.path.join(lab.directory, "gateway")
        self.process = None
        self.algorithm = algorithm
        self.response_timeout_ms = response_timeout_ms

    @property
    def address(self):
        return f"{self.lab.net.address('gateway')}:{self.lab.net.sip_port}"

    def start(self):
        os.makedirs(self.directory, exist_ok=True)
        sites = [f"sip:{self.lab.net.site_address(site)}:{self.lab.net.sip_port}" for site in self.lab.sites]
        self.process = self.lab.processes.start(
            "gateway", [os.path.join(REPOSITORY, "deploy", "gateway", "run"), "--address", self.address,
                        "--directory", self.directory, "--algorithm", str(self.algorithm),
                        "--response-timeout", str(self.response_timeout_ms), *sites],
            os.path.join(self.directory, "log"), netns=self.lab.net.netns("gateway"))

    def marks(self):
        """{site: True when the gateway offers calls to it}, as Kamailio itself says."""
        done = subprocess.run(["kamcmd", "-s", f"unix:{self.directory}/ctl", "dispatcher.list"],
                              capture_output=True, text=True, env={**os.environ, "PATH": SBIN})
        all_sites = done.stdout.split("ID: 1\n", 1)[-1].split("ID: ", 1)[0]
        found = dict(re.findall(r"URI: sip:([\d.]+):\d+\s+FLAGS: (\w)", all_sites))
        return {site: found.get(self.lab.net.site_address(site)) == "A" for site in self.lab.sites}


class Phones:
    """One headless baresip for the phones of one site; each phone has an account at both sites (N-2).

    It answers by itself, with silence (an audio file would end the call at its end), and is driven over ctrl_tcp, which serves one connection at a time: ours, kept open."""

    def __init__(self, lab, site, numbers, index):
        self.lab = lab
        self.site = site
        self.numbers = numbers
        self.directory = os.path.join(lab.directory, f"phones-{site}")
        self.address = lab.net.address("phones")
        self.sip_port = lab.net.sip_port + 10 + 2 * index
        self.control_port = lab.net.sip_port + 200 + index
        self.rtp_first = 20000 + 200 * index
        self.process = None
        self.control = None
        self.buffer = b""
        self.calls = {}      # (baresip's call id, number) -> (number, peer number)
        self.transports = ["udp"] # of the first phone, the second, and so on
        self.held = set()    # numbers whose other party has put them on hold, by baresip's trace: no event says so
        self.asked = None    # the number that an INVITE went to, until its session description says in which direction it speaks
        self.offsets = {}
        self.registered_at = {}   # (number, site) -> instant
        self.registered = {} # (number, site) -> True, False
        self.registrations = {}   # (number, site) -> how often

    def _write(self, name, text):
        with open(os.path.join(self.directory, name), "w") as out:
            out.write(text)

    def audio(self):
        """More lines for its configuration."""
        return []

    def _account(self, number, site, target=None, parameters=True):
        """The URI of NUMBER, or of TARGET, as NUMBER's account at SITE reaches it."""
        transport = self.transports[self.numbers.index(number) % len(self.transports)]
        return (f"sip:{target or number}@{self.lab.net.site_address(site)}:{self.lab.net.sip_port + (transport == 'tls')}"
                + (f";transport={transport}" if parameters and transport != "udp" else ""))

    def start(self, regint=10, transport="udp"):
        self.transports = transport.split(",")
        tls = self.lab.deployment.sip_tls
        os.makedirs(self.directory, exist_ok=True)
        self._write("config", "\n".join([
            "poll_method epoll", f"sip_listen {self.address}:{self.sip_port}", f"net_interface {self.address}",
            *([f"sip_cafile {tls['ca']}"] if tls else []), "call_local_timeout 120", "call_max_calls 16", *self.audio(), "audio_source aubridge,silence",
            "audio_player aubridge,null", "audio_alert aubridge,null", "audio_level no", "ausrc_srate 8000",
            "auplay_srate 8000", "jitter_buffer_delay 5-10", f"rtp_ports {self.rtp_first}-{self.rtp_first + 199}",
            "module_path /usr/lib/baresip/modules", "module g711.so", "module aubridge.so",
            "module_tmp uuid.so", "module_tmp account.so", "module_app contact.so", "module_app menu.so",
            "module_app ctrl_tcp.so", f"ctrl_tcp_listen {self.address}:{self.control_port}", ""]))
        accounts = [
            f"<{self._account(number, site)}>;auth_user={number};"
            f"auth_pass={self.lab.password(number)};answermode=auto;regint={regint};audio_codecs=pcmu"
            for number in self.numbers for site in self.lab.sites]
        self._write("accounts", "\n".join(accounts) + "\n")
        self._write("contacts", "")
        self.process = self.lab.processes.start(f"phones-{self.site}", ["baresip", "-4", "-f", self.directory, "-s"],
                                                os.path.join(self.directory, "log"),
                                                netns=self.lab.net.netns("phones"), orphan_signal=signal.SIGKILL)
        self.control = None

    def poll(self):
        """Read baresip's events; connect to it first when it is up."""
        if self.process is None or not self.process.running():
            return
        for line in new_lines(os.path.join(self.directory, "log"), self.offsets):
            self._trace(line)
        if self.control is None:
            with self.lab.net.inside("phones"):
                control = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                control.connect((self.address, self.control_port))
            except OSError:
                control.close()
                return
            control.setblocking(False)
            self.control = control
            self.command("reginfo")   # what was said before we listened
        while True:
            try:
                data = self.control.recv(65536)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                self.control.close()
                self.control = None
                break
            self.buffer += data
        for event in self._frames():
            self._event(event)

    def _trace(self, line):
        if asked := re.match(r"INVITE sip:(\d+)-", line):
            self.asked = asked.group(1)
        elif self.asked and (way := re.match(r"a=(sendrecv|sendonly|inactive)", line)):
            (self.held.discard if way.group(1) == "sendrecv" else self.held.add)(self.asked)
            self.asked = None

    def _frames(self):
        while b":" in self.buffer:
            size, rest = self.buffer.split(b":", 1)
            if len(rest) < int(size) + 1:
                return
            self.buffer = rest[int(size) + 1:]
            yield json.loads(rest[:int(size)])

    def _event(self, event):
        if event.get("response"):
            self._answer(event)
            return
        kind = event.get("type", "")
        account = re.match(r"sips?:(\w+)@([\d.]+)", event.get("accountaor", ""))
        if not account:
            return
        number = account.group(1)
        at = self.lab.site_of_address(account.group(2))
        if kind in ("REGISTER_OK", "REGISTER_FAIL"):
            good = kind == "REGISTER_OK"
            if self.registered.get((number, at)) != good:
                self.lab.note("phone", f"{number} {'registered' if good else 'registration failed'} at {at}")
            self.registered[(number, at)] = good
            if good:
                self.registered_at[(number, at)] = clock.now()
            self.registrations[(number, at)] = self.registrations.get((number, at), 0) + good
            return
        peer = re.match(r"sips?:([\w.+-]+)@", event.get("peeruri", ""))
        peer = peer.group(1) if peer else "?"
        if kind == "CALL_ESTABLISHED":
            self.calls[(event.get("id"), number)] = (number, peer)
            if event.get("direction") == "incoming":
                self.lab.phone_answered(number, at, peer)
            else:
                self.lab.note("phone", f"{number} is connected with {peer} through {at}")
        elif kind == "CALL_CLOSED":
            self.calls.pop((event.get("id"), number), None)
            self.lab.note("phone", f"{number} call with {peer} closed: {event.get('param', '')}")

    def _answer(self, event):
        """To a command of ours: a refusal, or the list of accounts (each "sip:1001@192.0.2.1:5060   OK")."""
        data = event.get("data", "")
        if not event.get("ok"):
            self.lab.note("phone", f"baresip of {self.site} refused: {data.strip()}")
        for number, address in re.findall(r"sip:(\w+)@([\d.]+):\d+\s+\x1b\[\d+mOK", data):
            at = self.lab.site_of_address(address)
            if at and not self.registered.get((number, at)):
                self.registered[(number, at)] = True
                self.registrations[(number, at)] = 1
                self.lab.note("phone", f"{number} registered at {at}")

    def command(self, name, *params):
        if self.control is None:
            raise RuntimeError(f"phones of {self.site}: baresip does not answer (see {self.directory}/log)")
        text = json.dumps({"command": name, "params": " ".join(params), "token": "lab"}).encode()
        self.control.sendall(b"%d:%s," % (len(text), text))

    def _choose(self, number, site):
        self.command("uafind", self._account(number, site, parameters=False))

    def dial(self, number, site, target):
        self._choose(number, site)
        self.command("dial", self._account(number, site, target, parameters=False))

    def hang_up(self, number, site):
        self._choose(number, site)
        self.command("hangup")

    def suspend(self, number, site):
        self._choose(number, site)
        self.command("hold")

    def resume(self, number, site):
        self._choose(number, site)
        self.command("resume")


class Music(Phones):
    """deploy/music: a baresip that plays to callers who wait; no phone, so it has no account at a site."""

    NUMBER = "music"

    def __init__(self, lab, index):
        super().__init__(lab, "music", [], index)
        self.playing = set()     # ids of calls that hear it

    @property
    def contact(self):
        return f"sip:{self.NUMBER}@{self.address}:{self.sip_port}"

    def start(self):
        self.process = self.lab.processes.start(
            "music", [os.path.join(REPOSITORY, "deploy", "music", "run"), "--address", f"{self.address}:{self.sip_port}",
                      "--directory", self.directory, "--control", str(self.control_port), "--rtp", "21000"],
            os.path.join(self.lab.directory, "music.out"), netns=self.lab.net.netns("phones"), orphan_signal=signal.SIGKILL)

    def _event(self, event):
        if event.get("type") == "CALL_ESTABLISHED":
            self.playing.add(event.get("id"))
        elif event.get("type") == "CALL_CLOSED":
            self.playing.discard(event.get("id"))


class Visitor(Phones):
    """A caller with ears: a phone whose baresip writes down what it hears."""

    def audio(self):
        os.makedirs(self._heard(), exist_ok=True)
        return [*super().audio(), "module sndfile.so", f"snd_path {self._heard()}"]

    def _heard(self):
        return os.path.join(self.directory, "heard")

    def heard(self):
        """Seconds of sound in what it received, over all its calls."""
        seconds = 0.0
        for name in os.listdir(self._heard()):
            if not name.endswith("-dec.wav"):
                continue
            with open(os.path.join(self._heard(), name), "rb") as source:
                data = source.read()[44:]
            samples = array.array("h", data[:len(data) // 2 * 2])
            seconds += sum(max(samples[at:at + 800]) > 500 for at in range(0, len(samples) - 800, 800)) / 10
        return seconds


def new_lines(path, offsets):
    """Whole lines that have been added to the file PATH since the last time."""
    try:
        with open(path, "rb") as source:
            source.seek(offsets.get(path, 0))
            data = source.read()
    except FileNotFoundError:
        return []
    end = data.rfind(b"\n") + 1
    offsets[path] = offsets.get(path, 0) + end
    return data[:end].decode("utf-8", "replace").splitlines()


class Call:
    """One call as its caller saw it, from SIPp's own traces."""

    def __init__(self, call_id):
        self.call_id = call_id
        self.asked = None       # instant of the first INVITE
        self.heard = None       # of the first answer to it, whichever it is
        self.answered = None
        self.answered_by = None # address in the Contact of the 200
        self.ended = None
        self.status = None      # final status of the INVITE
        self.released_by = None # "caller" or "callee"
        self.bye_answered = False
        self.name = None


class Caller:
    """One SIPp process: COUNT calls to NUMBER at RATE per second, each lasting DURATION seconds."""

    def __init__(self, lab, name, target, number, count=1, rate=10.0, duration=2.0, scenario="caller", index=0, keys=None, more=()):
        self.lab = lab
        self.name = name
        self.count = count
        self.scenario = scenario
        self.directory = os.path.join(lab.directory, "calls", name)
        os.makedirs(self.directory, exist_ok=True)
        port = lab.net.sip_port + 300 + index * 2
        argv = ["sipp", "-sf", os.path.join(SIPP_SCENARIOS, f"{scenario}.xml"), target,
                "-i", lab.net.address("callers"), "-p", str(port), "-mp", str(30000 + index * 10 % 20000),
                "-s", number, "-d", str(int(duration * 1000)), "-r", f"{max(rate, 0.001) * 1000:.0f}", "-rp", "1000000",
                "-l", "5000", "-key", "name", name, "-cid_str", f"{name}.%u-%p@%s", "-nostdin",
                "-trace_shortmsg", "-shortmessage_file", self._path("messages"),
                "-trace_logs", "-log_file", self._path("answers"), "-trace_err", "-error_file", self._path("errors")]
        for key, value in (keys or {}).items():
            argv += ["-key", key, str(value)]
        argv += more
        if count:
            argv += ["-m", str(count)]
        self.process = lab.processes.start(f"caller-{name}", argv, self._path("screen"),
                                           netns=lab.net.netns("callers"), orphan_signal=signal.SIGKILL)
        self.calls = {}
        self.noted = 0
        self.offsets = {}

    def _path(self, name):
        return os.path.join(self.directory, name)

    def poll(self):
        for line in new_lines(self._path("messages"), self.offsets):
            fields = line.split("\t")
            if len(fields) >= 7:
                self._message(clock.wall_to_mono(float(fields[2])), *fields[3:7])
        for line in new_lines(self._path("answers"), self.offsets):
            match = re.match(r"ANSWERED (\S+) .*?sips?:(?:[^@>]*@)?([\d.]+)", line)
            if match:
                call = self.calls.setdefault(match.group(1), Call(match.group(1)))
                call.answered_by = match.group(2)
                self.lab.call_answered(self, call)

    def _message(self, at, way, call_id, cseq, first_line):
        call = self.calls.setdefault(call_id, Call(call_id))
        call.name = call_id.split("-")[0]
        status = re.match(r"SIP/2.0 (\d+)", first_line)
        method = cseq.split()[-1]
        if way == "R" and status and call.heard is None:
            call.heard = at
        if way == "S" and first_line.startswith("INVITE ") and call.asked is None:
            call.asked = at
        elif way == "R" and status and method == "INVITE" and int(status.group(1)) >= 200 and call.status is None:
            call.status = int(status.group(1))
            if call.status < 300:
                call.answered = at
            else:
                call.ended = at
                self.lab.call_failed(self, call)
        elif first_line.startswith("BYE ") and call.released_by is None:
            call.released_by = "caller" if way == "S" else "callee"
            call.ended = at
            if way == "R":
                self.lab.call_released(self, call)
        elif way == "R" and status and method == "BYE" and int(status.group(1)) == 200:
            call.bye_answered = True

    def up(self):
        """Calls that were answered and have not ended."""
        return [call for call in self.calls.values() if call.answered and not call.ended]

    def answered(self):
        return [call for call in self.calls.values() if call.answered]

    def failed(self):
        return [call for call in self.calls.values() if call.status and call.status >= 300]

    def completed(self):
        """Answered, and released in order."""
        return [call for call in self.answered()
                if call.ended and (call.bye_answered or call.released_by == "callee")]


class Agents:
    """Headless agents of one site: `desktop agent`, which logs in, gets ready, and moves by itself (SF-5)."""

    def __init__(self, lab, site, names, label=None):
        self.lab = lab
        self.site = site
        self.label = label or site
        self.names = names if isinstance(names, dict) else {name: lab.agents[name] for name in names}   # name -> number
        self.process = None

    def start(self, state="ready"):
        order = [self.site] + [site for site in self.lab.sites if site != self.site]
        urls = ",".join(f"http://{self.lab.net.site_address(site)}:{self.lab.agent_http_port}" for site in order)
        users = ",".join(f"{name}:{self.lab.password(name)}:{number}" for name, number in self.names.items())
        self.process = self.lab.processes.start(
            f"agents-{self.label}",
            [self.lab.program("desktop"), "agent", "--sites", urls, "--users", users, "--state", state],
            os.path.join(self.lab.directory, f"agents-{self.label}.out"), netns=self.lab.net.netns("phones"),
            env=self.lab.environment())
