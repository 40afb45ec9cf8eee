"""What a run counts, and prints at its end: calls, records, phones, agents, and how long a primary was solo before each failure.
"""
import collections

from standfast_lab import history

FAILURES = ("kill", "freeze", "wedge", "unplug", "cut", "lose", "reset", "fill", "stall", "spoil", "switchover")   # verbs, as they are noted


class Figures:
    def __init__(self):
        self.counts = {}    # (what, of what) -> number: what is looked at again is not counted twice
        self.times = {}     # what -> seconds

    def count(self, what, of, number):
        self.counts[(what, of)] = number

    def longest(self, what, seconds):
        self.times[what] = max(seconds, self.times.get(what, 0.0))

    def lines(self):
        sums = collections.Counter()
        for (what, _), number in self.counts.items():
            sums[what] += number
        return [*(f"{what}: {seconds:.3f} s" for what, seconds in self.times.items()), *(f"{what}: {number}" for what, number in sums.items())]


def failures(notes):
    """[(instant, what was done), ...], in the order of time."""
    return sorted((at, text) for at, kind, text in notes.lines if kind == "lab" and text.split()[0] in FAILURES)


def solo_before_each(notes, records, lives):
    """[(failure, seconds), ...]: how long a primary sent without its backup between the failure before it (or the beginning) and it."""
    spans = history.solo_spans(records, lives)
    found, before = [], 0.0
    for at, text in failures(notes):
        found.append((text, sum(max(0.0, min(end, at) - max(start, before)) for start, end, _ in spans)))
        before = at
    return found


def check_solo(run, records, lives):
    """Faults; the figures are told."""
    faults = []
    for text, seconds in solo_before_each(run.lab.notes, records, lives):
        run.measured(f"solo before {text.split(' (')[0]}", seconds)
        if seconds > 0 and not run.scenario.solo:
            faults.append(f"a primary was solo for {seconds:.3f} s before {text}")
    if run.scenario.solo and not any(start < run.lab.ending for start, _, _ in history.solo_spans(records, lives)):
        faults.append("the scenario says that it is about a primary that is solo, but none was")
    return faults
