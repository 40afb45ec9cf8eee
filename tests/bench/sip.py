"""The SIP server beside Kamailio 5.6 (`-x fm`), in one run: both serve the same users on loopback, one core for the
server, the other for the load; rounds alternate between them, and the median of the rounds counts.

CPU is user + system of all processes of a server, from the scheduler's own count (/proc/PID/task/*/schedstat).
"""
import json
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

from standfast_lab.proc import Processes
from table import NotMeasured, Table, describe_machine, say

HERE = os.path.dirname(os.path.abspath(__file__))
REALM = "bench.example"
FIRST = 10000000      # the first user's number
USERS = 12500
DEVICES = 8           # phones of each user, when registrations are counted
SERVER_CORE, LOAD_CORE = "1", "0"
CALL_RATE, REGISTER_RATE = 1000, 10000
WINDOW = 256          # operations at once when the server is saturated
HELD_CALLS = 10000

QUICK = {"rounds": 3, "refresh": 30000, "calls": 4000, "saturations": 2, "flood_refresh": 60000, "flood_calls": 16000,
         "half_s": 3}
LONG = {"rounds": 7, "refresh": 100000, "calls": 15000, "saturations": 5, "flood_refresh": 200000,
        "flood_calls": 60000, "half_s": 10}


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
            wrong = {reason: n for reason, n in result["reasons"].items() if reason != "no answer"}
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


def write_bootstrap(directory, net):
    path = os.path.join(directory, "standfast.yaml")
    with open(path, "w") as out:
        out.write(f"""# Written by tests/bench: one site with one host, and the arbiter.
cluster: bench
data-dir: {directory}/data/%h
run-dir: {directory}/run/%h
sites:
  - name: bench
    id: 1
    site-address: 127.{net}.1.100
    address-mode: loopback
    hosts:
      - {{name: bench.1, address: 127.{net}.1.1}}
arbiter: {{name: arbiter, address: 127.{net}.3.1}}
""")
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


def start_standfast(server, processes, directory, net, programs):
    """A whole host, founded and configured as an operator would."""
    bootstrap = write_bootstrap(directory, net)
    configuration = write_configuration(directory, server)
    hamgr = os.path.join(programs, "hamgr")

    def run(*arguments):
        done = subprocess.run([hamgr, *arguments, "--config", bootstrap, "--self", "bench.1"], capture_output=True, text=True)
        if done.returncode != 0:
            raise NotMeasured(f"hamgr {arguments[0]}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    run("init")
    processes.start("arbiter", ["taskset", "-c", LOAD_CORE, hamgr, "arbiter", "--config", bootstrap, "--self", "arbiter"],
                    os.path.join(directory, "arbiter.out"))
    host = processes.start("bench.1", ["taskset", "-c", SERVER_CORE, hamgr, "run", "--supervise", "--config", bootstrap,
                                       "--self", "bench.1"], os.path.join(directory, "bench.1.out"))
    run("config", "import", configuration, "--wait", "--timeout", "60000")
    # The maxima size sipserver's memory: they count at its next start.
    host.kill("sipserver")
    wait_until(lambda: "sipserver ready" in run("status"), 30, "sipserver is not ready")
    time.sleep(1)
    return host.members()


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


# -- what is measured --------------------------------------------------------------------------------------------


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


def memory_of_calls(servers, table):
    """The goal is for the process that holds the calls; that of all processes is printed beside it."""
    for server in servers:
        before, before_main = pss_kib(server.pids), pss_kib(server.main_pids())
        held = max(server.order(f"hold {HELD_CALLS} {CALL_RATE} {HELD_CALLS}")["done"], 1)
        each, each_main = (pss_kib(server.pids) - before) / held, (pss_kib(server.main_pids()) - before_main) / held
        server.order(f"release {HELD_CALLS} {2 * CALL_RATE} {HELD_CALLS}")
        if server is table.ours:
            table.result("call.memory", each_main, "KiB", "<=", 6)
        table.value(f"call.memory.{server.name}.all_processes", each, "KiB")


def memory_of_registrations(servers, table):
    more = USERS * (DEVICES - 1)
    for server in servers:
        before = pss_kib(server.main_pids())
        done = server.order(f"register {USERS} {more} {more} {REGISTER_RATE} 2000")["done"]
        each = (pss_kib(server.main_pids()) - before) / max(done, 1)
        if server is table.ours:  # Kamailio puts them where its calls were: its growth says nothing
            table.result("registration.memory", each, "KiB", "<=", 1)


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


def measurements(servers, table, profile):
    refresh = lambda total, rate: f"register 0 {USERS} {total} {rate} {max(WINDOW, rate // 4)}"  # noqa: E731
    calls = lambda total, rate: f"calls {total} {rate} {max(WINDOW, 2 * rate)} 100"  # noqa: E731
    table.cost("register.first", interleaved(servers, 1, lambda _: refresh(USERS, REGISTER_RATE // 2)))
    memory_of_calls(servers, table)
    table.cost("register", interleaved(servers, profile["rounds"], lambda _: refresh(profile["refresh"], REGISTER_RATE)))
    table.cost("call", interleaved(servers, profile["rounds"], lambda _: calls(profile["calls"], CALL_RATE)))
    most = saturation(servers, table, "register", profile["saturations"],
                      lambda _: f"register 0 {USERS} {profile['flood_refresh']} 0 {WINDOW}")
    table.cost("register.half", interleaved(servers, profile["saturations"], lambda server: refresh(
        int(most[server] / 2 * profile["half_s"]), int(most[server] / 2))))
    most = saturation(servers, table, "call", profile["saturations"], lambda _: f"calls {profile['flood_calls']} 0 {WINDOW} 0")
    table.cost("call.half", interleaved(servers, profile["saturations"], lambda server: calls(
        int(most[server] / 2 * profile["half_s"]), int(most[server] / 2))))
    memory_of_registrations(servers, table)
    before = cpu_ns(table.ours.pids)
    time.sleep(2)
    table.value("idle.standfast.cpu", (cpu_ns(table.ours.pids) - before) / 2e9, "cores")


def measure(options):
    if os.cpu_count() < 2 or not shutil.which("kamailio") or not os.path.exists(os.path.join(options.bin, "sipload")):
        say("# needs two cores, kamailio and a release build (tests/run bench sip makes it)")
        return 1
    describe_machine(("kamailio", "-v"))
    directory = tempfile.mkdtemp(prefix="sfbench.")
    processes = Processes()
    sipload = os.path.join(options.bin, "sipload")
    ours = Server("standfast", f"127.{options.net}.1.100", options.net, 1, sipload)
    other = Server("kamailio", f"127.{options.net}.2.1", options.net, 2, sipload)
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    try:
        with open(os.path.join(directory, "load.err"), "w") as errors:
            ours.attach(start_standfast(ours, processes, directory, options.net, options.bin), errors)
            other.attach(start_kamailio(other, processes, directory), errors)
            measurements([ours, other], CostTable(ours, other), LONG if options.long else QUICK)
        say(f"# took {time.monotonic() - began:.0f} s; load after {os.getloadavg()[0]:.1f}")
        for server in (ours, other):
            if server.faults:
                say(f"# {server.name}: answers were wrong or missing, see above")
        return 1 if ours.faults else 0
    except NotMeasured as why:
        say(f"# not measured: {why}")
        return 1
    finally:
        for server in (ours, other):
            server.close()
        processes.stop_all()
        if options.keep:
            say(f"# kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
