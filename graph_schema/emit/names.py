"""The one place where a name from a model becomes text of a statement."""

from __future__ import annotations

import re
from typing import Final, LiteralString, cast

_ATTRIBUTE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


def attribute_identifier(attribute: str) -> LiteralString:
    """An attribute's name, fit to stand in SQL and Cypher. Raises ValueError for anything but a plain name."""
    if not _ATTRIBUTE.fullmatch(attribute):
        raise ValueError(f"{attribute!r} is not the name of an attribute")
    return cast("LiteralString", attribute)  # checked above: it can end neither an identifier nor a statement
