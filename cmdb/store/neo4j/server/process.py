"""Processes that outlive the one that starts them, told apart from strangers that got their number later."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cmdb.errors import Failed, Refused

_PROC = Path("/proc")
_POLL = 0.05  # seconds
_ENDED_AT_ONCE = "ended at once"

# The shell leaves the server to process 1, which reaps it: nobody here has to be its parent until it ends.
_DETACH = 'console=$1; shift; "$@" >"$console" 2>&1 </dev/null & echo $!'


@dataclass(frozen=True, slots=True)
class Process:
    """A process: its number, and its birth, which no later process of the same number shares."""

    pid: int
    birth: str

    def alive(self, proc: Path = _PROC) -> bool:
        """Whether this very process still runs."""
        return _birth(self.pid, proc) == self.birth

    @classmethod
    def of(cls, pid: int, proc: Path = _PROC) -> Process | None:
        """The process that has the number `pid` now; None where none has, or it only waits to be reaped.

        `proc` is Linux's process file system; where there is none, `ps` is asked.
        """
        birth = _birth(pid, proc)
        return None if birth is None else cls(pid, birth)


def start(command: Sequence[str], *, folder: Path, console: Path, environ: Mapping[str, str]) -> Process:
    """Start `command` in `folder`, apart from this process and its terminal; its output goes to `console`.

    It may have ended by the time this returns.

    Raises:
        Failed: it could not be started.
    """
    try:
        launched = subprocess.run(  # noqa: S603 - our own command, no shell
            ("/bin/sh", "-c", _DETACH, "sh", str(console), *command),
            cwd=folder,
            env=environ,
            stdout=subprocess.PIPE,
            start_new_session=True,
            umask=0o077,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as reason:
        raise Failed(f"cannot start {command[0]} in {folder}: {reason}") from reason
    pid = int(launched.stdout)
    return Process.of(pid) or Process(pid, _ENDED_AT_ONCE)


def end(process: Process, *, patience: float) -> None:
    """Ask `process` to end, after `patience` seconds make it, and return when it is gone; no other is touched.

    Raises:
        Refused: it belongs to another user.
        Failed: even then it does not go.
    """
    for request in (signal.SIGTERM, signal.SIGKILL):
        if not process.alive():
            return
        try:
            os.kill(process.pid, request)
        except ProcessLookupError:
            return
        except PermissionError as reason:
            raise Refused(f"process {process.pid} belongs to another user") from reason
        if _gone(process, patience):
            return
    raise Failed(f"process {process.pid} does not end", remedy="look at what it waits for (its disk?)")


def _gone(process: Process, patience: float) -> bool:
    limit = time.monotonic() + patience
    while process.alive():
        if time.monotonic() > limit:
            return False
        time.sleep(_POLL)
    return True


def _birth(pid: int, proc: Path) -> str | None:
    return _birth_by_proc(pid, proc) if (proc / "self").exists() else _birth_by_ps(pid)


def _birth_by_proc(pid: int, proc: Path) -> str | None:
    """Boot and clock tick of its start (proc(5): field 22 of `stat`; field 2, the name, may hold anything)."""
    try:
        fields = (proc / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        boot = (proc / "sys" / "kernel" / "random" / "boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else f"{boot} {fields[19]}"


def _birth_by_ps(pid: int) -> str | None:
    listed = subprocess.run(  # noqa: S603 - our own command, no shell
        ("/bin/ps", "-o", "state=,lstart=", "-p", str(pid)),
        env={"LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split(maxsplit=1)
    return None if not listed or listed[0].startswith("Z") else listed[1].strip()
