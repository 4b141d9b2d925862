"""What is kept of a claim: its body as canonical JSON, and a digest of it as the source gave it.

The digest is tied to the model and to RULES, so that under another model or by other rules nothing counts as known.
A body of a relationship that says nothing but "I brought this" is empty, since most are.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Final

import msgspec

from graph_schema.document import model_digest
from graph_schema.metamodel import Model
from graph_schema.values import Value

RULES: Final = 1
"""The version of the rules of reconciliation; another one makes every claim be looked at again."""


class Said(msgspec.Struct, frozen=True, array_like=True):
    """What one source says about a node, in canonical values; `attributes` holds observed ones too, which are nowhere else.

    `made` is set if the source's import created the node; `gave` names what it has changed in one that it did not create.
    """

    name: str
    state: str | None
    attributes: dict[str, Value]
    made: bool
    gave: tuple[str, ...] = ()


class SaidOfLink(msgspec.Struct, frozen=True, array_like=True):
    """What one source says about a relationship; `made` is set if its import created it."""

    attributes: dict[str, Value]
    made: bool


encode: Final = msgspec.json.Encoder(order="sorted").encode
attributes_of: Final = msgspec.json.Decoder(dict[str, Value]).decode
patch_of: Final = msgspec.json.Decoder(dict[str, Value | None]).decode
"""Attributes as what is to be set of them."""
said_of: Final = msgspec.json.Decoder(Said).decode

_said_of_link: Final = msgspec.json.Decoder(SaidOfLink).decode
_MADE_AND_NO_MORE: Final = SaidOfLink({}, made=True)


def body_of_created(name: str, state: str | None, attributes: bytes) -> bytes:
    """The body of the claim that a node is created for; `attributes` are canonical JSON already."""
    return encode((name, state, msgspec.Raw(attributes), True))


def link_body(said: SaidOfLink) -> bytes:
    """The body of a relationship's claim."""
    return b"" if said == _MADE_AND_NO_MORE else encode(said)


def said_of_link(body: bytes) -> SaidOfLink:
    """The reverse of `link_body`."""
    return _said_of_link(body) if body else _MADE_AND_NO_MORE


def digests(
    model: Model,
) -> tuple[Callable[[str, str, str | None, bytes], bytes], Callable[[str, bytes], bytes]]:
    """Two functions that give digests of 8 bytes under this model and RULES.

    The first takes class, name, state and attributes of a node's claim, these as sorted JSON. The second takes key and
    canonical attributes of a relationship's; it gives b"" when there are none, so that most relationships cost nothing.
    """
    base = blake2b(f"{RULES} {model_digest(model)}".encode(), digest_size=8)

    def of_node(class_name: str, name: str, state: str | None, attributes: bytes) -> bytes:
        found = base.copy()
        found.update(encode((class_name, name, state, msgspec.Raw(attributes))))
        return found.digest()

    def of_link(key: str, attributes: bytes) -> bytes:
        if not key and attributes == b"{}":
            return b""
        found = base.copy()
        found.update(encode(key) + attributes)
        return found.digest()

    return of_node, of_link
