"""How a measurement speaks: VALUE and RESULT lines, and what machine it was."""
import os
import subprocess


class NotMeasured(Exception):
    pass


def say(text):
    print(text, flush=True)


class Table:
    """Values by name."""

    def value(self, name, value, unit):
        say(f"VALUE {name} {value:.4g} {unit}".rstrip())

    def result(self, name, value, unit, operator, goal):
        good = value <= goal if operator == "<=" else value >= goal
        say(f"RESULT {name} {value:.4g} {unit or '1'} goal {operator} {goal:g} {'ok' if good else 'short'}")


def describe_machine(*versions):
    """VERSIONS: commands that print theirs."""
    with open("/proc/cpuinfo") as info:
        model = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), "unknown")
    said = []
    for command in (("gcc", "--version"), *versions):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said.append(done.stdout.splitlines()[0])
    say(f"# machine: {os.cpu_count()} cores ({model}), Linux {os.uname().release}, {', '.join(said)}; "
        f"load before {os.getloadavg()[0]:.1f}")
