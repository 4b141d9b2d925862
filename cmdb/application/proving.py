"""A baseline proven, with a scratch store that goes when it is done."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from cmdb.application.opening import Application
from cmdb.baselines.proving import Proof, prove
from cmdb.store.sqlite import open_sqlite


async def verify_baseline(
    application: Application, reference: str, *, progress: Callable[[int], None] = lambda _: None
) -> Proof:
    """Prove a baseline, named by key, id or name, against the ledger; see `cmdb.baselines.proving.prove`."""
    with tempfile.TemporaryDirectory(prefix="cmdb-verify-") as folder:
        scratch = open_sqlite(Path(folder) / "replayed.sqlite", create=True)
        try:
            return await prove(application.store, reference, scratch, progress=progress)
        finally:
            await scratch.close()
