"""The servers of a measurement of calls and registrations: ours, and Kamailio 5.6 (`-x fm`), each with its own load generator.

CPU is user + system of all processes of a server, from the scheduler's own count (/proc/PID/task/*/schedstat).
"""
import json
import os
import shutil
import statistics
import subprocess
import time

from table import NotMeasured, Table, say

HERE = os.path.dirname(os.path.abspath(__file__))
REALM = "bench.example"
FIRST = 10000000      # the first user's number
USERS = 12500
DEVICES = 8           # phones of each user, when registrations are counted
SERVER_CORE, LOAD_CORE = "1", "0"
CALL_RATE, REGISTER_RATE = 1000, 10000
WINDOW = 256          # operations at once when the server is saturated
HELD_CALLS = 10000
LOST = ("no answer", "INVITE refused", "REGISTER refused")   # what a saturated server may do with new work


def cpu_ns(pids):
    """CPU time of all threads of PIDS."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat") as stat:
                total += int(stat.read().split()[0])
    return total


def pss_kib(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as maps:
            total += next(int(line.split()[1]) for line in maps if line.startswith("Pss:"))
    return total


def name_of(pid):
    with open(f"/proc/{pid}/comm") as comm:
        return comm.read().strip()


class Server:
    """A server under test with its own load generator."""

    def __init__(self, name, address, net, index, program):
        self.name = name
        self.address = f"{address}:5060"
        self.gateway = f"127.{net}.4.{index}:5062"
        self.phones = f"127.{net}.5.{index}:5064"
        self.program = program
        self.load = None
        self.pids = []
        self.faults = 0

    def attach(self, pids, log):
        self.pids = pids
        self.load = subprocess.Popen(
            ["taskset", "-c", LOAD_CORE, self.program, self.address, self.gateway, self.phones, REALM, str(FIRST),
             str(USERS), str(DEVICES)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)

    def main_pids(self):
        """The processes that handle SIP."""
        return [pid for pid in self.pids if name_of(pid) in ("sipserver", "kamailio")]

    def order(self, text, may_lose=False):
        """Let the load generator work.  Returns its result with the CPU seconds that the server took."""
        before, before_main = cpu_ns(self.pids), cpu_ns(self.main_pids())
        self.load.stdin.write(text + "\n")
        self.load.stdin.flush()
        line = self.load.stdout.readline()
        if not line:
            raise NotMeasured(f"the load generator of {self.name} has ended")
        time.sleep(0.2)
        result = json.loads(line)
        result["cpu"] = (cpu_ns(self.pids) - before) / 1e9
        result["cpu_main"] = (cpu_ns(self.main_pids()) - before_main) / 1e9
        if result["failed"]:
            say(f"# {self.name}: {text}: {result['failed']} of {result['total']} failed: {result['reasons']}")
            wrong = {reason: n for reason, n in result["reasons"].items() if reason not in LOST}
            if wrong or not may_lose:
                self.faults += 1
        if result["done"] == 0:
            raise NotMeasured(f"{self.name} has answered nothing ({text})")
        return result

    def close(self):
        if self.load:
            self.load.stdin.close()
            self.load.wait(10)


# -- the two servers -------------------------------------------------------------------------------------------


def write_bootstrap(directory, net, hosts):
    path = os.path.join(directory, "standfast.yaml")
    with open(path, "w") as out:
        out.write(f"""# Written by tests/bench: one site, and the arbiter.
cluster: bench
data-dir: {directory}/data/%h
run-dir: {directory}/run/%h
sites:
  - name: bench
    id: 1
    site-address: 127.{net}.1.100
    address-mode: loopback
    hosts:
""")
        for number, host in enumerate(hosts, 1):
            out.write(f"      - {{name: {host}, address: 127.{net}.1.{number}}}\n")
        out.write(f"arbiter: {{name: arbiter, address: 127.{net}.3.1}}\n")
    return path


def write_configuration(directory, server):
    path = os.path.join(directory, "configuration.yaml")
    with open(path, "w") as out:
        out.write(f"""options:
  realm: {REALM}
  dns-max: {USERS + 100}
  calls-max: 200000
  source-rate-max: 1000000    # all phones of the bench share one address
  source-burst: 1000000
  stranger-rate-max: 1000000
  stranger-burst: 1000000
  transactions-max: 1000000
  registrations-max: {USERS * DEVICES + 1000}
dns:
  - {{number: gw, type: trunk, contact: "sip:{server.gateway}"}}
