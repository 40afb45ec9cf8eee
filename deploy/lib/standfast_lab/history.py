"""Merged histories, and what must always hold in them.

Sources: the JSON-lines logs of all processes (MONO_US: CLOCK_BOOTTIME of the one kernel that all share), the notes of
the lab (what it did, and when), and the captures of what left each host.  Times are seconds of clock.now().
"""
import glob
import json
import os
import struct

from . import clock


class Notes:
    """What the lab did and what its peers saw."""

    def __init__(self):
        self.lines = []

    def add(self, at, kind, text):
        self.lines.append((at, kind, text))


class Record:
    """One log line."""

    def __init__(self, fields, host, process):
        self.at = fields["MONO_US"] / 1e6
        self.host = host
        self.process = process
        self.site = fields.get("SITE", "")
        self.message = fields.get("MSG", "")
        self.source = fields.get("FROM")
        self.target = fields.get("TO")
        self.epoch = fields.get("EPOCH", 0)
        self.object = fields.get("OBJECT", "")
        self.level = fields.get("LEVEL", "")
        self.text = fields.get("TEXT", "")
        self.fields = fields


def read_logs(directory):
    """All records of all processes, in the order of time."""
    records = []
    for path in glob.glob(os.path.join(directory, "*.log")):
        host, _, process = os.path.basename(path)[:-len(".log")].rpartition(".")
        with open(path, encoding="utf-8", errors="replace") as source:
            for line in source:
                try:
                    fields = json.loads(line)
                    records.append(Record(fields, host, process))
                except (ValueError, KeyError, TypeError):
                    continue   # the last line of a killed process may be cut short
    records.sort(key=lambda record: record.at)
    return records


def capture(processes, network, host, directory):
    """Record what leaves HOST into DIRECTORY/HOST.pcap: SIP, and the ARP that announces addresses."""
    return processes.start(
        f"capture-{host}", ["tcpdump", "-i", network.interface, "--immediate-mode", "-Q", "out", "-U", "-n", "-Z", "root",
                            "-s", "400", "-w", os.path.join(directory, f"{host}.pcap"),
                            f"arp or udp port {network.sip_port}"],
        os.path.join(directory, f"{host}.tcpdump"), netns=network.netns(host))


def read_capture(path):
    """(instant, source address, first bytes of the payload or None for ARP) of each packet of a pcap file."""
    packets = []
    with open(path, "rb") as source:
        header = source.read(24)
        if len(header) < 24:
            return packets
        magic = struct.unpack("<I", header[:4])[0]
        if magic not in (0xA1B2C3D4, 0xA1B23C4D):
            raise ValueError(f"{path}: not a pcap file of this machine")
        fraction = 1e9 if magic == 0xA1B23C4D else 1e6
        while True:
            head = source.read(16)
            if len(head) < 16:
                return packets
            seconds, part, length, _ = struct.unpack("<IIII", head)
            frame = source.read(length)
            if len(frame) < length:
                return packets
            at = clock.wall_to_mono(seconds + part / fraction)
            kind = struct.unpack("!H", frame[12:14])[0]
            if kind == 0x0806 and length >= 42:
                packets.append((at, ".".join(map(str, frame[28:32])), None))
            elif kind == 0x0800 and length >= 42:
                packets.append((at, ".".join(map(str, frame[26:30])), frame[14 + 4 * (frame[14] & 15) + 8:]))


NOTICE = 0.25   # seconds


