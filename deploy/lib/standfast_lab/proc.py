"""Processes of a lab: every one started here is stopped here, on any exit, by process id.

The lab is a *subreaper*: a process that loses its parent becomes the lab's child, so the descendants of the
lab are exactly what it started, directly or not.  Each program is started in a session of its own; the processes
of one host are those of one session, whoever their parent is by now.  If the lab itself is killed, the kernel
sends SIGTERM (or the signal that was named) to its direct children, and hamgr stops its own.
"""
import contextlib
import ctypes
import os
import signal
import subprocess
import time

from . import clock

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def become_subreaper():
    if _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def _die_with_parent(number):
    _libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def _stat(pid):
    """(name, state, parent, session) of PID, or None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            text = stat.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    name = text[text.index("(") + 1:text.rindex(")")]
    fields = text[text.rindex(")") + 2:].split()
    return name, fields[0], int(fields[1]), int(fields[3])


def _all_stats():
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            stat = _stat(int(entry))
            if stat:
                yield int(entry), stat


def descendants():
    """Pids of all living descendants of this process (zombies excepted), parents first."""
    children = {}
    states = {}
    for pid, (_, state, parent, _) in _all_stats():
        children.setdefault(parent, []).append(pid)
        states[pid] = state
    found, todo = [], [os.getpid()]
    while todo:
        for pid in children.get(todo.pop(), []):
            todo.append(pid)
            if states[pid] not in "ZX":
                found.append(pid)
    return found


class Process:
    """A started program and all that it starts in turn (its session)."""

    def __init__(self, name, argv, log, netns=None, env=None, cwd=None, orphan_signal=signal.SIGTERM):
        self.name = name
        self.log = log
        self.argv = argv
        command = argv if netns is None else ["nsenter", f"--net=/run/netns/{netns}", "--"] + argv
        with open(log, "ab") as output:
            self.popen = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=cwd,
                env={**os.environ, **(env or {})}, start_new_session=True, preexec_fn=lambda: _die_with_parent(orphan_signal))
        self.pid = self.popen.pid
        self.signalled = None   # instant of the last signal

    def members(self, program=None):
        """Living pids of this session; only those of PROGRAM when given."""
        return [pid for pid, (name, state, _, session) in _all_stats()
                if session == self.pid and state not in "ZX" and (program is None or name == program[:15])]

    def running(self):
        return self.popen.poll() is None

    def exit_status(self):
        return self.popen.poll()

    def signal_all(self, number, program=None):
        """Send NUMBER to every member; returns the pids.  For SIGKILL and SIGSTOP it goes on until the session
        holds no process that has not had it, since one may have been forked meanwhile."""
        done = set()
        while True:
            fresh = [pid for pid in self.members(program) if pid not in done]
            if not fresh:
                return sorted(done)
            for pid in fresh:
                self._signal(pid, number)
                done.add(pid)

    def kill(self, program=None):
        """SIGKILL, and wait until none of them is left (a new one of PROGRAM may come: hamgr starts it again).  Returns their pids
        and the instant at which the last was signalled, taken before the call: on a busy machine we go on after others saw the end."""
        if program is None:
            pids = self.signal_all(signal.SIGKILL)
        else:
            pids = self.members(program)
            for pid in pids:
                self._signal(pid, signal.SIGKILL)
        while any(pid in pids for pid in self.members(program)):
            time.sleep(0.001)
        if program is None:
            self.popen.wait()
        return pids, self.signalled

    def _signal(self, pid, number):
        self.signalled = clock.now()
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    def terminate(self):
        if self.running():
            self.popen.terminate()

    def log_tail(self, lines=8):
        try:
            with open(self.log, "rb") as log:
                log.seek(0, 2)
                log.seek(max(0, log.tell() - 8192))
                return log.read().decode("utf-8", "replace").splitlines()[-lines:]
        except FileNotFoundError:
            return []


class Processes:
    """All processes of a lab."""

    def __init__(self):
        become_subreaper()
        self.started = []

    def start(self, *args, **kwargs):
        process = Process(*args, **kwargs)
        self.started.append(process)
        return process

    def reap(self):
        """Collect the exit status of orphans, and leave that of our own programs to their Process."""
        own = {process.pid: process for process in self.started}
        while True:
            try:
                info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if info is None:
                return
            if info.si_pid in own:
                own[info.si_pid].popen.poll()
                continue
            try:
                os.waitpid(info.si_pid, os.WNOHANG)
            except ChildProcessError:
                pass

    def stop_all(self, patience=6.0):
        """SIGTERM to the programs, last started first, then SIGKILL to whatever is left after PATIENCE seconds.
        Returns the names of those that had to be killed."""
        for process in reversed(self.started):
            if process.running():
                for pid in process.members():
                    try:
                        os.kill(pid, signal.SIGCONT)
                    except ProcessLookupError:
                        pass
                process.terminate()
        end = time.monotonic() + patience
        while descendants() and time.monotonic() < end:
            self.reap()
            time.sleep(0.02)
        stubborn = []
        while True:
            self.reap()
            left = descendants()
            if not left:
                break
            for pid in left:
                stat = _stat(pid)
                if stat:
                    stubborn.append(f"{stat[0]}[{pid}]")
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)
        self.started.clear()
        return sorted(set(stubborn))
