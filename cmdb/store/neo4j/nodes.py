"""Reads of nodes, their history and their words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import numpy as np
import numpy.typing as npt

from cmdb.filters import Filter
from cmdb.nodes import Node, NodeVersion
from cmdb.store.neo4j.connection import Reading
from cmdb.store.neo4j.cypher import Parameters, name
from cmdb.store.neo4j.filters import THEN, Compiler, matched
from cmdb.store.neo4j.rows import node_versions_of, nodes_of
from cmdb.store.neo4j.text import one_of
from cmdb.store.words import words
from graph_schema.metamodel import Model

_COLLECTED: Final = " RETURN collect(n{.*, search_text: null}) AS rows"

_BY_ORDINAL: Final = f"MATCH (n:Node) WHERE n.ordinal IN $wanted{_COLLECTED}"
_BY_ORDINAL_THEN: Final = f"MATCH (n:Node|_NodeVersion) WHERE n.ordinal IN $wanted AND {THEN}{_COLLECTED}"
_ORDINALS_OF_KEYS: Final = "MATCH (n:Node) WHERE n.key IN $wanted RETURN collect([n.key, n.ordinal]) AS rows"
_HISTORY: Final = f"MATCH (n:Node|_NodeVersion) WHERE n.ordinal = $ordinal{_COLLECTED}"
_FOUND: Final = """
CALL db.index.fulltext.awaitEventuallyConsistentIndexRefresh() WITH 1 AS refreshed
CALL db.index.fulltext.queryNodes('cmdb_words', $query) YIELD node AS n
WITH n WHERE all(word IN $unasked WHERE ' ' + n.search_text + ' ' CONTAINS word)
"""
"""The index follows the commits a moment behind them, which halves what a commit costs; a search waits for it."""
_SEARCH: Final = f"{_FOUND} AND n.ordinal > $after WITH n ORDER BY n.ordinal LIMIT $most{_COLLECTED}"
_SEARCH_TOTAL: Final = f"{_FOUND} RETURN [count(n)] AS rows"

LONGEST_TERM: Final = 120
"""Characters of a word that the full-text index is asked for; it cuts words at 255 UTF-16 units."""

MOST_TERMS: Final = 64
"""Words that the index is asked for; it takes no more than 1,024. The others are looked for in what it found."""


async def by_ordinals(reading: Reading, ordinals: Sequence[int], as_of: int | None) -> list[Node]:
    """The nodes with these ordinals."""
    statement = _BY_ORDINAL if as_of is None else _BY_ORDINAL_THEN
    return nodes_of((await reading.rows(statement, {"wanted": list(ordinals), "as_of": as_of}))[1])


async def by_values(
    reading: Reading, field: str, values: Sequence[str | int], as_of: int | None, *, many: bool = False
) -> list[Node]:
    """The nodes that have one of these values in a field or attribute, or among its `many` values."""
    parameters = Parameters(as_of=as_of)
    if many:
        has = f"any(value IN n.{name(field)} WHERE value IN {parameters.add(list(values))})"
    else:
        has = one_of("n", field, values, parameters)
    return nodes_of((await reading.rows(f"{matched(as_of)} AND {has}{_COLLECTED}", parameters.values))[1])


async def ordinals_of_keys(reading: Reading, keys: Sequence[str]) -> dict[str, int]:
    """Ordinals by key."""
    _, rows = await reading.rows(_ORDINALS_OF_KEYS, {"wanted": list(keys)})
    return dict(cast("list[tuple[str, int]]", rows))


async def count(reading: Reading, model: Model, where: Filter, as_of: int | None) -> int:
    """How many nodes a filter accepts."""
    compiler = Compiler(model, as_of)
    accepted = compiler.where(where)
    _, rows = await reading.rows_of_new(
        f"{matched(as_of)} AND {accepted} RETURN [count(n)] AS rows", compiler.parameters.values
    )
    return cast("int", rows[0])


async def accepted(reading: Reading, model: Model, where: Filter, as_of: int | None) -> npt.NDArray[np.int64]:
    """The ordinals that a filter accepts."""
    compiler = Compiler(model, as_of)
    condition = compiler.where(where)
    _, rows = await reading.rows_of_new(
        f"{matched(as_of)} AND {condition} RETURN collect(n.ordinal) AS rows", compiler.parameters.values
    )
    return np.sort(np.array(rows, dtype=np.int64))


async def count_by_class(reading: Reading, as_of: int | None) -> dict[str, int]:
    """Live nodes by class."""
    statement = (
        f"{matched(as_of)} AND n.retired = false WITH n.class AS class, count(*) AS live ORDER BY class "
        "RETURN collect([class, live]) AS rows"
    )
    _, rows = await reading.rows(statement, {"as_of": as_of})
    return dict(cast("list[tuple[str, int]]", rows))


async def search(reading: Reading, text: str, limit: int, after: int) -> tuple[list[Node], int]:
    """Full text, by ordinal, with the exact total."""
    wanted = words(text)
    if not wanted:
        return [], 0
    asked, unasked = _asked(wanted)
    parameters: dict[str, object] = {"query": asked, "unasked": unasked, "after": after, "most": limit}
    _, total = await reading.rows(_SEARCH_TOTAL, parameters)
    _, rows = await reading.rows(_SEARCH, parameters)
    return nodes_of(rows), cast("int", total[0])


def _asked(wanted: Sequence[str]) -> tuple[str, list[str]]:
    """The query for all of these words, the last one perhaps only begun; and what it leaves to be looked for.

    Words hold letters and digits only, so nothing in them means anything to the index.
    """
    *whole, begun = wanted
    terms = [f"{begun[:LONGEST_TERM]}*"]
    unasked = [f" {begun}"] if len(begun) > LONGEST_TERM else []
    for word in dict.fromkeys(whole):
        if len(terms) < MOST_TERMS and len(word) <= LONGEST_TERM:
            terms.append(word)
        else:
            unasked.append(f" {word} ")
    return " ".join([f"+{term}" for term in terms]), unasked


async def history(reading: Reading, ordinal: int) -> list[NodeVersion]:
    """All versions of a node."""
    _, rows = await reading.rows(_HISTORY, {"ordinal": ordinal})
    return node_versions_of(rows)