class Lives:
    """When a host's processes could act: not after they were killed (or wedged, which only a kill ends), not while frozen."""

    def __init__(self, notes):
        self.ends = {}      # host -> instants of kill
        self.frozen = {}    # host -> [(from, to), ...]
        for at, kind, text in notes.lines:
            words = text.split()
            if kind != "lab" or len(words) < 2:
                continue
            if words[0] in ("kill", "wedge"):
                self.ends.setdefault(words[1], []).append(at)
            elif words[0] == "freeze":
                self.frozen.setdefault(words[1], []).append([at, float("inf")])
            elif words[0] == "thaw" and words[1] in self.frozen:
                self.frozen[words[1]][-1][1] = at

    def end_after(self, host, process, at):
        return min((end for name in (host, f"{host}.{process}") for end in self.ends.get(name, []) if end >= at),
                   default=float("inf"))

    def awake(self, host, process, start, end):
        """[start, end) without the spans in which PROCESS of HOST stood still, and without the moment that a thawed
        process needs to notice and to write so.  (What it sends in that moment is in the captures.)"""
        spans = [(start, end)]
        for stop, go in [*self.frozen.get(host, []), *self.frozen.get(f"{host}.{process}", [])]:
            spans = [part for first, last in spans
                     for part in ((first, min(last, stop)), (max(first, go), last))
                     if part[0] < part[1] and not (part[0] == go and part[1] - go < NOTICE)]
        return spans


def serving_spans(records, lives, process="sipserver"):
    """{site: [(from, to, host, epoch), ...]}: when each PROCESS served, by its own SERVING records; a process that
    was killed served until then at the longest, one that started afresh until its start."""
    spans, open_ = {}, {}
    for record in records:
        if record.process != process:
            continue
        key = record.host
        if record.message == "SERVING" and record.target == "SERVING":
            open_.setdefault(key, (record.at, record.site, record.epoch))
        elif (record.message == "SERVING" or (record.message == "START" and key in open_)) and key in open_:
            start, site, epoch = open_.pop(key)
            end = min(record.at, lives.end_after(key, process, start))
            spans.setdefault(site, []).extend((a, b, key, epoch) for a, b in lives.awake(key, process, start, end))
    for key, (start, site, epoch) in open_.items():
        end = lives.end_after(key, process, start)
        spans.setdefault(site, []).extend((a, b, key, epoch) for a, b in lives.awake(key, process, start, end))
    return spans


def solo_spans(records, lives):
    """[(from, to, host), ...]: when each sipserver sent without its backup, by its own REPLICA records."""
    spans, open_ = [], {}
    for record in records:
        if record.process != "sipserver":
            continue
        if record.host in open_ and (record.message == "START" or (record.message == "REPLICA" and record.target)):
            start = open_.pop(record.host)
            spans.append((start, min(record.at, lives.end_after(record.host, "sipserver", start)), record.host))
        if record.message == "REPLICA" and record.target == "SOLO":
            open_[record.host] = record.at
    spans += [(start, lives.end_after(host, "sipserver", start), host) for host, start in open_.items()]
    return sorted(spans)


def overlaps(spans):
    """Pairs of spans of different hosts that share an instant."""
    found = []
    ordered = sorted(spans)
    for i, first in enumerate(ordered):
        for second in ordered[i + 1:]:
            if second[0] >= first[1]:
                break
            if second[2] != first[2]:
                found.append((first, second))
    return found


def check_one_primary(records, lives):
    """I1: at no instant do two hosts of a site serve; the epochs of a site only grow."""
    faults = []
    spans_by_site = serving_spans(records, lives)
    for site, spans in spans_by_site.items():
        for first, second in overlaps(spans):
            faults.append(f"{site}: {first[2]} (epoch {first[3]}) and {second[2]} (epoch {second[3]}) both serve for "
                          f"{(min(first[1], second[1]) - second[0]) * 1000:.1f} ms from {second[0]:.6f}")
        highest, holder = 0, None
        for _, _, host, epoch in sorted(spans):
            if epoch < highest or (epoch == highest and holder not in (None, host)):
                faults.append(f"{site}: {host} serves with epoch {epoch} after {holder} served with {highest}")
            if epoch >= highest:
                highest, holder = epoch, host
    return faults, sum(len(spans) for spans in spans_by_site.values())


