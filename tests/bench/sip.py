"""The SIP server beside Kamailio 5.6 (`-x fm`), in one run: both serve the same users on loopback, one core for the
server, the other for the load; rounds alternate between them, and the median of the rounds counts.
"""
import os
import shutil
import signal
import tempfile
import time

from standfast_lab.proc import Processes
from servers import (CALL_RATE, DEVICES, HELD_CALLS, REGISTER_RATE, USERS, WINDOW, CostTable, Server, cpu_ns, interleaved,
                     missing, pss_kib, saturation, start_kamailio, start_standfast)
from table import NotMeasured, describe_machine, say

QUICK = {"rounds": 3, "refresh": 30000, "calls": 4000, "saturations": 2, "flood_refresh": 60000, "flood_calls": 16000,
         "half_s": 3}
LONG = {"rounds": 7, "refresh": 100000, "calls": 15000, "saturations": 5, "flood_refresh": 200000,
        "flood_calls": 60000, "half_s": 10}


# -- what is measured --------------------------------------------------------------------------------------------


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
    if missing(options):
        say(f"# {missing(options)}")
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
