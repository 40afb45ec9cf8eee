"""One look at a host, through what it offers to operators: `hamgr status --json`."""


class Look:
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

    def judgement(self, site):
        entry = next((entry for entry in self.status.get("sites", []) if entry["site"] == site), {})
        return entry.get("judgement", "unknown"), entry.get("evidence", "")
