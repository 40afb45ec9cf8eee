"""What a call costs with a backup that has a whole copy, and without: one primary, whose backup is stopped and started again from
round to round, and Kamailio 5.6 (`-x fm`) beside it.

It is the same process all the time, with the same tables and registrations: what differs between two rounds is the backup alone.
The primary has one core (as it would have a host); its backup shares the other with the load generator and the arbiter.  Seconds
of CPU are counted for each process, so they bear with that; times that the generator sees are a little longer for it.
"""
import json
import os
import shutil
import signal
import statistics
import tempfile
import time
import urllib.request

from servers import (CALL_RATE, LOAD_CORE, REGISTER_RATE, SERVER_CORE, USERS, WINDOW, Server, Standfast, cpu_ns, missing, name_of,
                     start_kamailio, wait_until)
from standfast_lab.proc import Processes
from table import NotMeasured, Table, describe_machine, say

PRIMARY, BACKUP = "bench.1", "bench.2"
WHOLE_LIMIT = 60      # seconds
GOAL_US, GOAL_RATIO = 30, 0.5
STATS_PORT = 9090

QUICK = {"rounds": 3, "calls": 4000, "flood_calls": 16000, "half_s": 3}
LONG = {"rounds": 7, "calls": 15000, "flood_calls": 60000, "half_s": 10}


class Pair(Server):
    """Our site; the load generator knows its address only."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.site = None
        self.backup_pids = []

    def start(self, site, log):
        self.site = site
        site.start(self)
        self.attach(site.hosts[PRIMARY].members(), log)
        site.start_host(BACKUP)
        # What it starts with has tables of another size, until it has heard of the configuration.
        wait_until(lambda: self.configured() or None, WHOLE_LIMIT, "the backup has not got the configuration")
        site.hosts[BACKUP].kill("sipserver")
        self.whole()

    def hosts_seen(self):
        """{host: entry} as the primary sees them."""
        return {entry["host"]: entry for entry in json.loads(self.site.run(PRIMARY, "status", "--json"))["hosts"]}

    def configured(self):
        seen = self.hosts_seen()
        return seen[BACKUP]["alive"] and seen[BACKUP]["conf_txid"] == seen[PRIMARY]["conf_txid"]

    def replicas(self):
        seen = self.hosts_seen()
        if seen[PRIMARY]["role"] != "PRIMARY":
            raise NotMeasured(f"{PRIMARY} is not primary any more")
        return seen[PRIMARY]["replica"], seen[BACKUP]["replica"] if seen[BACKUP]["alive"] else "gone"

    def whole(self):
        wait_until(lambda: self.replicas() == ("ready", "ready"), WHOLE_LIMIT, "the backup has no whole copy")
        self.backup_pids = self.site.hosts[BACKUP].members()
        time.sleep(1)

    def join(self):
        self.site.start_host(BACKUP)
        self.whole()

    def leave(self):
        """The backup is stopped in order; what comes out of the primary waits for nobody any more."""
        self.backup_pids = []
        self.site.hosts[BACKUP].terminate()
        self.site.hosts[BACKUP].popen.wait(WHOLE_LIMIT)
        # The right to go on alone is asked for when something waits.
        self.order(f"register 0 {USERS} 100 0 16")
        wait_until(lambda: self.replicas() == ("solo", "gone"), WHOLE_LIMIT, "the primary has not gone on alone")
        time.sleep(1)

    def counters(self):
        """The primary's replica_..., all of them later than this call."""
        def read():
            with urllib.request.urlopen(f"http://127.{self.site.net}.1.1:{STATS_PORT}/api/state", timeout=5) as reply:
                return json.load(reply)["sites"][0]["counters"]
        # They are told every second, and an idle primary sends a batch more often than that.
        seen = read()
        for _ in range(2):
            before = seen["replica_batches_out"]
            wait_until(lambda: read()["replica_batches_out"] != before, 10, "the Stat Server tells nothing new")
            seen = read()
        return seen

    def order(self, text, may_lose=False):
        pids = self.backup_pids
        main = [pid for pid in pids if name_of(pid) == "sipserver"]
        before, before_main = cpu_ns(pids), cpu_ns(main)
        result = super().order(text, may_lose)
        result["cpu_backup"] = (cpu_ns(pids) - before) / 1e9
        result["cpu_backup_main"] = (cpu_ns(main) - before_main) / 1e9
        return result


# -- what is measured --------------------------------------------------------------------------------------------


def calls(total, rate):
    return f"calls {total} {rate} {max(WINDOW, 2 * rate)} 100"


def median(results, what):
    """Of WHAT in microseconds, for each call."""
    return statistics.median(1e6 * result[what] / result["done"] for result in results)


