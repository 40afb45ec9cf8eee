"""The form of .scn files: reading them, and every error of form with file and line.

    scenario "title"                      what the story is about
    proves   ID ...                       rows of docs/failure-matrix.md
    sites    east west [arbiter]          which parts there are (gateway, phones, callers are always there)
    set      timeouts|options|site|gateway|phones NAME VALUE; set wan ab|ba|both DELAY_MS JITTER_MS [LOSS% [DUPLICATE%]]
    solo     REASON                       it is about a primary without its backup; else none may have been solo before a failure
    always   SENTENCE                     checked from the merged histories after the run
    step "title"
        VERB ARGUMENTS

`#` begins a comment.  Verbs and sentences are tables in verbs.py; a line that no row of them matches is refused here,
before anything has been started.
"""
import re

from standfast_lab.net import SITES

PARTS = (*SITES, "arbiter", "gateway", "phones", "sets", "agents")
SETTINGS = ("timeouts", "options", "site", "gateway", "wan", "phones")


class FormError(Exception):
    def __init__(self, path, line, text):
        super().__init__(f"{path}:{line}: {text}")


class Line:
    """One verb with its arguments, bound to the function that does it."""

    def __init__(self, path, number, text, bound):
        self.path = path
        self.number = number
        self.text = text
        self.bound = bound


class Step:
    def __init__(self, title):
        self.title = title
        self.lines = []


class Scenario:
    def __init__(self, path):
        self.path = path
        self.title = None
        self.proves = []
        self.parts = []
        self.settings = {name: {} for name in SETTINGS}
        self.always = []
        self.solo = None
        self.steps = []


def seconds(text):
    """'250ms', '3s', '2min' in seconds, or None."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|min)", text)
    if not match:
        return None
    return float(match.group(1)) * {"ms": 0.001, "s": 1, "min": 60}[match.group(2)]


def read(path, verbs):
    """Read PATH with the tables of the module VERBS.  Raises FormError."""
    scenario = Scenario(path)
    with open(path) as source:
        for number, raw in enumerate(source, 1):
            text = _without_comment(raw).strip()
            if text:
                _take(scenario, number, re.sub(r"\s+", " ", text), verbs)
    if scenario.title is None:
        raise FormError(path, 1, 'there is no scenario "title" line')
    if not any(step.lines for step in scenario.steps):
        raise FormError(path, 1, "there is no step with a line: nothing would be proven")
    return scenario


def _without_comment(line):
    quoted = False
    for index, letter in enumerate(line):
        if letter == '"':
            quoted = not quoted
        elif letter == "#" and not quoted:
            return line[:index]
    return line


def _take(scenario, number, text, verbs):
    word, _, rest = text.partition(" ")

    def fail(reason):
        raise FormError(scenario.path, number, reason)

    def title():
        match = re.fullmatch(r'"([^"]+)"', rest)
        return match.group(1) if match else fail(f'{word} wants one "title"')

    if word == "scenario":
        scenario.title = title()
    elif word == "proves":
        scenario.proves += rest.split()
    elif word == "sites":
        unknown = [part for part in rest.split() if part not in PARTS]
        if unknown or not rest:
            fail(f"unknown part {' '.join(unknown) or '(none)'}; there are {' '.join(PARTS)}")
        scenario.parts = rest.split()
    elif word == "set":
        fields = rest.split(" ", 2)
        if len(fields) != 3 or fields[0] not in SETTINGS:
            fail(f"set wants one of {' '.join(SETTINGS)}, a name and a value")
        scenario.settings[fields[0]][fields[1]] = fields[2]
    elif word == "solo":
        scenario.solo = rest or fail("solo wants a reason")
    elif word == "always":
        if rest not in verbs.ALWAYS:
            fail(f"always '{rest}' is not known; there are: {'; '.join(verbs.ALWAYS)}")
        scenario.always.append(rest)
    elif word == "step":
        scenario.steps.append(Step(title()))
    elif not scenario.steps:
        fail(f"'{word}' stands before the first step" if word in verbs.VERBS else f"unknown word '{word}'")
    else:
        try:
            bound = verbs.bind(text)
        except ValueError as error:
            fail(str(error))
        scenario.steps[-1].lines.append(Line(scenario.path, number, text, bound))
