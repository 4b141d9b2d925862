"""What it costs to begin: a process that opens a store, loads the projection and answers; and the command line.

Each start is a process of its own on a store file that lies in the operating system's cache: that is a *warm* start, as
after a restart of the server. The clock of `open and load` begins when the program's modules are imported and ends when
the projection stands; `first answer` begins with the process. Memory is what the process holds when it has answered.

Run as a program (`python -m benchmarks.startup FILE ORDINAL`) it is that process.
"""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import stores
from benchmarks.result import Goal, Result, at_most, cost
from benchmarks.stores import estate, filled

_ROOT: Final = Path(__file__).parents[1]
_STARTS: Final = 5
_HELPS: Final = 11
_PEAK_UNIT: Final = 1e6 if sys.platform == "darwin" else 1e3
_NOTHING: Final = (sys.executable, "-c", "pass")
_HELP: Final = (sys.executable, "-c", "from cmdb.cli import main; main()", "--help")
_CYCLOPTS: Final = (sys.executable, "-c", "import cyclopts")


class Start(msgspec.Struct, frozen=True):
    """One process: seconds to load and to read the bare columns, megabytes held and at the most, CIs reached.

    `processor` is what loading took of the processor; `answered` is the time of day when it answered, in seconds since 1970.
    """

    answered: float
    load: float
    processor: float
    columns: float
    resident: float
    peak: float
    reached: int


def run(size: str) -> list[Result]:
    """Medians of whole processes: seconds, megabytes."""
    return [*_server(size), *_command_line()]


def _server(size: str) -> Iterator[Result]:
    content, store = estate(size), filled(size).path
    command = (sys.executable, "-m", "benchmarks.startup", str(store), str(content.wide_source))
    starts: list[Start] = []
    whole: list[float] = []
    bare: list[float] = []
    for _ in range(_STARTS + 1):
        begun = time.time()
        starts.append(msgspec.json.decode(_output(command), type=Start))
        whole.append(starts[-1].answered - begun)
        bare.append(_seconds(_NOTHING))

    def median(of: Callable[[Start], float]) -> float:
        return statistics.median(of(start) for start in starts[1:])

    load, columns = median(lambda s: s.load), median(lambda s: s.columns)
    processor = median(lambda s: s.processor)
    yield Result("open and load", load, "s", goal=_goal(size, at_most(3)), note=f"{processor:.2f} s of processor time")
    yield cost("open and load", load, "the columns alone, read again", columns, "s")
    yield cost("first answer", statistics.median(whole[1:]), "python -c pass", statistics.median(bare[1:]), "s")
    note = f"{content.size:,} CIs, {len(content.dependencies):,} relationships, {starts[0].reached:,} reached"
    yield Result("memory held", median(lambda s: s.resident), "MB", goal=_goal(size, at_most(1000)), note=note)
    yield Result("memory at most", median(lambda s: s.peak), "MB", note="while loading")


def _command_line() -> Iterator[Result]:
    helps, bare, framework = _medians([_HELP, _NOTHING, _CYCLOPTS], _HELPS)
    yield Result("cmdb --help", helps, "s", goal=at_most(0.25))
    yield cost("cmdb --help", helps, "python -c pass", bare, "s")
    yield cost("cmdb --help", helps, "import cyclopts", framework, "s", note="the library that reads the command line")


def _goal(size: str, goal: Goal) -> Goal | None:
    return goal if size == "1m" else None


def _medians(commands: list[tuple[str, ...]], repeats: int) -> list[float]:
    """Median seconds of each command, in rounds, after one that does not count."""
    rounds = [[_seconds(command) for command in commands] for _ in range(repeats + 1)]
    return [statistics.median(column) for column in zip(*rounds[1:], strict=True)]


def _seconds(command: tuple[str, ...]) -> float:
    begun = time.perf_counter()
    _output(command)
    return time.perf_counter() - begun


def _output(command: tuple[str, ...]) -> bytes:
    """What a command prints. Its bytecode is kept, as it is where a program is installed, whatever we were told."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(stores.folder() / "bytecode")
    done = subprocess.run(  # noqa: S603 - our own commands
        command, check=True, capture_output=True, timeout=300, cwd=_ROOT, env=environment
    )
    return done.stdout


async def _start(path: Path, source: int) -> Start:
    from cmdb.impact import reached  # noqa: PLC0415 - what a server has imported before it opens a store
    from cmdb.projection.following import Follower  # noqa: PLC0415 - likewise
    from cmdb.projection.loading import DependencyCodes  # noqa: PLC0415 - likewise

    begun, spent = time.perf_counter(), time.process_time()
    async with stores.sqlite(path) as store:
        follower = Follower(store)
        projection = await follower.current()
        load, processor = time.perf_counter() - begun, time.process_time() - spent
        hits = len(reached(projection, (source,)))
        answered = time.time()
        held, peak = _resident(), _peak()
        model = await store.model()
        if model is None:
            raise AssertionError("a filled store has a model")
        begun = time.perf_counter()
        await store.node_columns()
        await store.relationship_columns(DependencyCodes.of(model).names)
        columns = time.perf_counter() - begun
    return Start(answered, load, processor, columns, held, peak, hits)


def _resident() -> float:
    """Megabytes that this process holds; the peak where the system does not tell."""
    statm = Path("/proc/self/statm")
    if not statm.exists():
        return _peak()
    return int(statm.read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 1e6


def _peak() -> float:
    """Megabytes that this program held at most; where the system tells no better, what started it counts as well."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    known = [int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:")]
    return known[0] if known else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _PEAK_UNIT


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(_start(Path(sys.argv[1]), int(sys.argv[2])))))
