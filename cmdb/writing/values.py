"""Whether a value obeys what the model says of its attribute, and its canonical form."""

from __future__ import annotations

from typing import Final

from cmdb.secrets import looks_like_secret, suspicious
from graph_schema.metamodel import Attribute, AttributeType, Control
from graph_schema.values import LONGEST_TEXT, Value, normalise

LONGEST_NAME: Final = 255
"""Characters a node's name or a relationship's key may have."""

_SECRET_UNDER_ANY_NAME: Final = "aB3dE5gH7jK9mN1pQ2rS4tU6"  # noqa: S105 - nobody's
_MOST_REMEMBERED: Final = 4096
_LONGEST_REMEMBERED: Final = 64


class ValueCheck:
    """Checks values of one attribute. Remembers some texts that passed, since most values of an estate repeat."""

    __slots__ = ("_any_text", "_named_like_secret", "_passed", "_plain_text", "attribute", "observed")

    def __init__(self, attribute: Attribute) -> None:
        self.attribute = attribute
        self.observed = attribute.control is Control.OBSERVED
        self._named_like_secret = looks_like_secret(attribute.name, _SECRET_UNDER_ANY_NAME) is not None
        self._passed: dict[str, Value] = {}
        texts = {AttributeType.STRING, AttributeType.TEXT, AttributeType.VERSION}
        self._plain_text = attribute.type in texts and not (attribute.many or attribute.pattern or attribute.values)
        self._any_text = self._plain_text and not self._named_like_secret

    def secret(self, raw: object) -> str | None:
        """Why a value looks like a secret; None when it does not."""
        if isinstance(raw, str):
            if not self._named_like_secret and not suspicious(raw):
                return None
            return looks_like_secret(self.attribute.name, raw)
        if isinstance(raw, list | tuple):
            parts: list[object] = list(raw)  # pyright: ignore[reportUnknownArgumentType]  # each is looked at
            return next((reason for part in parts if (reason := self.secret(part))), None)
        return None

    def known(self, raw: object) -> Value | None:
        """The canonical form of a text that passed before, or that plainly passes; None says nothing."""
        if not isinstance(raw, str):
            return None
        if self._any_text and raw.isprintable() and len(raw) <= LONGEST_TEXT and not suspicious(raw):
            return raw
        return self._passed.get(raw)

    def passing(self, raw: object) -> Value | None:
        """The canonical form of a value that is no secret; None for any other, and for no value."""
        known = self.known(raw)
        if known is not None or raw is None or self.secret(raw):
            return known
        try:
            return self.canonical(raw)
        except ValueError:
            return None

    def canonical(self, raw: object) -> Value:
        """The canonical form of a value that is no secret. Raises ValueError, which says what was expected."""
        if self._plain_text and isinstance(raw, str) and raw.isprintable() and len(raw) <= LONGEST_TEXT:
            return raw
        value = normalise(self.attribute, raw)
        if isinstance(raw, str) and len(raw) <= _LONGEST_REMEMBERED and len(self._passed) < _MOST_REMEMBERED:
            self._passed[raw] = value
        return value
