"""Writers in processes of their own. What a store acknowledged they tell through a pipe, in the order it happened."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection

import msgspec

from cmdb.changeset import ChangeSet, Link, New, Operation, Put, Retire
from cmdb.clock import system_clock
from cmdb.errors import Conflict
from cmdb.filters import LIVE
from cmdb.nodes import Node
from cmdb.store.port import Claim, ClaimChanges, ClaimKind, Query, Sort, Store
from cmdb.writing import INITIALISATION, Bound, Door, InitialisationGate
from tests.store.places import opened

SOURCE = "writer"


class Said(msgspec.Struct, frozen=True):
    """What a writer tells: ready (revision 0), or the head that a write was acknowledged with."""

    revision: int
    hash: str


_said = msgspec.json.Decoder(Said)


@dataclass(frozen=True, slots=True)
class Writer:
    """A running process and the reading end of its pipe."""

    kill: Callable[[], None]
    wait: Callable[[], int | None]
    receive: Callable[[], bytes]

    def hear(self) -> Said | None:
        """The next thing it said; None when it is gone."""
        try:
            return _said.decode(self.receive())
        except (EOFError, ConnectionResetError):
            return None


@contextmanager
def started(target: Callable[..., None], *arguments: str | int) -> Generator[Writer]:
    """A process that runs `target(*arguments, pipe)`, forked from a server that has everything imported."""
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    reading, writing = context.Pipe(duplex=False)
    process = context.Process(target=target, args=(*arguments, writing), daemon=True)
    process.start()
    writing.close()

    def wait() -> int | None:
        process.join(60)
        return process.exitcode

    try:
        yield Writer(process.kill, wait, reading.recv_bytes)
    finally:
        process.kill()
        process.join()
        process.close()
        reading.close()


def door(store: Store) -> Door:
    """The door of a store under initialisation."""
    return Door(store, gate=InitialisationGate(), clock=system_clock)


def count_up(url: str, name: str, times: int, pipe: Connection) -> None:
    """So often: add one to the count of node 0, as last seen, and create a node; begin again after a conflict."""
    asyncio.run(_count_up(url, name, times, pipe))


async def _count_up(url: str, name: str, times: int, pipe: Connection) -> None:
    async with opened(url) as store:
        _tell(pipe, 0, "")
        for number in range(times):
            while not await _counted(store, f"{name}-{number}", pipe):
                pass
    pipe.close()


async def _counted(store: Store, name: str, pipe: Connection) -> bool:
    [counter] = await store.nodes([0])
    count = counter.attributes["count"]
    assert isinstance(count, int)
    wishes = ChangeSet(
        (
            Put(node=0, attributes={"count": count + 1}, expects=counter.version),
            Put(node=New("own"), class_name="Server", name=name),
            Link(type="CONNECTED_TO", source=New("own"), target=0, attributes={"speed": count}),
        )
    )
    try:
        written = await door(store).write(wishes, actor=name, authority=INITIALISATION)
    except Conflict:
        return False
    _tell(pipe, written.head.revision, written.head.hash)
    return True


def write_on(url: str, seed: int, pipe: Connection) -> None:
    """Write change sets of all kinds and sizes, with claims, until killed."""
    asyncio.run(_write_on(url, random.Random(seed), pipe))  # noqa: S311 - repeatable, no secret


async def _write_on(url: str, chance: random.Random, pipe: Connection) -> None:
    async with opened(url) as store:
        _tell(pipe, 0, "")
        while True:
            newest = await store.find(Query(where=LIVE, sort=Sort("ordinal", descending=True), limit=20))
            wishes = ChangeSet(tuple(_wishes(chance, [n for n in newest.items if n.class_name == "Server"])))
            written = await door(store).write(wishes, actor="writer", authority=INITIALISATION, bind=_claims)
            _tell(pipe, written.head.revision, written.head.hash)


def _wishes(chance: random.Random, live: list[Node]) -> list[Operation]:
    """New nodes in a chain, always; changes, links and an end to some of those that stand."""
    number = chance.choice([1, 2, 40])
    wishes: list[Operation] = [
        Put(node=New(str(i)), class_name="Server", name=f"n{i}", attributes={"note": "word " * chance.randrange(400)})
        for i in range(number)
    ]
    wishes += [Link(type="RUNS_ON", source=New(str(i)), target=New(str(i - 1))) for i in range(1, number)]
    if live:
        changed, linked, retired = (chance.choice(live) for _ in range(3))
        wishes.append(Put(node=changed.ordinal, attributes={"count": chance.randrange(10**6)}))
        wishes.append(Link(type="RUNS_ON", source=New("0"), target=linked.ordinal, attributes={"port": number}))
        if chance.random() < 0.3:
            wishes.append(Retire(node=retired.ordinal))
    return wishes


def _claims(bound: Bound) -> ClaimChanges:
    """One claim that says which commit it came with, and one for each node that was made."""
    mark = claim_of(bound.revision)
    each = [
        Claim(source_key=f"n{o}", kind=ClaimKind.NODE, bound_to=o, digest=b"d" * 16, body=b"{}", seen=mark.seen)
        for o in bound.created.values()
    ]
    return ClaimChanges(source=SOURCE, put=(mark, *each))


def claim_of(revision: int) -> Claim:
    """The claim that must be there when this is the newest commit of `write_on`."""
    body = str(revision).encode()
    return Claim(
        source_key="newest",
        kind=ClaimKind.NODE,
        bound_to=0,
        digest=b"d" * 16,
        body=body,
        seen="2026-01-31T12:00:00.000000Z",
    )


def _tell(pipe: Connection, revision: int, digest: str) -> None:
    pipe.send_bytes(msgspec.json.encode(Said(revision, digest)))
