"""One host as a test needs it: bootstrap file, certificate, configuration, hamgr and its components, on loopback."""
import hashlib
import json
import os
import re
import socket
import subprocess
import tempfile
import time
import urllib.request

OPTIONS = "oos-check: 1s, oos-force: 2s, registration-expires-min: 5s"


class House:
    names = ""      # of the certificate, besides the site address: ",DNS:..."

    def __init__(self, hamgr, net, site_address, options=""):
        self.folder = tempfile.TemporaryDirectory(prefix="transport-")
        self.dir = self.folder.name
        self.hamgr = hamgr
        self.net = net                    # "127.48": hosts are NET.1.1 and NET.3.1
        self.site = site_address
        self.gateway = f"{net}.9.1" if ":" not in site_address else site_address
        self.sip, self.tls = 5960, 5961
        self.file = os.path.join(self.dir, "standfast.yaml")
        self.options = ", ".join(filter(None, (OPTIONS, options)))
        self.processes = []
        self.certificate("site")
        self._write()

    # -- files -------------------------------------------------------------------------------------------------

    def path(self, name):
        return os.path.join(self.dir, name)

    def certificate(self, name, common_name="site.example"):
        """A key and a certificate of its own making, put in place whole, the key first."""
        for kind in ("key", "crt"):
            if os.path.exists(self.path(f"new.{kind}")):
                os.unlink(self.path(f"new.{kind}"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", f"/CN={common_name}", "-addext", f"subjectAltName=IP:{self.site}{self.names}",
                        "-keyout", self.path("new.key"), "-out", self.path("new.crt")], check=True, capture_output=True)
        os.rename(self.path("new.key"), self.path(f"{name}.key"))
        os.rename(self.path("new.crt"), self.path(f"{name}.crt"))

    def _write(self):
        with open(self.file, "w", encoding="utf-8") as f:
            f.write(f"""\
cluster: transport
data-dir: {self.dir}/%h
run-dir: {self.dir}/run/%h
ports: {{sip: {self.sip}, sip-tls: {self.tls}, agent-http: 18480, stats-http: 19490}}
sip-tls: {{certificate: {self.dir}/site.crt, key: {self.dir}/site.key, ca: {self.dir}/site.crt, check-interval: 200ms}}
arbiter: {{address: {self.net}.3.1}}
sites:
  - name: east
    id: 1
    site-address: "{self.site}"
    address-mode: loopback
    hosts:
      - {{name: east.1, address: {self.net}.1.1}}
""")
        host = f"[{self.gateway}]" if ":" in self.gateway else self.gateway
        with open(self.path("configuration.yaml"), "w", encoding="utf-8") as f:
            f.write(f"options: {{realm: transport, {self.options}}}\ndns:\n")
            for number in ("1001", "1002", "1003", "1004"):
                f.write(f'  - {{number: "{number}", type: extension, password: pw}}\n')
            f.write(f'  - {{number: gw, type: trunk, contact: "sip:{host}:5970;transport=tcp", prefixes: ["7"]}}\n')
            f.write(f'  - {{number: secure, type: trunk, contact: "sip:{host}:5971;transport=tls", prefixes: ["8"]}}\n')

    # -- life --------------------------------------------------------------------------------------------------

    def run(self, *verb, check=True, timeout=20):
        return subprocess.run([self.hamgr, *verb, "--config", self.file, "--self", "east.1"], check=check,
                              capture_output=True, text=True, timeout=timeout)

    def start(self, name, argv, **kwargs):
        with open(self.path(f"{name}.log"), "a", encoding="utf-8") as log:
            process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **kwargs)
        self.processes.append(process)
        return process

    def up(self):
        try:
            self._up()
        except BaseException:
            self.down()     # nothing stays behind
            raise

    def _up(self):
        self.run("init")
        for name, verb in (("arbiter", ["arbiter"]), ("east.1", ["run", "--supervise"])):
            self.start(name, [self.hamgr, *verb, "--config", self.file, "--self", name])
        until(lambda: self.run("config", "import", self.path("configuration.yaml"), check=False).returncode == 0, 20,
              "the configuration imported")
        until(self.serves, 20, "SIP served over TCP and TLS")

    def serves(self):
        try:
            for port in (self.sip, self.tls):
                socket.create_connection((self.site, port), timeout=1).close()
            stream = Stream(self)
            answer = self.ask(stream)
            stream.close()
        except OSError:
            return False
        return " 200 " in answer

    def down(self):
        for process in reversed(self.processes):
            if process.poll() is not None:
                continue
            if process.args[0] in ("baresip", "sipp"):
                process.kill()      # they would say good-bye to a server that goes, too
            else:
                process.terminate()
        for process in self.processes:
            process.wait(timeout=20)
        faults = []
        for name in os.listdir(self.dir):
            if name.endswith(".log"):
                with open(self.path(name), encoding="utf-8", errors="replace") as f:
                    if "Sanitizer" in f.read():
                        faults.append(name)
        assert not faults, f"a sanitizer complained in {faults}"
        self.folder.cleanup()

    def log(self, name="east.1"):
        with open(self.path(f"{name}.log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def counter(self, name):
        """A counter of the SIP server, as the Stat Server has it."""
        def find(value):
            if isinstance(value, dict):
                if name in value.get("counters", {}):
                    return value["counters"][name]
                value = list(value.values())
            found = [find(one) for one in value] if isinstance(value, list) else []
            return next((one for one in found if one is not None), None)
        with urllib.request.urlopen(f"http://{self.net}.1.1:19490/api/state", timeout=5) as answer:
            return find(json.load(answer))

    def sipserver(self):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as f:
                    words = f.read().split("\0")
            except OSError:
                continue
            if self.file in words and os.path.basename(words[0]) == "sipserver":
                return int(pid)
        return None

    def register(self, stream, number, contact):
        """REGISTER with digest over STREAM; the final answer."""
        extra = f"Contact: {contact}\r\nExpires: 60\r\n"
        challenge = self.ask(stream, method="REGISTER", extra=extra, number=number)
        extra = self.authorization(challenge, "REGISTER", number) + extra
        return self.ask(stream, method="REGISTER", extra=extra, number=number)

    # -- SIP ---------------------------------------------------------------------------------------------------

    def uri(self):
        return f"[{self.site}]" if ":" in self.site else self.site

    def message(self, method="OPTIONS", user="", extra="", body="", transport="TCP", number="1003"):
        serial = time.monotonic_ns()
        return (f"{method} sip:{user}{self.uri()} SIP/2.0\r\nVia: SIP/2.0/{transport} client.invalid;branch=z9hG4bK{serial};rport\r\n"
                f"From: <sip:{number}@{self.uri()}>;tag=t{serial}\r\nTo: <sip:{number}@{self.uri()}>\r\nCall-ID: c{serial}\r\n"
                f"CSeq: 1 {method}\r\nMax-Forwards: 70\r\n{extra}Content-Length: {len(body)}\r\n\r\n{body}")

    def ask(self, stream, **kwargs):
        stream.send(self.message(**kwargs))
        return stream.message()

    def authorization(self, challenge, method, number):
        nonce = re.search('nonce="([^"]+)"', challenge).group(1)
        realm = re.search('realm="([^"]+)"', challenge).group(1)
        uri = f"sip:{self.uri()}"

        def md5(text):
            return hashlib.md5(text.encode()).hexdigest()
        answer = md5(f"{md5(f'{number}:{realm}:pw')}:{nonce}:00000001:c:auth:{md5(f'{method}:{uri}')}")
        return (f'Authorization: Digest username="{number}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
                f'response="{answer}", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"\r\n')


class Stream:
    """A TCP or TLS connection that speaks SIP."""

    socket = None

    def __init__(self, house, tls=None, source=None):
        self.socket = socket.create_connection((house.site, house.tls if tls else house.sip), timeout=5,
                                               source_address=(source, 0) if source else None)
        if tls:
            self.socket = tls.wrap_socket(self.socket)
        self.socket.settimeout(5)
        self.data = b""

    def send(self, text):
        self.socket.sendall(text.encode())

    def message(self):
        """The next whole message; "" at the end of the connection."""
        while b"\r\n\r\n" not in self.data.lstrip(b"\r\n"):
            if not self._more():
                return ""
        self.data = self.data.lstrip(b"\r\n")
        head, rest = self.data.split(b"\r\n\r\n", 1)
        length = int(re.search(rb"\r\nContent-Length: *(\d+)", head).group(1))
        while len(rest) < length:
            if not self._more():
                return ""
            rest = self.data.split(b"\r\n\r\n", 1)[1]
        self.data = rest[length:]
        return (head + b"\r\n\r\n" + rest[:length]).decode()

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.data += data
        return bool(data)

    def ended(self, seconds):
        self.socket.settimeout(seconds)
        try:
            while self._more():
                pass
        except TimeoutError:
            return False
        return True

    def close(self):
        if self.socket:
            self.socket.close()

    __del__ = close


class Phones:
    """One headless baresip with an account for each (number, transport), driven over ctrl_tcp."""

    def __init__(self, house, accounts, address, port=5980):
        self.house = house
        self.address = address
        self.dir = house.path("phones")
        self.seen = []
        self.buffer = b""
        os.makedirs(self.dir)
        # An audio file would end the call at its end: silence.
        self._write("config", f"""\
poll_method epoll
sip_listen {address}:{port}
sip_certificate {house.dir}/site.pem
sip_cafile {house.dir}/site.crt
net_interface {address}
call_max_calls 8
audio_source aubridge,silence
audio_player aubridge,null
audio_alert aubridge,null
audio_level no
ausrc_srate 8000
auplay_srate 8000
rtp_ports 21000-21099
module_path /usr/lib/baresip/modules
module g711.so
module aubridge.so
module_tmp uuid.so
module_tmp account.so
module_app contact.so
module_app menu.so
module_app ctrl_tcp.so
ctrl_tcp_listen {address}:{port + 5}
""")
        self._write("accounts", "".join(
            f"<sip:{number}@{house.uri()}:{house.tls if transport == 'tls' else house.sip};transport={transport}>;"
            f"auth_user={number};auth_pass=pw;answermode=auto;regint=60;audio_codecs=pcmu\n"
            for number, transport in accounts))
        self._write("contacts", "")
        with open(house.path("site.pem"), "w", encoding="utf-8") as out:
            for kind in ("crt", "key"):
                with open(house.path(f"site.{kind}"), encoding="utf-8") as source:
                    out.write(source.read())
        house.start("baresip", ["baresip", "-4", "-f", self.dir, "-v"])
        until(lambda: self._connect(port + 5), 5, "baresip is up")

    def _write(self, name, text):
        with open(os.path.join(self.dir, name), "w", encoding="utf-8") as out:
            out.write(text)

    def _connect(self, port):
        try:
            self.control = socket.create_connection((self.address, port), timeout=1)
        except OSError:
            return False
        self.control.settimeout(0.1)
        return True

    def command(self, name, params=""):
        text = json.dumps({"command": name, "params": params, "token": "t"}).encode()
        self.control.sendall(b"%d:%s," % (len(text), text))

    def dial(self, number, transport, target):
        port = self.house.tls if transport == "tls" else self.house.sip
        self.command("uafind", f"sip:{number}@{self.house.uri()}:{port};transport={transport}")
        self.command("dial", f"sip:{target}@{self.house.uri()}:{port};transport={transport}")

    def poll(self):
        try:
            self.buffer += self.control.recv(65536)
        except TimeoutError:
            pass
        while b":" in self.buffer:
            size, rest = self.buffer.split(b":", 1)
            if len(rest) < int(size) + 1:
                return
            self.buffer = rest[int(size) + 1:]
            self.seen.append(json.loads(rest[:int(size)]))

    def registered(self):
        """How many accounts, as baresip itself lists them."""
        self.command("reginfo")
        self.poll()
        lists = [event["data"] for event in self.seen if event.get("response") and "User Agents" in event.get("data", "")]
        return lists[-1].count("mOK") if lists else 0

    def count(self, kind):
        self.poll()
        return sum(event.get("type") == kind for event in self.seen)


def until(what, seconds, text):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {text}")
