"""What a deployment says of itself, through what it offers to operators: `hamgr status --json` and the Stat Server's
/api/state.  Answers are kept for a tenth of a second, so that one round of questions asks once.
"""
from . import clock

FRESH = 0.1


class Look:
    """One answer of `hamgr status --json`."""

    def __init__(self, status):
        self.status = status or {}
        self.hosts = {host["host"]: host for host in self.status.get("hosts", [])}

    def role(self, host):
        """'primary', 'backup', or 'silent' when the host does not answer."""
        return self.hosts.get(host, {}).get("role", "silent").lower()

    def mode(self, host):
        entry = self.hosts.get(host, {})
        return entry.get("mode") or "unknown", entry.get("mode_reason", "")

    def writer(self):
        return next((name for name, host in self.hosts.items() if host.get("writer")), None)

    def fence(self):
        """(the kernel fences this host's site address, else why not)"""
        fence = self.status.get("fence", {})
        return fence.get("up", False), fence.get("why_not", "no answer")

    def judgement(self, site):
        entry = next((entry for entry in self.status.get("sites", []) if entry["site"] == site), {})
        return entry.get("judgement", "unknown"), entry.get("evidence", "")


class Eyes:
    def __init__(self, lab):
        self.lab = lab
        self.looks = {}
        self.states = {}

    def forget(self):
        """Something has been done: what was seen before it counts no more."""
        self.looks.clear()
        self.states.clear()

    def look(self, host):
        at, look = self.looks.get(host, (0, None))
        if look is None or clock.now() - at > FRESH:
            look = Look(self.lab.deployment.status(host))
            self.looks[host] = (clock.now(), look)
        return look

    def state(self, host):
        at, state = self.states.get(host, (0, None))
        if state is None or clock.now() - at > FRESH:
            state = self.lab.deployment.state(host) or {}
            self.states[host] = (clock.now(), state)
        return state

    def primary_of(self, site):
        """The host of SITE that says it is primary, by its own status."""
        for host in self.lab.deployment.running_hosts(site):
            if self.look(host).role(host) == "primary":
                return host
        return None

    def mode_of(self, site):
        """(mode, reason) by the primary of SITE."""
        host = self.primary_of(site)
        return self.look(host).mode(host) if host else ("none", f"{site} has no primary")

    def writer_by(self, site):
        """Which host is the configuration writer, by the primary of SITE."""
        host = self.primary_of(site)
        return self.look(host).writer() if host else None

    def agent_state(self, site, agent):
        """The state of AGENT at SITE, by the Stat Server of its primary; None when it is not known there."""
        host = self.primary_of(site)
        return next((entry.get("state") for entry in (self.state(host) if host else {}).get("agents", [])
                     if entry.get("agent") == agent and entry.get("site") == site), None)

    def queue(self, site, queue):
        host = self.primary_of(site)
        return next((entry for entry in (self.state(host) if host else {}).get("queues", [])
                     if entry.get("queue") == queue and entry.get("site") == site), None)
