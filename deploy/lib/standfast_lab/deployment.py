"""The hosts of a deployment: its two YAML files, `hamgr init`, the hosts themselves, and what they say of themselves.
"""
import json
import os
import signal
import subprocess
import urllib.request

from . import clock, sets

# What an operator might write for machines that are close together; tests and demo want failures seen soon.
TIMEOUTS = {"lease-ttl": "1s", "renew-interval": "250ms", "site-dead-after": "3s", "component-beat-limit": "2s",
            "component-start-limit": "20s", "stop-grace": "5s"}
OPTIONS = {"dr-forward": "off", "oos-check": "1s", "oos-force": "1s", "recovery-checks": "3",
           "recovery-timeout": "3s", "ring-timeout": "15s",
           "registration-expires-min": "5s"}
QUEUE = "8000"
ROUTING_POINT = "8100"
WAITING = "8200"      # where the lab has music


class Deployment:
    """All hosts, known by name ("east.1"), and the arbiter ("arbiter")."""

    def __init__(self, lab, timeouts=None, options=None, site_fields=None, profile=None):
        """PROFILE: that of the bootstrap file, whose timeouts then count instead of TIMEOUTS."""
        self.lab = lab
        self.profile = profile
        self.site_fields = site_fields or {}   # further fields of every site in the bootstrap file
        self.timeouts = {**({} if profile else TIMEOUTS), **(timeouts or {})}
        self.options = {**OPTIONS, **(options or {})}
        self.bootstrap_file = os.path.join(lab.directory, "standfast.yaml")
        self.configuration_file = os.path.join(lab.directory, "configuration.yaml")
        self.hosts = [f"{site}.{index}" for site in lab.sites for index in (1, 2)]
        self.processes = {}   # name of host -> Process
        self.tmpfs = []
        self.disks = {}       # host -> image of its own disk
        self.stalled = set()
        self.founded = False
        self.sip_tls = None   # {certificate: path, key: path, ca: path}: SIP over TLS, at the port after that of SIP

    # -- the files -------------------------------------------------------------------------------------------

    def write_bootstrap(self):
        net = self.lab.net
        lines = [
            "# Written by the lab: who the hosts are.  The same file serves every host, --self says which one.",
            "cluster: lab",
            f"data-dir: {self.lab.directory}/data/%h",
            f"run-dir: {self.lab.directory}/run/%h",
            "ports: {" + ", ".join(f"{name}: {port}" for name, port in (
                ("sip", net.sip_port), *([("sip-tls", net.sip_port + 1)] if self.sip_tls else []), ("agent-http", self.lab.agent_http_port), ("stats-http", net.http_port),
                ("lease", net.bus_port), ("log", net.bus_port + 1), ("stats", net.bus_port + 2), ("replica", net.bus_port + 3))) + "}",
            *([f"profile: {self.profile}"] if self.profile else []),
            "timeouts: {" + ", ".join(f"{name}: {value}" for name, value in self.timeouts.items()) + "}"]
        if self.sip_tls:
            lines.append("sip-tls: {" + ", ".join(f"{name}: {path}" for name, path in self.sip_tls.items()) + "}")
        if self.lab.arbiter:
            lines.append(f"arbiter: {{name: arbiter, address: {net.address('arbiter')}}}")
        lines.append("sites:")
        for index, site in enumerate(self.lab.sites, 1):
            lines += [f"  - name: {site}", f"    id: {index}", f'    site-address: "{net.site_address(site)}"']
            lines += ([f"    address-mode: interface", f"    interface: {net.interface}", "    prefix-length: 24"]
                      if net.namespaces else ["    address-mode: loopback"])
            lines += [f"    {name}: {value}" for name, value in self.site_fields.items()]
            lines.append("    hosts:")
            lines += [f"      - {{name: {site}.{host}, address: {net.address(f'{site}.{host}')}}}" for host in (1, 2)]
        with open(self.bootstrap_file, "w") as out:
            out.write("\n".join(lines) + "\n")

    def write_configuration(self):
        net = self.lab.net
        lines = ["# Written by the lab: what the hosts serve.  hamgr config import reads it.", "options:",
                 "  realm: lab.example"]
        lines += [f"  {name}: {value}" for name, value in self.options.items()]
        peers = dict(zip(self.lab.sites, reversed(self.lab.sites))) if len(self.lab.sites) > 1 else {}
        lines += ["sites:"] if peers else []
        lines += [f"  {site}: {{dr-peer-trunk: to-{peer}}}" for site, peer in peers.items()]
        lines.append("dns:")
        for agent, number in self.lab.agents.items():
            lines.append(f'  - {{number: "{number}", type: extension, password: {self.lab.password(number)}, '
                         f"display-name: {agent.capitalize()}}}")
        lines += [f'  - {{number: "{QUEUE}", type: acd-queue, display-name: Sales, queue-size-max: 500}}',
                  f'  - {{number: "{ROUTING_POINT}", type: routing-point, display-name: Main number, targets: ["{QUEUE}"]}}',
                  f'  - {{number: gw, type: trunk, contact: "sip:{net.address("gateway")}:{net.sip_port}", '
                  'prefixes: ["0"], follows-redirect: true}']
        if self.lab.music:
            lines += self._music()
        if self.lab.sets:
            lines += self._sets()
        lines += [f'  - {{number: to-{peer}, type: trunk, contact: "sip:{net.site_address(peer)}:{net.sip_port}", '
                  f"sites: [{site}]}}" for site, peer in peers.items()]
        lines.append("agents:")
        for agent, number in self.lab.agents.items():
            lines.append(f'  - {{id: {agent}, name: {agent.capitalize()}, password: {self.lab.password(agent)}, '
                         f'dn: "{number}", queues: ["{QUEUE}"]}}')
        if self.lab.sets:
            lines += [f'  - {{id: {agent}, name: {agent.capitalize()}, password: {self.lab.password(agent)}, '
                      f'dn: "{number}", queues: ["{sets.QUEUE}"]}}' for agent, number in sets.AGENTS.items()]
        with open(self.configuration_file, "w") as out:
            out.write("\n".join(lines) + "\n")

    def _music(self):
        """A queue that no agent serves: who calls it hears music, and after a while goes on to the other one."""
        from .lab import GUEST, VISITOR
        return [f'  - {{number: music, type: service, contact: "{self.lab.music.contact}"}}',
                f'  - {{number: "{WAITING}", type: acd-queue, display-name: Support, dr-forward: off, music: [music], '
                f'queue-answer-after: 1ms, queue-wait-max: 8s, overflow-wait: "{QUEUE}"}}',
                *(f'  - {{number: "{number}", type: extension, password: {self.lab.password(number)}, display-name: {name}}}'
                  for number, name in ((VISITOR, "Visitor"), (GUEST, "Guest")))]

    def _sets(self):
        """Telephone sets, their queue, and the lines by which their callers come."""
        numbers = [*sets.NUMBERS, *sets.AGENTS.values()]
        return [*(f'  - {{number: "{number}", type: extension, password: {self.lab.password(number)}}}' for number in numbers),
                f'  - {{number: "{sets.QUEUE}", type: acd-queue, display-name: Sets}}',
                f'  - {{number: "{sets.WAITING}", type: acd-queue, display-name: Music, music: [tunes], queue-answer-after: 1ms, '
                f'queue-wait-max: 3s, overflow-wait: "{sets.LEAVES}"}}',
                f'  - {{number: tunes, type: service, contact: "sip:music@{self.lab.sets.address}:{self.lab.sets.music_port}"}}',
                f'  - {{number: {sets.LINES}, type: trunk, contact: "sip:{self.lab.net.address("callers")}", '
                'oos-check: 40s, oos-force: 40s, recovery-timeout: 80s}']   # who calls answers no OPTIONS

    # -- founding, starting ----------------------------------------------------------------------------------

    def found(self):
        """hamgr init: keys, cluster secret and first votes of every host."""
        self.write_bootstrap()
        self.write_configuration()
        for name in [*self.hosts, "arbiter"]:
            for folder in ("data", "run"):
                os.makedirs(os.path.join(self.lab.directory, folder, name), mode=0o700, exist_ok=True)
        done = self.hamgr("init")
        if done.returncode != 0:
            raise RuntimeError(f"hamgr init: {done.stderr.strip() or done.stdout.strip()}")
        self.founded = True

    def mount_small_store(self, host, size="24m"):
        """A tmpfs for the data of HOST, so that `fill` can fill it.  Before hamgr init."""
        path = os.path.join(self.lab.directory, "data", host)
        os.makedirs(path, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "lab", path], check=True)
        self.tmpfs.append(path)

    def mount_disk(self, host, size="48m"):
        """A file system of its own for the data of HOST, so that `stall` can stop it and `spoil` break it.  Before hamgr init."""
        path = self._data(host)
        image = f"{path}.img"
        os.makedirs(path, exist_ok=True)
        with open(image, "wb") as file:
            file.truncate(int(size[:-1]) << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
        self.disks[host] = image
        self._mount(host)

    def _data(self, host):
        return os.path.join(self.lab.directory, "data", host)

    def _mount(self, host):
        subprocess.run(["mount", "-o", "loop,errors=remount-ro", self.disks[host], self._data(host)], check=True)

    def stall(self, host):
        """Whatever writes to HOST's disk, or asks that it be written, waits."""
        subprocess.run(["fsfreeze", "-f", self._data(host)], check=True)
        self.stalled.add(host)
        self.lab.note("lab", f"stall {host}")

    def unstall(self, host):
        self.lab.note("lab", f"unstall {host}")
        subprocess.run(["fsfreeze", "-u", self._data(host)], check=True)
        self.stalled.discard(host)

    def spoil(self, host):
        """HOST's disk has an error: its kernel makes it read-only, under open files, too."""
        device = subprocess.run(["findmnt", "-n", "-o", "SOURCE", self._data(host)], check=True, capture_output=True, text=True).stdout.strip()
        self.lab.note("lab", f"spoil {host}")
        with open(f"/sys/fs/ext4/{os.path.basename(device)}/trigger_fs_error", "w") as trigger:
            trigger.write("1")

    def mend(self, host):
        """What an operator does with such a disk, the host being stopped: check it, mount it again."""
        subprocess.run(["umount", self._data(host)], check=True)
        done = subprocess.run(["fsck.ext4", "-p", self.disks[host]], capture_output=True, text=True)
        if done.returncode not in (0, 1):
            raise RuntimeError(f"fsck: {done.stdout.strip()}")
        self._mount(host)
        self.lab.note("lab", f"mend {host}")

    def unstall_all(self):
        for host in list(self.stalled):
            self.unstall(host)

    def unmount(self):
        for path in [*self.tmpfs, *map(self._data, self.disks)]:
            subprocess.run(["umount", "-l", path], check=False, capture_output=True)
        self.tmpfs.clear()

    def start(self, host):
        """HOST's whole group of processes; the arbiter is one process."""
        running = self.processes.get(host)
        if running and running.running():
            raise RuntimeError(f"{host} runs already")
        verb = ["arbiter"] if host == "arbiter" else ["run", "--supervise"]
        self.processes[host] = self.lab.processes.start(
            host, [self.lab.program("hamgr"), *verb, "--config", self.bootstrap_file, "--self", host],
            os.path.join(self.lab.directory, f"{host}.out"), netns=self.lab.net.netns(host),
            env=self.lab.environment())
        self.lab.note("lab", f"start {host}")

    def process(self, host):
        if host not in self.processes:
            raise RuntimeError(f"{host} has not been started")
        return self.processes[host]

    def kill(self, host, program=None):
        pids, at = self.process(host).kill(program)
        self.lab.note("lab", f"kill {host}{'.' + program if program else ''} ({len(pids)} processes)", at=at)
        return pids

    def stop(self, host):
        self.process(host).terminate()
        self.lab.note("lab", f"stop {host}")

    def freeze(self, host, program=None):
        self.process(host).signal_all(signal.SIGSTOP, program)
        self.lab.note("lab", f"freeze {host}{'.' + program if program else ''}")

    def thaw(self, host, program=None):
        self.lab.note("lab", f"thaw {host}{'.' + program if program else ''}")
        self.process(host).signal_all(signal.SIGCONT, program)

    # -- what it says ----------------------------------------------------------------------------------------

    def hamgr(self, *arguments, self_name=None, timeout=20):
        """Run the operator's command line at a host, as an operator would."""
        name = self_name or self.hosts[0]
        command = [self.lab.program("hamgr"), *arguments, "--config", self.bootstrap_file, "--self", name]
        netns = self.lab.net.netns(name)
        if netns:
            command = ["nsenter", f"--net=/run/netns/{netns}", "--", *command]
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=timeout * clock.SLOW,
                                  env={**os.environ, **self.lab.environment()})
        except subprocess.TimeoutExpired as late:
            return subprocess.CompletedProcess(command, 124, late.stdout or "", f"no answer in {timeout} s")

    def status(self, host):
        """`hamgr status --json` at HOST, or None when nobody answers there."""
        if host not in self.processes or not self.processes[host].running():
            return None
        done = self.hamgr("status", "--json", self_name=host)
        if done.returncode != 0:
            return None
        try:
            return json.loads(done.stdout)
        except ValueError:
            return None

    def state(self, host):
        """/api/state of HOST's Stat Server, or None."""
        if host not in self.processes or not self.processes[host].running():
            return None
        return self.http_json(host, f"http://{self.lab.net.address(host)}:{self.lab.net.http_port}/api/state")

    def http_json(self, host, url):
        """GET as somebody on HOST itself."""
        try:
            with self.lab.net.inside(host):
                with urllib.request.urlopen(url, timeout=2 * clock.SLOW) as reply:
                    return json.load(reply)
        except (OSError, ValueError):
            return None

    def running_hosts(self, site=None):
        return [host for host in self.hosts if host in self.processes and self.processes[host].running()
                and (site is None or host.startswith(site + "."))]
