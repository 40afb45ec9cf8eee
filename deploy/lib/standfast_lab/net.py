"""Where a lab runs.

Loopback: every host has addresses in 127/8.  No root, no faults of the network.

Namespaces (root): every host is a network namespace on the bridge of its place, and one namespace, `wan`, holds
the bridges and routes between them.  Every fault is made in wan, where neither end can see it:

        east.1  east.2            west.1  west.2         arbiter       gateway phones callers
           \\      /                  \\      /               |              |     |      |
     ======================= wan: br-east  br-west  br-arbiter  br-access =================
                                  \\          /
                                   wan0, the user-space WAN link (wanlink: delay, jitter, loss)

Traffic between the sites goes through wanlink.  A cut is an nft rule: on wan's forward hook between places, on its
bridge's forward hook inside a place.  Unplugging takes the port of a host down, so that its link loses carrier.
"""
import contextlib
import ctypes
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import time

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

SITES = ("east", "west")
PEERS = ("gateway", "phones", "callers")


def _run(argv, stdin=None):
    done = subprocess.run(argv, input=stdin, text=True, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Loopback:
    """127.NET.x.y; sites are 127.NET.1 and 127.NET.2; PORT_BASE is the port of SIP, the others keep their distance."""

    namespaces = False

    def __init__(self, net=0, port_base=5060):
        self.prefix = f"127.{net}"
        self.interface = "lo"
        self.sip_port = port_base
        self.http_port = port_base + 4030   # 9090
        self.bus_port = port_base + 2641    # 7701

    def place_index(self, site):
        return SITES.index(site) + 1

    def address(self, node):
        if "." in node:
            site, host = node.split(".")
            return f"{self.prefix}.{self.place_index(site)}.{int(host)}"
        return f"{self.prefix}.{ {'arbiter': '3.1', 'gateway': '4.20', 'phones': '4.30', 'callers': '4.40'}[node] }"

    def site_address(self, site):
        return f"{self.prefix}.{self.place_index(site)}.100"

    def up(self, processes, directory):
        """Refuse to start over somebody else's sockets: Kamailio and others bind with SO_REUSEADDR, so a second
        lab would start and share the first one's ports."""
        nodes = [f"{site}.{host}" for site in SITES for host in (1, 2)] + ["arbiter", *PEERS]
        addresses = [self.address(node) for node in nodes] + [self.site_address(site) for site in SITES]
        for address in addresses:
            for kind, port in ((socket.SOCK_DGRAM, self.sip_port), (socket.SOCK_STREAM, self.http_port)):
                with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as probe:
                    if kind == socket.SOCK_STREAM:   # connections that linger are no listener
                        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    try:
                        probe.bind((address, port))
                    except OSError as error:
                        raise RuntimeError(f"{address}:{port} is in use ({error.strerror}); "
                                           "another lab? choose --net and --port-base") from error

    def down(self):
        pass

    def netns(self, node):
        return None

    @contextlib.contextmanager
    def inside(self, node):
        yield


class Namespaces:
    """Namespaces named PREFIX-NODE.  Addresses are the same in every run: namespaces keep runs apart."""

    namespaces = True
    interface = "eth0"
    sip_port = 5060
    http_port = 9090
    bus_port = 7701
    replica_port = bus_port + 3

    def __init__(self, prefix, wanlink):
        self.prefix = prefix
        self.wanlink = wanlink
        self.nodes = [f"{site}.{host}" for site in SITES for host in (1, 2)] + ["arbiter", *PEERS]
        self.control = None
        self.cuts = {}    # (from, to, TCP port or None for all) -> percent lost
        self.unplugged = set()
        self.made = False

    # -- addresses -------------------------------------------------------------------------------------------

    def place(self, node):
        if node.split(".")[0] in SITES:
            return node.split(".")[0]
        return "access" if node in PEERS else node

    def place_net(self, place):
        return f"10.71.{ {'east': 1, 'west': 2, 'arbiter': 3, 'access': 4}[place] }"

    def address(self, node):
        if "." in node:
            site, host = node.split(".")
            return f"{self.place_net(site)}.{10 + int(host)}"
        return f"{self.place_net(self.place(node))}.{ {'arbiter': 10, 'gateway': 20, 'phones': 30, 'callers': 40}[node] }"

    def site_address(self, site):
        return f"{self.place_net(site)}.100"

    def netns(self, node):
        return f"{self.prefix}-{node}"

    @contextlib.contextmanager
    def inside(self, node):
        """Sockets made in this block belong to NODE's namespace (and stay there)."""
        with open("/proc/self/ns/net") as own, open(f"/run/netns/{self.netns(node)}") as other:
            if _libc.setns(other.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"setns {node}")
            try:
                yield
            finally:
                _libc.setns(own.fileno(), _CLONE_NEWNET)

    # -- up and down -----------------------------------------------------------------------------------------

    def _ip(self, node, *command):
        # Not `ip -n`: that wants to remount /, which not every container-like root allows.
        return self._in(node, "ip", *command)

    def _in(self, node, *argv, stdin=None):
        return _run(["nsenter", f"--net=/run/netns/{self.netns(node)}", *argv], stdin)

    def up(self, processes, directory):
        self.made = True
        for node in ["wan", *self.nodes]:
            _run(["ip", "netns", "add", self.netns(node)])
            self._ip(node, "link", "set", "lo", "up")
        self._in("wan", "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0",
                 "net.ipv4.conf.default.rp_filter=0", "net.ipv4.conf.all.send_redirects=0",
                 "net.ipv4.conf.default.send_redirects=0", "net.ipv6.conf.all.disable_ipv6=1")
        places = sorted({self.place(node) for node in self.nodes})
        for place in places:
            bridge = f"br-{place}"
            self._ip("wan", "link", "add", bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0")
            self._ip("wan", "addr", "add", f"{self.place_net(place)}.1/24", "dev", bridge)
            self._ip("wan", "link", "set", bridge, "up")
        for node in self.nodes:
            _run(["ip", "link", "add", "eth0", "netns", self.netns(node), "type", "veth",
                  "peer", "name", f"p-{node}", "netns", self.netns("wan")])
            self._ip("wan", "link", "set", f"p-{node}", "master", f"br-{self.place(node)}", "up")
            self._in(node, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
            self._ip(node, "addr", "add", f"{self.address(node)}/24", "dev", "eth0")
            self._ip(node, "link", "set", "eth0", "up")
            self._ip(node, "route", "add", "default", "via", f"{self.place_net(self.place(node))}.1")
        self._start_wanlink(processes, directory)
        self._apply_faults()

    def _start_wanlink(self, processes, directory):
        """Route what goes between the sites into the TUN device of wanlink, which writes it back when it is due."""
        self.control = os.path.join(directory, "wan.sock")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.control)
        processes.start("wanlink", [self.wanlink, "--device", "wan0", "--control", self.control,
                                    "--side-a", f"{self.place_net('east')}.0/24"],
                        os.path.join(directory, "wanlink.out"), netns=self.netns("wan"))
        end = time.monotonic() + 5
        while not os.path.exists(self.control):
            if time.monotonic() > end:
                raise RuntimeError("wanlink does not start: see wanlink.out")
            time.sleep(0.005)
        self._ip("wan", "link", "set", "wan0", "up")
        self._ip("wan", "route", "add", "default", "dev", "wan0", "table", "71")
        for here, there in (("east", "west"), ("west", "east")):
            self._ip("wan", "rule", "add", "iif", f"br-{here}", "to", f"{self.place_net(there)}.0/24", "lookup", "71")

    def down(self):
        """Remove the namespaces.  Whatever still runs in them is killed first (the lab has stopped its own by now)."""
        if not self.made:
            return
        for node in ["wan", *self.nodes]:
            name = self.netns(node)
            if not os.path.exists(f"/run/netns/{name}"):
                continue
            pids = subprocess.run(["ip", "netns", "pids", name], text=True, capture_output=True).stdout.split()
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), 9)
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
        self.made = False

    def show_addresses(self, node):
        return self._ip(node, "-o", "addr", "show", "dev", "eth0")

    def del_address(self, node, address):
        self._ip(node, "addr", "del", address, "dev", "eth0")

    def mac(self, node):
        return json.loads(self._ip(node, "-j", "link", "show", "dev", "eth0"))[0]["address"]

    def arp(self, site, seconds=0.1):
        """Ask SITE's network who has its site address: the link-layer addresses of all that answer within SECONDS."""
        asked = socket.inet_aton(self.site_address(site))
        with self.inside("wan"):
            packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
        with packets:
            packets.bind((f"br-{site}", 0x0806))
            own = packets.getsockname()[4]
            packets.send(b"\xff" * 6 + own + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + own
                         + socket.inet_aton(f"{self.place_net(site)}.1") + b"\0" * 6 + asked)
            seen, end = set(), time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0:
                packets.settimeout(left)
                with contextlib.suppress(TimeoutError):
                    frame = packets.recv(128)
                    if frame[20:22] == b"\0\x02" and frame[28:32] == asked:
                        seen.add(frame[22:28].hex(":"))
            return seen

    # -- faults ----------------------------------------------------------------------------------------------

    def wan(self, way, delay_ms=0.0, jitter_ms=0.0, loss=0.0, duplicate=0.0):
        """WAY: ab (from the first site), ba or both."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as control:
            control.sendto(f"{way} {delay_ms} {jitter_ms} {loss} {duplicate}".encode(), self.control)

    def lose(self, here, there, percent, port=None):
        """Drop PERCENT of what goes from HERE to THERE (nodes or sites; PORT: only of TCP connections to that port), silently."""
        if percent > 0:
            self.cuts[(here, there, port)] = percent
        else:
            self.cuts.pop((here, there, port), None)
        self._apply_faults()

    def reset(self, node, port):
        """End the TCP connections to PORT that NODE has, either way: both ends are told by an RST."""
        self._in(node, "ss", "-K", "-t", "state", "established", f"( sport = :{port} or dport = :{port} )")

    def heal(self):
        self.cuts.clear()
        self._apply_faults()

    def unplug(self, node):
        self._ip("wan", "link", "set", f"p-{node}", "down")
        self.unplugged.add(node)

    def plug(self, node):
        self._ip("wan", "link", "set", f"p-{node}", "up")
        self.unplugged.discard(node)

    def _members(self, name):
        return [node for node in self.nodes if node == name or self.place(node) == name]

    def _addresses(self, name):
        """All of a place, site address included; or a host's own address."""
        return f"{self.place_net(name)}.0/24" if name in (*SITES, "access") else self.address(name)

    def _apply_faults(self):
        """The whole rule set in one transaction, so that no packet sees a half of it.  Inside a place the port tells
        who sends, whatever its address; between places a single host is known by its own address only."""
        forward, bridge = [], []
        for (here, there, port), percent in self.cuts.items():
            parts = [f"tcp {end} {port} " for end in ("sport", "dport")] if port else [""]
            chance = "" if percent >= 100 else f"numgen random mod 1000 < {round(percent * 10)} "
            if self.place(here) == self.place(there):
                for source in self._members(here):
                    for target in self._members(there):
                        if source != target:
                            bridge += [f'iifname "p-{source}" oifname "p-{target}" {part}{chance}counter drop' for part in parts]
            else:
                forward += [f"iifname \"br-{self.place(here)}\" ip saddr {self._addresses(here)} "
                            f"ip daddr {self._addresses(there)} {part}{chance}counter drop" for part in parts]
        self._in("wan", "nft", "-f", "-", stdin="\n".join([
            "table ip faults", "delete table ip faults", "table bridge faults", "delete table bridge faults",
            "table ip faults { chain forward { type filter hook forward priority 0;", *forward, "}", "}",
            "table bridge faults { chain forward { type filter hook forward priority 0;", *bridge, "}", "}", ""]))


def split_link(text):
    """'east|west' -> both ways; 'east>west' -> one way.  Returns [(from, to), ...] or None."""
    match = re.fullmatch(r"([\w.]+)([|>])([\w.]+)", text)
    if not match:
        return None
    here, way, there = match.groups()
    return [(here, there)] if way == ">" else [(here, there), (there, here)]


def namespaces_possible():
    return os.geteuid() == 0 and shutil.which("ip") is not None and shutil.which("nft") is not None
