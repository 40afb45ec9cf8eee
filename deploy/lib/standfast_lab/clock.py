"""One clock for all histories: CLOCK_BOOTTIME in seconds, the clock of the programs' MONO_US.

Captures carry wall time; wall_to_mono translates.  The offset is read once, so that every history of a run is
shifted alike.
"""
import os
import time

_BOOT_MINUS_WALL = time.clock_gettime(time.CLOCK_BOOTTIME) - time.time()

# Every deadline of the tests is multiplied by this: a slow machine sets SCN_SLOW=3.
SLOW = float(os.environ.get("SCN_SLOW", "1"))


def now():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def wall_to_mono(wall):
    return wall + _BOOT_MINUS_WALL


def mono_to_wall(mono):
    return mono - _BOOT_MINUS_WALL


def deadline(seconds):
    """The instant SECONDS from now, stretched by SCN_SLOW."""
    return now() + seconds * SLOW
