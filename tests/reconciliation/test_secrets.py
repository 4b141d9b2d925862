"""Secrets in every place that an input has are found in no file of the store."""

from __future__ import annotations

from pathlib import Path

import apsw
import zstandard

from cmdb.reconciliation.claims import Known
from tests.reconciliation.world import a_world, link, node

SECRETS = {
    "password": "hunter2-Tr0ub4dor",
    "note": "postgres://app:Kx9-wXyZ-77q@db.example/shop",
    "site": "https://admin:S3cr3t-Pass-99@web.example/",
    "firmware": "ghp_" + "a1B2" * 9,
    "owner_token": "tok-Zq81-Vb72",
    "remark": "AKIA" + "Q7" * 8,
}
TOKEN = "xoxb-" + "8472635-" * 3 + "AbCdEf"
LATER = "glpat-" + "Mm3Kk4Jj5Hh6Gg7Ff8"


async def test_no_secret_is_in_any_file_of_the_store(tmp_path: Path) -> None:
    async with a_world(tmp_path / "store.db") as world:
        plan = await world.take_in(
            "s",
            node("web", said=SECRETS, tags=["fine", TOKEN]),
            node("db", name=TOKEN),
            node(TOKEN, name="odd"),
            node("plain", note="ordinary"),
            node("x", said={TOKEN: "value", "count": TOKEN}),
            node("y", state=TOKEN),
            node("z", TOKEN),
            link("web", "plain", key=TOKEN),
            link("web", "plain", remark=SECRETS["remark"], protocols=[TOKEN]),
            link("web", Known(TOKEN)),
            link("web", TOKEN),
            link("web", "plain", TOKEN),
            skip_errors=True,
        )
        await world.take_in("s", node("web", note=LATER), node("plain", note="ordinary"), skip_errors=True)
        assert {n.name: n.attributes for n in await world.nodes() if not n.retired} == {
            "web": {},
            "plain": {"note": "ordinary"},
        }
        told = [*plan.messages, *(await world.plan("s", [node("web", note=LATER), node("q", note=TOKEN)])).messages]
        warned = [m.message for m in told if m.warning]
        for name in ("password", "note", "site", "firmware", "owner_token", "tags"):
            assert any(f"'{name}' was left out" in message for message in warned)
        secrets = [*SECRETS.values(), TOKEN, LATER]
        for message in told:
            assert not any(secret in f"{message.message} {message.remedy}" for secret in secrets)
        raw = _files(tmp_path)
        assert len(raw) > 1
    raw += _files(tmp_path)
    with apsw.Connection(str(tmp_path / "store.db")) as connection:
        raw += [zstandard.decompress(body) for (body,) in connection.execute("SELECT body FROM ledger")]
    assert any(b"ordinary" in file for file in raw)
    for secret in secrets:
        assert not any(secret.encode() in file for file in raw)


def _files(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.iterdir()]
