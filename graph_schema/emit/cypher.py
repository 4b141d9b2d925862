"""Neo4j indexes that a model asks for, all on the one label that every node has.

There is no constraint among them: retired nodes keep their values, so `unique` holds among the others only and is
checked before a write. Index names are `cmdb_attribute_…`, so that a store can tell its own from a person's.
"""

from __future__ import annotations

import re
from typing import Final, LiteralString, cast

from graph_schema.metamodel import Model

_ATTRIBUTE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


def cypher_indexes(model: Model) -> dict[str, LiteralString]:
    """A range index for each single-valued attribute that is indexed or unique: statement by index name."""
    names = {
        attribute.name
        for attributes in model.attributes.values()
        for attribute in attributes.values()
        if not attribute.many and (attribute.indexed or attribute.unique)
    }
    return {f"cmdb_attribute_{name}": _index(name) for name in sorted(names)}


def _index(attribute: str) -> LiteralString:
    name = _identifier(attribute)
    return f"CREATE INDEX cmdb_attribute_{name} IF NOT EXISTS FOR (n:Node) ON (n.`{name}`)"


def _identifier(attribute: str) -> LiteralString:
    """The one place where a model's name becomes Cypher text; anything but a plain name is an error of ours."""
    if not _ATTRIBUTE.fullmatch(attribute):
        raise ValueError(f"{attribute!r} is not the name of an attribute")
    return cast("LiteralString", attribute)  # checked above, so it cannot end an identifier or a statement