""")
        for number in range(FIRST, FIRST + USERS):
            out.write(f'  - {{number: "{number}", type: extension, password: p{number}}}\n')
    return path


class Standfast:
    """One site as an operator would make it: founded, configured, each host pinned to a core."""

    def __init__(self, processes, directory, net, programs, cores):
        """CORES: {host: its core}"""
        self.processes, self.directory, self.net, self.cores = processes, directory, net, cores
        self.hamgr = os.path.join(programs, "hamgr")
        self.bootstrap = write_bootstrap(directory, net, list(cores))
        self.hosts = {}       # name -> its Process

    def run(self, host, *arguments):
        """hamgr's command line at HOST."""
        done = subprocess.run([self.hamgr, *arguments, "--config", self.bootstrap, "--self", host], capture_output=True, text=True)
        if done.returncode != 0:
            raise NotMeasured(f"hamgr {arguments[0]}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def start_host(self, host):
        self.hosts[host] = self.processes.start(
            host, ["taskset", "-c", self.cores[host], self.hamgr, "run", "--supervise", "--config", self.bootstrap,
                   "--self", host], os.path.join(self.directory, f"{host}.out"))

    def start(self, server):
        """The first host; returns when it is primary and ready."""
        configuration = write_configuration(self.directory, server)
        first = next(iter(self.cores))
        self.run(first, "init")
        self.processes.start("arbiter", ["taskset", "-c", LOAD_CORE, self.hamgr, "arbiter", "--config", self.bootstrap,
                                         "--self", "arbiter"], os.path.join(self.directory, "arbiter.out"))
        self.start_host(first)
        self.run(first, "config", "import", configuration, "--wait", "--timeout", "60000")
        # The maxima size sipserver's memory: they count at its next start.
        self.hosts[first].kill("sipserver")
        wait_until(lambda: "sipserver ready" in self.run(first, "status"), 30, "sipserver is not ready")
        time.sleep(1)


def start_standfast(server, processes, directory, net, programs):
    """A whole host of a site that has no other."""
    site = Standfast(processes, directory, net, programs, {"bench.1": SERVER_CORE})
    site.start(server)
    return site.hosts["bench.1"].members()


def start_kamailio(server, processes, directory):
    """One worker: with one core, more of them cost more CPU for the same work."""
    folder = os.path.join(directory, "kamailio")
    os.mkdir(folder)
    kamailio = processes.start(
        "kamailio", ["taskset", "-c", SERVER_CORE, "kamailio", "-x", "fm", "-DD", "-E", "-m", "4096", "-M", "64",
                     "-f", os.path.join(HERE, "kamailio", "bench.cfg"), "-Y", folder, "-P", os.path.join(folder, "pid"),
                     "-A", f"LISTEN=udp:{server.address}", "-A", f'REALM="{REALM}"', "-A", f"FIRST={FIRST}",
                     "-A", f"LAST={FIRST + USERS - 1}", "-A", "CHILDREN=1"], os.path.join(folder, "log"))
    wait_until(lambda: len(kamailio.members("kamailio")) > 3, 20, "kamailio does not start")
    time.sleep(2)
    return kamailio.members()


def wait_until(condition, seconds, otherwise):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise NotMeasured(otherwise)
        time.sleep(0.2)


# -- rounds ----------------------------------------------------------------------------------------------------


class CostTable(Table):
    """For each server the median of its rounds."""

    def __init__(self, ours, other):
        self.ours, self.other = ours, other

    def cost(self, name, rounds):
        """ROUNDS: of both servers, results of orders.  Prints the CPU of 10,000 and the ratio."""
        medians = {}
        for server, results in rounds.items():
            per_10k = [1e4 * result["cpu"] / result["done"] for result in results]
            medians[server] = statistics.median(per_10k)
            self.value(f"{name}.{server.name}.cpu", medians[server], "s/10k")
            main = statistics.median(1e4 * result["cpu_main"] / result["done"] for result in results)
            if server is self.ours:
                self.value(f"{name}.{server.name}.cpu_sipserver", main, "s/10k")
            if len(per_10k) > 1:
                self.value(f"{name}.{server.name}.spread", (max(per_10k) - min(per_10k)) / medians[server], "of_median")
        self.result(f"{name}.ratio", medians[self.ours] / medians[self.other], "of_kamailio", "<=", 0.5)


def interleaved(servers, rounds, order, may_lose=False):
    results = {server: [] for server in servers}
    for number in range(rounds):
        for server in servers if number % 2 == 0 else reversed(servers):
            results[server].append(server.order(order(server), may_lose))
    return results


def saturation(servers, table, name, rounds, order):
    """Returns: operations per second that a full core of each server makes."""
    results = interleaved(servers, rounds, order, may_lose=True)
    table.cost(f"{name}.saturated", results)
    per_core = {}
    for server in servers:
        per_core[server] = statistics.median(result["done"] / result["cpu"] for result in results[server])
        wall = statistics.median(result["done"] / result["seconds"] for result in results[server])
        table.value(f"{name}.saturated.{server.name}.per_core", per_core[server], "1/s")
        table.value(f"{name}.saturated.{server.name}.seen", wall, "1/s")
    return {server: statistics.median(result["done"] / result["seconds"] for result in results[server])
            for server in servers}


def missing(options):
    """Why nothing can be measured here; empty when it can."""
    if os.cpu_count() < 2 or not shutil.which("kamailio") or not os.path.exists(os.path.join(options.bin, "sipload")):
        return f"needs two cores, kamailio and a release build (tests/run bench {options.name} makes it)"
    return ""