def check_one_writer(records, lives):
    """I1: at no instant do two hosts write the configuration."""
    open_, spans = {}, []
    for record in records:
        if record.message != "WRITER":
            continue
        if record.target == "writer":
            open_.setdefault(record.host, (record.at, record.epoch))
        elif record.host in open_:
            start, epoch = open_.pop(record.host)
            end = min(record.at, lives.end_after(record.host, "confproxy", start))
            spans.extend((a, b, record.host, epoch) for a, b in lives.awake(record.host, "confproxy", start, end))
    for host, (start, epoch) in open_.items():
        end = lives.end_after(host, "confproxy", start)
        spans.extend((a, b, host, epoch) for a, b in lives.awake(host, "confproxy", start, end))
    faults = [f"{a[2]} (epoch {a[3]}) and {b[2]} (epoch {b[3]}) both write the configuration for "
              f"{(min(a[1], b[1]) - b[0]) * 1000:.1f} ms from {b[0]:.6f}" for a, b in overlaps(spans)]
    return faults, len(spans)


def site_packets(directory, hosts, site_address, arp=False):
    """SIP (and ARP) that left with the site address as its source: [(instant, host), ...] in the order of time."""
    packets = []
    for host in hosts:
        path = os.path.join(directory, f"{host}.pcap")
        if os.path.exists(path):
            packets += [(at, host) for at, source, payload in read_capture(path)
                        if source == site_address and (arp or payload is not None)]
    return sorted(packets)


def grants(records):
    """{host: [instants at which it was granted the role of its site]}."""
    found = {}
    for record in records:
        if record.message == "LEASE" and record.target == "HOLDING" and record.object == record.site:
            found.setdefault(record.host, []).append(record.at)
    return found


def check_silence(packets, frozen, granted, ttl):
    """H-4: a host that stands still is silent once its lease is over, thawed or not, until it is granted the role again.
    FROZEN: {host: [(from, to), ...]}; TTL in seconds.  Returns (faults, how many packets of the other host it looked at)."""
    faults, looked_at = [], 0
    for host, freezes in frozen.items():
        for start, thawed in freezes:
            end = min((at for at in granted.get(host, []) if at > thawed), default=float("inf"))
            later = [(at, name) for at, name in packets if start + ttl < at < end]
            faults += [f"{host} spoke from the site address at {at:.6f}, {at - start:.3f} s after it was frozen (lease: {ttl:g} s)"
                       for at, name in later if name == host]
            looked_at += sum(name != host for _, name in later)
    return faults, looked_at


def check_site_address(packets, spans, tolerance=0.002):
    """I1 on the wire: every SIP packet from the site address left the host that was serving, and no other was.  TOLERANCE
    covers that the record is written just after serving began, and that a packet is stamped just after it was sent."""
    faults = []
    for at, host in packets:
        if not any(span[2] == host and span[0] - tolerance <= at <= span[1] + tolerance for span in spans):
            faults.append(f"{host} sent from the site address at {at:.6f} while it did not serve")
        others = [span[2] for span in spans if span[2] != host and span[0] + tolerance <= at < span[1] - tolerance]
        if others:
            faults.append(f"{host} sent from the site address at {at:.6f} while {others[0]} served")
    return faults, len(packets)


def handovers(packets):
    """[(old host, its last packet, new host, its first packet), ...] of the site address."""
    found = []
    for (at, host), (next_at, next_host) in zip(packets, packets[1:]):
        if host != next_host:
            found.append((host, at, next_host, next_at))
    return found


TOLD = {"ROLE", "LEASE", "TICKET", "ADDRESS", "COMPONENT", "SITE", "OPERATOR", "SERVING", "MODE", "TRUNK", "AGENT", "WRITER",
        "CONFIG", "COPY", "DESKTOP", "START", "STOP", "FAULT", "BEAT", "FORWARD", "OVERLOAD"}


def timeline(records, notes, since=None, every=False):
    """Lines of the merged history for a person."""
    lines = [(at, f"{kind:>8}  {text}") for at, kind, text in notes.lines]
    for record in records:
        if every or record.message in TOLD or record.level in ("err", "warning"):
            change = f" {record.source or ''}>{record.target}" if record.target else ""
            epoch = f" epoch={record.epoch}" if record.epoch else ""
            lines.append((record.at, f"{record.host + '.' + record.process:>20}  {record.message}{change}{epoch} "
                                     f"{record.object} {record.text}".rstrip()))
    lines.sort(key=lambda line: line[0])
    if not lines:
        return []
    start = lines[0][0] if since is None else since
    return [f"{at - start:9.3f}  {text}" for at, text in lines]
