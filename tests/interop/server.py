"""One site on loopback addresses for the tests of this folder: two hosts, the arbiter, phones' numbers, a gateway's trunk.

    with OneSite(bin_dir) as site:
        site.server                  (address, port) where SIP is served
        site.callers                 an address that is a gateway's: the trunk `gw`
        site.faults()                what must not have happened: sanitizer reports, processes that were started again

Addresses are 127.NET.x.y; 127.NET.9.y are the strangers'.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "deploy", "lib"))

from standfast_lab import clock                        # noqa: E402
from standfast_lab.certificates import authority       # noqa: E402
from standfast_lab.deployment import Deployment        # noqa: E402
from standfast_lab.lab import Lab                      # noqa: E402
from standfast_lab.look import Eyes                    # noqa: E402
from standfast_lab.net import Loopback                 # noqa: E402
import sip                                             # noqa: E402

REALM = "interop.example"
PHONES = {"2001": "Quiet-Heron-51", "2002": "Loud-Otter-77"}
SITE = "east"


def bin_folder(asked):
    """ASKED, or the newest of this tree's own builds."""
    if asked:
        return os.path.abspath(asked)
    for preset in ("asan", "release"):
        folder = os.path.join(ROOT, "build", preset, "bin")
        if os.path.exists(os.path.join(folder, "sipserver")):
            return folder
    raise RuntimeError("no programs found: build them (tests/run does), or name their folder with --bin")


class At(Loopback):
    """A loopback net whose site address may be another one (::1)."""

    def __init__(self, net, site_address=None):
        super().__init__(net)
        self.given = site_address

    def site_address(self, site):
        return self.given or super().site_address(site)


class OneSiteDeployment(Deployment):
    phones = PHONES
    dns = ()          # further DNs, as lines of the file

    def write_configuration(self):
        net = self.lab.net
        lines = ["options:", f"  realm: {REALM}", *(f"  {name}: {value}" for name, value in self.options.items()), "dns:"]
        lines += [f'  - {{number: "{number}", type: extension, password: {password}}}' for number, password in self.phones.items()]
        lines += ['  - {number: "8000", type: acd-queue, display-name: Sales}',
                  f'  - {{number: gw, type: trunk, contact: "sip:{net.address("gateway")}:{net.sip_port}", prefixes: ["0"]}}', *self.dns]
        with open(self.configuration_file, "w") as out:
            out.write("\n".join(lines) + "\n")


class OneSite:
    def __init__(self, bin_dir=None, net=131, options=None, keep=False, phones=None, dns=(), site_address=None, tls=False):
        self.directory = tempfile.mkdtemp(prefix="standfast-interop.")
        self.keep = keep
        self.lab = Lab(self.directory, At(net, site_address), bin_folder(bin_dir), sites=(SITE,))
        self.lab.deployment = OneSiteDeployment(
            self.lab, options={"registration-expires-min": "5s", **(options or {})})
        self.lab.deployment.options.pop("dr-forward")
        self.lab.deployment.phones = phones or PHONES
        self.lab.deployment.dns = dns
        if tls:
            self.lab.deployment.sip_tls = authority(self.directory, self.lab.net.site_address(SITE))
        self.eyes = Eyes(self.lab)
        self.server = (self.lab.net.site_address(SITE), self.lab.net.sip_port)
        self.callers = self.lab.net.address("gateway")
        self.stranger = "::1" if site_address else f"127.{net}.9.1"
        self.primary = None
        self.pids = []
        self.reports = []

    def __enter__(self):
        lab = self.lab
        try:
            lab.up()
            lab.deployment.found()
            for host in ["arbiter", *lab.deployment.hosts]:
                lab.deployment.start(host)
            said = [""]

            def imported():
                done, said[0] = lab.import_configuration()
                return done
            if not lab.wait(imported, 30, interval=0.2):
                raise RuntimeError(f"the configuration was not accepted: {said[0]}; see {self.directory}")
            if not lab.wait(self._serving, 20, interval=0.1):
                raise RuntimeError("no host serves: see " + self.directory)
        except BaseException:
            self.keep = True
            lab.down()
            raise
        return self

    def _serving(self):
        """A host is primary, and its SIP server has the configuration."""
        self.primary = self.eyes.primary_of(SITE)
        if self.primary is None:
            return False
        with sip.Peer(self.stranger, 0, self.server) as probe:
            if not probe.alive(0.5):
                return False
        self.pids = self._sipservers()
        return True

    def _sipservers(self):
        deployment = self.lab.deployment
        return sorted(pid for host in deployment.hosts for pid in deployment.process(host).members("sipserver"))

    def logs(self):
        """Everything that any process has written so far: log files and what went to the terminal."""
        for folder, _, names in os.walk(self.directory):
            if os.path.basename(folder) in ("data", "run"):
                continue
            for name in names:
                if name.endswith((".log", ".out")):
                    with open(os.path.join(folder, name), "rb") as source:
                        yield os.path.join(folder, name), source.read()

    def faults(self):
        """To be asked before the end, and once more after it (what a sanitizer says at exit)."""
        found = []
        if self.lab.processes.started:
            self._read_reports()
        found += self.reports
        if self.lab.processes.started and self._sipservers() != self.pids:
            found.append("a sipserver ended and was started again")
        if found:
            self.keep = True
        return found

    def _read_reports(self):
        """The line of each sanitizer report that says what it is."""
        self.reports = []
        for path in self.lab.sanitizer_reports():
            with open(path, errors="replace") as report:
                line = next((line.strip() for line in report if "ERROR" in line or "runtime error" in line), "a report")
            self.reports.append(f"{path}: {line}")

    def __exit__(self, *exception):
        self.lab.down()
        self._read_reports()
        if self.reports or exception[0] is not None:
            self.keep = True
        if self.keep:
            print(f"# kept: {self.directory}")
        else:
            shutil.rmtree(self.directory, ignore_errors=True)
        return False


if __name__ == "__main__":      # a site to try things at, until Ctrl-C
    sys.dont_write_bytecode = True
    with OneSite(*sys.argv[1:2]) as site_to_try:
        print(f"SIP at {site_to_try.server[0]}:{site_to_try.server[1]}, files in {site_to_try.directory}", flush=True)
        try:
            while True:
                site_to_try.lab.poll()
                time.sleep(0.2)
        except KeyboardInterrupt:
            pass