class PriceTable(Table):
    def costs(self, name, results, whats):
        """{what: us for each call}, printed."""
        seen = {}
        for what, said in whats.items():
            seen[what] = median(results, what)
            self.value(f"{name}.{said}", seen[what], "us/call")
        return seen

    def latencies(self, name, results):
        for what in ("ringing_p50_us", "ringing_p99_us", "answered_p50_us", "answered_p99_us"):
            self.value(f"{name}.{what[:-3]}", statistics.median(result[what] for result in results), "us")

    def price(self, name, rounds, goal=True):
        """ROUNDS: of the pair, of the primary alone, of Kamailio."""
        ours = {"cpu": "primary", "cpu_main": "primary.sipserver"}
        pair = self.costs(f"{name}.pair", rounds["pair"], {**ours, "cpu_backup": "backup", "cpu_backup_main": "backup.sipserver"})
        alone = self.costs(f"{name}.alone", rounds["alone"], ours)
        other = self.costs(f"{name}.kamailio", rounds["kamailio"], {"cpu": "all"})
        for what, said in ours.items():
            price = pair[what] - alone[what]
            if goal:
                self.result(f"{name}.price.{said}", price, "us/call", "<=", GOAL_US)
            else:
                self.value(f"{name}.price.{said}", price, "us/call")
        self.result(f"{name}.pair.ratio", pair["cpu"] / other["cpu"], "of_kamailio", "<=", GOAL_RATIO)
        self.value(f"{name}.alone.ratio", alone["cpu"] / other["cpu"], "of_kamailio")
        for who in ("pair", "alone", "kamailio"):
            self.latencies(f"{name}.{who}", rounds[who])

    def shipped(self, name, before, after, done):
        for what, unit in (("bytes", "bytes/call"), ("objects", "1/call"), ("batches", "1/call")):
            self.value(f"{name}.{what}", (after[f"replica_{what}_out"] - before[f"replica_{what}_out"]) / done, unit)
        self.value(f"{name}.acknowledgements", (after["replica_acks_in"] - before["replica_acks_in"]) / done, "1/call")


def counted(pair, table, name, text):
    """An order at the pair, and what was shipped for it."""
    before = pair.counters()
    result = pair.order(text)
    table.shipped(name, before, pair.counters(), result["done"])
    return result


def saturation(pair, kamailio, table, profile):
    """Calls per second of the pair and of Kamailio, as fast as they come; the primary alone is shown."""
    flood = f"calls {profile['flood_calls']} 0 {WINDOW} 0"
    seen = {}
    for name, server, change in (("pair", pair, None), ("alone", pair, pair.leave), ("kamailio", kamailio, None)):
        if change:
            change()
        result = server.order(flood, may_lose=True)
        seen[name] = result["done"] / result["seconds"]
        table.value(f"replication.saturated.{name}.seen", seen[name], "1/s")
        table.value(f"replication.saturated.{name}", 1e6 * result["cpu"] / result["done"], "us/call")
    pair.join()
    return seen["pair"], seen["kamailio"]


def measurements(pair, kamailio, table, profile):
    for server in (pair, kamailio):
        server.order(f"register 0 {USERS} {USERS} {REGISTER_RATE // 2} {REGISTER_RATE // 8}")
    most, most_kamailio = saturation(pair, kamailio, table, profile)
    half, half_kamailio = int(most / 2), int(most_kamailio / 2)
    orders = {"1000": (calls(profile["calls"], CALL_RATE), calls(profile["calls"], CALL_RATE)),
              "half": (calls(int(half * profile["half_s"]), half), calls(int(half_kamailio * profile["half_s"]), half_kamailio))}
    rounds = {name: {"pair": [], "alone": [], "kamailio": []} for name in orders}
    table.value("replication.half.rate", half, "1/s")
    for number in range(profile["rounds"]):
        for name, (ours, theirs) in orders.items():
            if number == 0:
                rounds[name]["pair"].append(counted(pair, table, f"replication.{name}.shipped", ours))
            else:
                rounds[name]["pair"].append(pair.order(ours))
            rounds[name]["kamailio"].append(kamailio.order(theirs))
        pair.leave()
        for name, (ours, _) in orders.items():
            rounds[name]["alone"].append(pair.order(ours))
        pair.join()
    for name, results in rounds.items():
        table.price(f"replication.{name}", results, goal=name == "half")


def measure(options):
    if missing(options):
        say(f"# {missing(options)}")
        return 1
    describe_machine(("kamailio", "-v"))
    directory = tempfile.mkdtemp(prefix="sfprice.")
    processes = Processes()
    sipload = os.path.join(options.bin, "sipload")
    pair = Pair("standfast", f"127.{options.net}.1.100", options.net, 1, sipload)
    kamailio = Server("kamailio", f"127.{options.net}.2.1", options.net, 2, sipload)
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
    try:
        with open(os.path.join(directory, "load.err"), "w") as errors:
            pair.start(Standfast(processes, directory, options.net, options.bin, {PRIMARY: SERVER_CORE, BACKUP: LOAD_CORE}), errors)
            kamailio.attach(start_kamailio(kamailio, processes, directory), errors)
            measurements(pair, kamailio, PriceTable(), LONG if options.long else QUICK)
        say(f"# took {time.monotonic() - began:.0f} s; load after {os.getloadavg()[0]:.1f}")
        if pair.faults:
            say("# standfast: answers were wrong or missing, see above")
        return 1 if pair.faults else 0
    except NotMeasured as why:
        say(f"# not measured: {why}")
        return 1
    finally:
        for server in (pair, kamailio):
            server.close()
        processes.stop_all()
        if options.keep:
            say(f"# kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
