"""Kamailio as a proxy in front of phones and as another in front of the carrier.  Run by test_peers.py."""
import os
import re

import world
from world import Calls, until

HERE = os.path.dirname(os.path.abspath(__file__))


class Proxy:
    """One Kamailio with proxy.cfg."""

    def __init__(self, site, name, address, inside=None, path=False):
        self.log = os.path.join(site.directory, f"{name}.log")
        directory = os.path.join(site.directory, name)
        os.makedirs(directory)
        server = f"{site.server[0]}:{site.server[1]}"
        defines = [f"MY_ADDRESS=udp:{address}:5060", f'SERVER="sip:{server}"', f'SERVER_IP="{site.server[0]}"']
        defines += [f'INSIDE="sip:{inside}"'] if inside else []
        defines += ["WITH_PATH"] if path else []
        argv = ["kamailio", "-f", os.path.join(HERE, "proxy.cfg"), "-DD", "-E", "-m", "64", "-M", "8", "-P", f"{directory}/pid",
                "-Y", directory, "-w", directory]
        for define in defines:
            argv += ["-A", define]
        self.process = site.lab.processes.start(name, argv, self.log, env={"PATH": os.environ["PATH"] + ":/usr/sbin"})
        until(lambda: Calls.bound(address, 5060), text=f"{name} listens; see {self.log}")

    def requests(self):
        """[(method, from)] in order."""
        with open(self.log, errors="replace") as log:
            return re.findall(r"PROXY ([A-Z]+) from=([\d.]+)", log.read())


class Proxies(Calls):
    @classmethod
    def setUpClass(cls):
        net = f"127.{world.NET}"
        cls.edge = Proxy(world.site, "edge", f"{net}.4.70", path=True)
        cls.border = Proxy(world.site, "border", f"{net}.4.80", inside=f"{net}.4.81:5060")

    def tell(self, proxy, since):
        """The methods that went through PROXY, those of the server apart."""
        found = proxy.requests()[since:]
        return ([method for method, source in found if source != world.site.server[0]],
                [method for method, source in found if source == world.site.server[0]])

    def test_a_phone_behind_one_proxy_calls_through_a_trunk_behind_another(self):
        phone, = self.phones("2009")
        called = self.sipp("called", "4.81")
        edge, border = len(self.edge.requests()), len(self.border.requests())
        phone.dial("8004412345")
        phone.wait("CALL_ESTABLISHED")
        for command in ("hold", "resume"):
            at = len(phone.traced())
            phone.command(command)
            until(lambda: re.search(r"SIP/2.0 200 OK.*?CSeq: \d+ INVITE", phone.traced()[at:], re.S), text=f"{command} answered")
        phone.command("hangup")
        self.assertDone(called)
        # Every request of the dialog has passed both proxies (RFC 3261 12.2.1.1): the INVITE twice, since it is challenged.
        self.assertEqual(self.tell(self.edge, edge)[0], ["INVITE", "INVITE", "ACK", "INVITE", "ACK", "INVITE", "ACK", "BYE"])
        self.assertEqual(self.tell(self.border, border)[1], ["INVITE", "ACK", "INVITE", "ACK", "INVITE", "ACK", "BYE"])

    def test_a_caller_behind_the_carrier_s_proxy_is_released_by_the_phone_behind_the_other(self):
        phone, = self.phones("2009")
        border = len(self.border.requests())
        caller = self.sipp("stays", "4.81", number="2009", through=f"127.{world.NET}.4.80:5060")
        phone.wait("CALL_INCOMING")
        phone.command("accept")
        phone.wait("CALL_ESTABLISHED")
        phone.command("hangup")
        self.assertDone(caller)
        self.assertEqual(self.tell(self.border, border), (["INVITE", "ACK"], ["BYE"]))

    def test_a_registration_through_the_proxy_is_called_through_it(self):
        """RFC 3327 5.3: the Path is kept, told in the 200, and is the way back; a caller of the site reaches the phone by it."""
        phone, caller = self.phones("2009", "2001")
        edge = len(self.edge.requests())
        until(lambda: re.search(r"(?m)^Path: <sip:127\.\d+\.4\.70;lr>", phone.traced()), text="its 200 with the Path")
        self.connect(caller, phone)
        self.release(caller, phone)
        self.assertEqual(self.tell(self.edge, edge)[1], ["INVITE", "ACK", "BYE"])
