"""export: the whole graph as lines of JSON, in the form that `import ndjson` takes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
from cyclopts import Parameter

from cmdb.cli.options import AsOf, Retired
from cmdb.cli.output import err, progress_bar
from cmdb.cli.session import Common, opened, run
from cmdb.errors import Failed
from cmdb.reading import moment_revision

_encode = msgspec.json.Encoder().encode


def export(
    *,
    to: Annotated[Path | None, Parameter(name=["--to", "-f"], help="A new file; stdout if not given.")] = None,
    as_of: AsOf = None,
    retired: Retired = False,
    common: Common | None = None,
) -> None:
    """Write all nodes, then all relationships, one JSON object a line, as of one revision.

    A file is there whole in the end, or not at all.
    """
    options = common or Common()
    if to is None:
        run(_export(options, sys.stdout.buffer, as_of, retired=retired))
        return
    try:
        with to.open("xb") as file:
            try:
                run(_export(options, file, as_of, retired=retired))
            except BaseException:
                to.unlink()
                raise
    except OSError as error:
        raise Failed(
            f"{to} cannot be written: {error.strerror}", remedy="name a new file in a folder you can write to"
        ) from error


async def _export(common: Common, file: BinaryIO, moment: str | None, *, retired: bool) -> None:
    async with opened(common) as application:
        store = application.store
        ids = await application.ids()
        revision = (await store.head()).revision if moment is None else await moment_revision(store, moment)
        nodes = relationships = 0
        with progress_bar("export") as bar:
            task = bar.add_task("items", total=None)
            async for batch in store.all_nodes(revision):
                lines = [
                    _encode(
                        {
                            "node": {
                                "id": n.id,
                                "key": n.key,
                                "class": n.class_name,
                                "name": n.name,
                                "state": n.state,
                                "attributes": n.attributes,
                            }
                        }
                    )
                    for n in batch
                    if retired or not n.retired
                ]
                _write(file, lines)
                nodes += len(lines)
                bar.update(task, completed=nodes)
            async for edges in store.all_relationships(revision):
                lines = [
                    _encode(
                        {
                            "relationship": {
                                "type": r.type,
                                "from": ids.id_of(r.source),
                                "to": ids.id_of(r.target),
                                "key": r.key,
                                "attributes": r.attributes,
                            }
                        }
                    )
                    for r in edges
                ]
                _write(file, lines)
                relationships += len(lines)
                bar.update(task, completed=nodes + relationships)
        file.flush()
    err.print(f"revision {revision}: {nodes} nodes, {relationships} relationships")


def _write(file: BinaryIO, lines: list[bytes]) -> None:
    if lines:
        file.write(b"\n".join(lines) + b"\n")
