"""ledger show, verify."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from cmdb.cli.output import Format, Json, err, print_rows, print_value, progress_bar
from cmdb.cli.session import Common, opened, run
from cmdb.cli.showing import finding_rows, print_findings
from cmdb.errors import NotFound
from cmdb.ledger import Commit
from cmdb.safekeeping import verify as verify_store
from cmdb.store.sqlite import open_sqlite

app = App(name="ledger", help="Show and verify the chain of commits.")


@app.command
def show(
    revision: Annotated[
        int | None,
        Parameter(help="One commit with its effects; without it, the newest ones.", validator=Number(gte=1)),
    ] = None,
    /,
    *,
    limit: Annotated[
        int, Parameter(name=["--limit", "-n"], help="How many of the newest.", validator=Number(gte=1))
    ] = 20,
    common: Common | None = None,
) -> None:
    """Show commits: who changed what, when, by which authority."""
    run(_show(common or Common(), revision, limit))


async def _show(common: Common, revision: int | None, limit: int) -> None:
    async with opened(common) as application:
        head = await application.store.head()
        if revision is not None and revision > head.revision:
            raise NotFound(f"there is no revision {revision} yet", remedy=f"the newest is {head.revision}")
        first = revision - 1 if revision is not None else max(0, head.revision - limit)
        rows = [_row(commit, whole=revision is not None) async for commit in application.store.commits(first, revision)]
        if revision is not None and rows and common.output is Format.TABLE:
            print_value(rows[0], Format.YAML)
        else:
            print_rows(rows, ("revision", "time", "actor", "authority", "effects", "reason"), common.output)


def _row(commit: Commit, *, whole: bool) -> dict[str, Json]:
    header = commit.header
    counts = Counter(effect.__struct_config__.tag for effect in commit.effects)
    row: dict[str, Json] = {
        "revision": header.revision,
        "time": header.time,
        "actor": header.actor,
        "authority": header.authority,
        "effects": ", ".join(f"{count} {kind}" for kind, count in counts.items()),
        "reason": header.reason,
        "hash": commit.hash,
        "previous": header.previous,
    }
    if whole:
        row["body"] = commit.body.decode()
    return row


@app.command
def verify(*, common: Common | None = None) -> int:
    """Prove the store against its ledger: the chain holds, and replaying it gives exactly what stands.

    Ends with 1 if anything is found. Note the head's hash elsewhere to notice a ledger that was cut off at its end.
    """
    return run(_verify(common or Common()))


async def _verify(common: Common) -> int:
    async with opened(common) as application:
        head = await application.store.head()
        with tempfile.TemporaryDirectory(prefix="cmdb-verify-") as folder, progress_bar("verify") as bar:
            task = bar.add_task("commits", total=head.revision)
            scratch = open_sqlite(Path(folder) / "replayed.sqlite", create=True)
            try:
                found = await verify_store(
                    application.store, scratch, progress=lambda done: bar.update(task, completed=done)
                )
            finally:
                await scratch.close()
    if common.output is not Format.TABLE:
        print_value(
            {
                "holds": found.holds,
                "revision": found.revision,
                "hash": head.hash,
                "count": found.count,
                "findings": finding_rows(found.findings),
            },
            common.output,
        )
    else:
        print_findings(found.findings, found.count)
        verdict = "holds" if found.holds else f"does not hold: {found.count} findings"
        err.print(
            f"revision {found.revision}, {found.nodes} nodes, {found.relationships} relationships: the ledger {verdict}"
        )
        err.print(f"head {head.hash}")
    return int(not found.holds)
