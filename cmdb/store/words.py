"""How text is cut into words for full-text search, the same for every store.

Words are runs of letters and digits after Unicode compatibility folding and case folding; a Chinese, Japanese or
Korean character is a word of its own, so that any part of a label is found. Stores index the words joined by spaces
and need no analyser of their own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final

from graph_schema.metamodel import Model
from graph_schema.values import Value

MOST_WORDS: Final = 4096
"""Words of one node that are indexed; longer texts are findable by their beginning."""

_WORD = re.compile(r"[぀-ヿ㐀-䶿一-鿿가-힯豈-﫿]|[^\W_぀-ヿ㐀-䶿一-鿿가-힯豈-﫿]+")

_ASCII_WORD = re.compile(r"[0-9a-z]+")


def words(text: str) -> list[str]:
    """The words of a text, in order."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def searchable_attributes(model: Model) -> dict[str, tuple[str, ...]]:
    """For each class: the attributes whose values can be searched."""
    return {
        name: tuple(a.name for a in attributes.values() if a.searchable)
        for name, attributes in model.attributes.items()
    }


def searched_otherwise(before: Mapping[str, tuple[str, ...]], after: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The classes in which a new model lets other attributes be searched than the one before it."""
    return sorted(name for name, attributes in after.items() if before.get(name, ()) != attributes)


def searched_text(key: str, name: str, values: Iterable[Value | None]) -> str:
    """The text in which a node is searched: key, name and searchable values."""
    texts = [key, name]
    for value in values:
        if value is None:
            continue
        if isinstance(value, tuple):
            texts.extend(map(str, value))
        else:
            texts.append(str(value))
    return " ".join(texts)


def search_text(key: str, name: str, values: Iterable[Value | None]) -> str:
    """What is indexed for a node: the distinct words of its searched text, joined by spaces."""
    return distinct_words(searched_text(key, name, values))


def distinct_words(text: str) -> str:
    """The words of a text without repetition, joined by spaces."""
    return " ".join(dict.fromkeys(words(text)[:MOST_WORDS]))
