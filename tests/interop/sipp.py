"""SIPp, the program's own scenarios unmodified or those of the folder sipp/."""
import os
import re
import signal

from sip import host

HERE = os.path.dirname(os.path.abspath(__file__))


class Sipp:
    """One SIPp process at ADDRESS:PORT.  SCENARIO: a name of SIPp's own, or a file of the folder sipp/ (NAME.xml)."""

    serial = 0

    def __init__(self, site, scenario, address, port, calls=1, number=None, rate=10.0, through=None, arguments=()):
        Sipp.serial += 1
        self.name = f"sipp-{Sipp.serial}-{scenario}"
        self.lab = site.lab
        self.path = os.path.join(site.directory, self.name)
        own = os.path.join(HERE, "sipp", f"{scenario}.xml")
        argv = ["sipp", *(["-sf", own] if os.path.exists(own) else ["-sn", scenario]), "-i", address, "-p", str(port),
                "-m", str(calls), "-nostdin", "-timeout", "30", "-timeout_error", "-trace_err", "-error_file", self.path + ".errors",
                "-trace_stat", "-stf", self.path + ".csv", "-fd", "1"]
        if number:
            argv += [through or f"{host(site.server[0])}:{site.server[1]}", "-s", number, "-r", str(rate), "-l", "1000"]
        self.process = self.lab.processes.start(self.name, [*argv, *arguments], self.path + ".screen", cwd=site.directory,
                                                orphan_signal=signal.SIGKILL)

    def wait(self, seconds):
        """Its exit status: 0 when every call went as its scenario says.  None: it runs still."""
        self.lab.wait(lambda: not self.process.running(), seconds)
        return self.process.exit_status()

    def said(self):
        """Why a call failed."""
        found = []
        for end in (".errors", ".screen"):
            try:
                with open(self.path + end, errors="replace") as source:
                    found.append(source.read()[-1500:])
            except FileNotFoundError:
                pass
        return f"{self.name}: " + "\n".join(found)

    def unexpected(self):
        """What did not go as its scenario says; "" when all did."""
        try:
            with open(self.path + ".errors", errors="replace") as source:
                return source.read()
        except FileNotFoundError:
            return ""

    def count(self, what):
        """The last value of a column of its statistics: SuccessfulCall(C), FailedCall(C), Retransmissions(C)..."""
        with open(self.path + ".csv") as source:
            rows = [line.split(";") for line in source.read().splitlines() if line]
        return int(re.sub(r"\D", "", rows[-1][rows[0].index(what)]) or 0)

    def stop(self):
        if self.process.running():
            self.process.kill()
