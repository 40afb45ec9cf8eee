"""Names and targets that lines of a scenario are made of."""
import re

from standfast_lab.net import SITES

SITE = r"(?:east|west)"
HOST = r"(?:(?:east|west)\.(?:[12]|primary|backup|former|other))"   # the last four: see Run.resolve
PROGRAM = r"(?:hamgr|sipserver|confproxy|statserver|desktop)"
TIME = r"(?:\d+(?:\.\d+)?(?:ms|s|min))"


class Failed(Exception):
    """A line of the scenario did not hold; the text says what was seen instead."""


# -- targets -------------------------------------------------------------------------------------------------------

TARGET = rf"(all|gateway|phones|agents|arbiter|{SITE}|{HOST}(?:\.{PROGRAM})?)"


def hosts_of(run, target):
    """[(host, program or None), ...] that TARGET names."""
    if target == "all":
        return [(host, None) for host in run.lab.deployment.hosts]
    if target in SITES:
        return [(f"{target}.{index}", None) for index in (1, 2)]
    if target == "arbiter":
        return [("arbiter", None)]
    match = re.fullmatch(rf"({HOST})(?:\.({PROGRAM}))?", target)
    return [(match.group(1), match.group(2))] if match else []


def peer_processes(run, target):
    return {"gateway": [run.lab.gateway.process],
            "phones": [phones.process for phones in run.lab.phones.values()],
            "agents": [agents.process for agents in run.lab.agent_processes.values()]}.get(target)
