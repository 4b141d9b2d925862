"""init, doctor, backup, restore, version: keeping a store."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cmdb.application import Application, initialise
from cmdb.cli import program_version
from cmdb.cli.output import Format, Json, err, print_line, print_rows, print_value, progress_bar
from cmdb.cli.session import Acting, Common, opened, run
from cmdb.errors import CmdbError, NotFound
from cmdb.safekeeping import restore as restore_file
from cmdb.safekeeping import write_backup
from graph_schema.metamodel import Model
from graph_schema.reader import read_model, shipped_model


def init(
    *,
    model: Annotated[Path | None, Parameter(help="A folder of model files; the shipped model if not given.")] = None,
    acting: Acting | None = None,
) -> None:
    """Make an empty CMDB: its ledger begins with the estate's id and the model."""
    chosen = shipped_model() if model is None else read_model(model)
    run(_init(acting or Acting(), chosen))


async def _init(acting: Acting, model: Model) -> None:
    async with opened(acting, create=True) as application:
        head = await initialise(application, model, actor=acting.who)
        err.print(
            f"{application.store.url}: revision {head.revision}, model {model.version}"
            f" with {len(model.classes)} classes and {len(model.relationship_types)} relationship types"
        )
        err.print("Next: `cmdb import workbook FILE`, or `cmdb import workbook --template NEW.xlsx` for an empty one.")


def backup(file: Path, /, *, common: Common | None = None) -> None:
    """Write ledger and claims into one file, as of now, while others go on writing."""
    run(_backup(common or Common(), file))


async def _backup(common: Common, file: Path) -> None:
    async with opened(common) as application:
        with progress_bar("backup") as bar:
            task = bar.add_task("commits")
            summary = await write_backup(
                application.store, file, progress=lambda done, total: bar.update(task, completed=done, total=total)
            )
    err.print(f"{file}: {summary.commits} commits to revision {summary.head.revision}, {summary.claims} claims")


def restore(file: Path, /, *, common: Common | None = None) -> None:
    """Make a CMDB again from a backup, in a store of either kind that is empty."""
    if not file.is_file():
        raise NotFound(f"there is no file {file}", remedy="check the path")
    run(_restore(common or Common(), file))


async def _restore(common: Common, file: Path) -> None:
    async with opened(common, create=True) as application:
        with progress_bar("restore") as bar:
            task = bar.add_task("commits")
            summary = await restore_file(
                file, application.store, progress=lambda done, total: bar.update(task, completed=done, total=total)
            )
    err.print(f"{common.store}: at revision {summary.head.revision}, {summary.claims} claims; hash {summary.head.hash}")


def version(*, output: Annotated[Format, Parameter(name=["--output", "-o"])] = Format.TABLE) -> None:
    """Print the program's version."""
    if output is Format.TABLE:
        print_line(f"cmdb {program_version()}")
    else:
        print_value({"version": program_version()}, output)


def doctor(*, common: Common | None = None) -> int:
    """Say what this machine has and lacks, and how the store is; ends with 1 if something needed is missing."""
    options = common or Common()
    rows = [*_machine(), *run(_store(options))]
    print_rows(rows, ("what", "state", "found", "remedy"), options.output)
    return int(any(row["state"] == "missing" for row in rows))


def _machine() -> list[dict[str, Json]]:
    java, maven = shutil.which("java"), shutil.which("mvn")
    free = shutil.disk_usage(Path.cwd()).free // 2**20
    return [
        _row("Python", "fine", platform.python_version()),
        _row("CPUs", "fine", str(os.cpu_count())),
        _row("disk here", "fine" if free > 512 else "low", f"{free} MiB free", "" if free > 512 else "make room"),
        _row("scratch folder", "fine", tempfile.gettempdir()),
        _row(
            "Java (for a local Neo4j)",
            "fine" if java else "optional",
            java or "none",
            "" if java else "install Java 17",
        ),
        _row(
            "Maven (for a local Neo4j)",
            "fine" if maven else "optional",
            maven or "none",
            "" if maven else "install Maven",
        ),
        _row("kernels", "fine", _kernels()),
    ]


def _kernels() -> str:
    from cmdb.projection.kernels import configured_choice
    from cmdb.projection.kernels.choosing import WORTH_COMPILING

    return type(configured_choice()(WORTH_COMPILING)).__module__.rpartition(".")[2]


async def _store(common: Common) -> list[dict[str, Json]]:
    try:
        async with opened(common) as application:
            return await _store_rows(application)
    except CmdbError as error:
        return [_row("store", "absent", f"{common.store}: {error.message}", error.remedy)]


async def _store_rows(application: Application) -> list[dict[str, Json]]:
    head = await application.store.head()
    model = await application.store.model()
    if model is None:
        return [_row("store", "empty", application.store.url, "run `cmdb init`")]
    counts = await application.store.count_by_class()
    return [
        _row("store", "fine", application.store.url),
        _row("revision", "fine", f"{head.revision} of {head.time}"),
        _row("model", "fine", f"{model.version}, {len(model.classes)} classes"),
        _row("nodes", "fine", str(sum(counts.values()))),
    ]


def _row(what: str, state: str, found: str, remedy: str = "") -> dict[str, Json]:
    return {"what": what, "state": state, "found": found, "remedy": remedy}
