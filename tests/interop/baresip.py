"""A real phone: one headless baresip with one account, a tone of its own as its voice, and ears.

    phone = Phone(site, "2001", transport="tls", tone=440)
    phone.dial("2002"); phone.wait("CALL_ESTABLISHED"); phone.command("hold"); ...
    phone.heard()        {frequency: seconds} of the tones in what it received; ask when its call is over

baresip 1.0 (Debian 12): digest by MD5 only, no session timers, no 100rel, no Replaces of its own, and it does not check the server's
certificate; DTMF goes out as RTP events, and is understood as INFO.  Its control connection serves one client.
"""
import glob
import json
import math
import os
import re
import select
import signal
import socket
import struct
import time
import wave

RATE = 8000
TONES = (350, 440, 560, 700, 880)
WINDOW = RATE // 10


def write_tone(path, frequency, seconds=60):
    """A file that lasts longer than any call: baresip hangs up at its end."""
    second = b"".join(struct.pack("<h", int(8000 * math.sin(2 * math.pi * frequency * at / RATE))) for at in range(RATE))
    with wave.open(path, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(second * seconds)


def power(samples, frequency):
    """Goertzel: the share of the energy of SAMPLES that is at FREQUENCY."""
    factor = 2 * math.cos(2 * math.pi * frequency / RATE)
    last = before = 0.0
    for sample in samples:
        last, before = sample + factor * last - before, last
    energy = sum(sample * sample for sample in samples)
    return (last * last + before * before - factor * last * before) * 2 / (energy * len(samples)) if energy else 0.0


class Phone:
    started = 0

    def __init__(self, site, number, transport="udp", tone=440, answers=False, proxy=None, calls_max=4, regint=60):
        self.port = self.port_of(0)
        Phone.started += 1
        self.site = site
        self.number = number
        self.transport = transport
        self.family = 6 if ":" in site.server[0] else 4
        self.address = "::1" if self.family == 6 else site.lab.net.address("phones")
        self.rtp_first = 20000 + 20 * Phone.started
        self.directory = os.path.join(site.directory, f"phone-{number}")
        self.log = os.path.join(self.directory, "log")
        self.events, self.cursor, self.buffer = [], 0, b""
        os.makedirs(os.path.join(self.directory, "heard"))
        write_tone(os.path.join(self.directory, "tone.wav"), tone)
        host = f"[{self.address}]" if self.family == 6 else self.address
        self._write("config", "\n".join([
            "poll_method epoll", f"sip_listen {host}:{self.port}", f"net_interface {self.address}",
            *([f"sip_cafile {site.lab.deployment.sip_tls['ca']}"] if site.lab.deployment.sip_tls else []),
            "call_local_timeout 120", f"call_max_calls {calls_max}", f"audio_source aufile,{self.directory}/tone.wav",
            "audio_player aubridge,null", "audio_alert aubridge,null", "audio_level no", f"ausrc_srate {RATE}",
            f"auplay_srate {RATE}", "jitter_buffer_delay 1-5",
            f"rtp_ports {self.rtp_first}-{self.rtp_first + 19}",
            "module_path /usr/lib/baresip/modules", "module g711.so", "module aufile.so", "module aubridge.so", "module sndfile.so",
            f"snd_path {self.directory}/heard", "module_tmp uuid.so", "module_tmp account.so", "module_app contact.so",
            "module_app menu.so", "module_app ctrl_tcp.so", f"ctrl_tcp_listen {host}:{self.port + 2}", ""]))
        self.account = (f"<{self.uri(number)}>;auth_user={number};auth_pass={site.lab.deployment.phones[number]};"
                        f"answermode={'auto' if answers else 'manual'};regint={regint};audio_codecs=pcmu"
                        + (f';outbound="sip:{proxy};lr"' if proxy else ""))
        self._write("accounts", self.account + "\n")
        self._write("contacts", "")
        self.process = site.lab.processes.start(
            f"phone-{number}", ["baresip", f"-{self.family}", "-f", self.directory, "-s"], self.log, orphan_signal=signal.SIGKILL)
        self.control = self._connect()

    @classmethod
    def port_of(cls, more):
        """Where the phone listens that is started after MORE others from now."""
        return 5100 + 5 * (cls.started + 1 + more)

    def _write(self, name, text):
        with open(os.path.join(self.directory, name), "w") as out:
            out.write(text)

    def _connect(self):
        end = time.monotonic() + 10
        while True:
            control = socket.socket(socket.AF_INET6 if self.family == 6 else socket.AF_INET, socket.SOCK_STREAM)
            try:
                control.connect((self.address, self.port + 2))
                return control
            except OSError:
                control.close()
                if time.monotonic() > end or not self.process.running():
                    raise RuntimeError(f"baresip of {self.number} does not start: see {self.log}") from None
                time.sleep(0.02)

    def uri(self, number):
        address, port = self.site.server
        host = f"[{address}]" if self.family == 6 else address
        return f"sip:{number}@{host}:{port + (self.transport == 'tls')};transport={self.transport}"

    # -- what it is told and what it says ----------------------------------------------------------------------

    def command(self, name, params="", seconds=5.0):
        """Tell it; returns its words."""
        token = self.tell(name, params)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.poll(left)
            for event in self.events:
                if event.get("response") and event.get("token") == token:
                    self.events.remove(event)
                    if not event.get("ok"):
                        raise AssertionError(f"phone {self.number}: {name} {params}: {event.get('data')}")
                    return event.get("data", "")
        raise AssertionError(f"phone {self.number} did not answer to {name}")

    def tell(self, name, params=""):
        """Tell it, and do not wait for its words."""
        token = f"{name}{time.monotonic_ns()}"
        text = json.dumps({"command": name, "params": params, "token": token}).encode()
        self.control.sendall(b"%d:%s," % (len(text), text))
        return token

    def poll(self, seconds=0.0):
        if not select.select([self.control], [], [], seconds)[0]:
            return
        data = self.control.recv(65536)
        if not data:
            raise AssertionError(f"phone {self.number}: baresip has ended, see {self.log}")
        self.buffer += data
        while b":" in self.buffer:
            size, rest = self.buffer.split(b":", 1)
            if len(rest) < int(size) + 1:
                return
            self.buffer = rest[int(size) + 1:]
            self.events.append(json.loads(rest[:int(size)]))

    def wait(self, kind, seconds=8.0, **wanted):
        """The next event of KIND after the last one that was waited for."""
        end = time.monotonic() + seconds
        while True:
            events = [event for event in self.events if not event.get("response")]
            for at in range(self.cursor, len(events)):
                event = events[at]
                if event["type"] == kind and all(text in event.get(name, "") for name, text in wanted.items()):
                    self.cursor = at + 1
                    return event
            left = end - time.monotonic()
            if left <= 0:
                seen = [(event["type"], event.get("param", "")) for event in events[self.cursor:]]
                raise AssertionError(f"phone {self.number}: no {kind} {wanted or ''} within {seconds} s; seen {seen}; log {self.log}")
            self.poll(left)

    def forget(self):
        """A new call: what was is no longer waited for, or heard."""
        self.poll()
        self.cursor = sum(not event.get("response") for event in self.events)
        for path in glob.glob(os.path.join(self.directory, "heard", "*.wav")):
            os.unlink(path)

    def registered(self):
        return "mOK" in self.command("reginfo")

    def dial(self, number):
        self.command("dial", self.uri(number))

    def calls(self):
        """Its calls, as it lists them: [(line, state, on hold)]."""
        return [(int(line), state, "on hold" in text) for line, state, text in
                re.findall(r"\[line (\d+)\]\s+\S+\s+([A-Z]+)(.*)", self.command("listcalls"))]

    def take_line(self, line):
        """Commands count for this call from now on."""
        self.command("line", str(line))

    # -- what it sent and received ----------------------------------------------------------------------------

    def traced(self):
        """What it sent and received as text, in order."""
        with open(self.log, errors="replace") as log:
            return log.read()

    def answer_to(self, call_id):
        """The last 200 to an INVITE with CALL_ID as {header: value}."""
        found = [block for block in re.split(r"\n(?=SIP/2\.0 |[A-Z]+ sips?:)", self.traced().replace("\r\n", "\n"))
                 if block.startswith("SIP/2.0 200 ") and f"Call-ID: {call_id}" in block and re.search(r"CSeq: \d+ INVITE", block)]
        return dict(re.findall(r"^([\w-]+): (.*)$", found[-1], re.M))

    def heard(self):
        """{tone: seconds} of what it received, over all recordings since forget."""
        found = dict.fromkeys(TONES, 0.0)
        for path in glob.glob(os.path.join(self.directory, "heard", "*-dec.wav")):
            with open(path, "rb") as source:
                data = source.read()[44:]
            samples = struct.unpack(f"<{len(data) // 2}h", data[:len(data) // 2 * 2])
            for at in range(0, len(samples) - WINDOW, WINDOW):
                part = samples[at:at + WINDOW]
                if max(part) > 500:
                    best = max(TONES, key=lambda tone: power(part, tone))
                    if power(part, best) > 0.5:
                        found[best] += WINDOW / RATE
        return {tone: round(seconds, 1) for tone, seconds in found.items() if seconds}

    def packets_of(self, speaker):
        """How many RTP packets of the phone SPEAKER have arrived in the current call: its ports tell them."""
        ports = range(speaker.rtp_first, speaker.rtp_first + 20)
        return sum(int(count) for port, count in re.findall(r"IP=\S+:(\d+) psent=\d+ rcvd=(\d+)", self.command("audio_debug"))
                   if int(port) in ports)

    def close(self):
        self.control.close()
        if self.process.running():
            self.process.kill()      # it would say good-bye
