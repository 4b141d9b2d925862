"""Values of attributes: one canonical form per type, so that equal things are equal bytes in every store.

| type | canonical form |
| --- | --- |
| string, text, enum, url, email, version | the text; no control characters (text: tab and newline allowed) |
| integer, duration | 64-bit integer; a duration is whole seconds |
| decimal | text without exponent, trailing zeros or a plus sign: `12.5`, `-3`, `0` |
| boolean | true or false |
| date | `YYYY-MM-DD` |
| datetime | UTC, `YYYY-MM-DDTHH:MM:SS.ffffffZ` |
| ip, cidr | as the standard library's `ipaddress` prints it (a cidr's host bits are cleared) |
| mac | six lower-case pairs joined by colons |

There is no floating point, so canonical JSON needs no rule for it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Final

from graph_schema.metamodel import Attribute, AttributeType

Scalar = str | int | bool
Value = Scalar | tuple[Scalar, ...]

LONGEST_TEXT: Final = 65_536
"""Characters a single value may have; longer content belongs in a document that the node points to."""

_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_MAC = re.compile(r"^[0-9a-f]{12}$")
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s]+$")
_URL = re.compile(r"^[a-z][a-z0-9+.-]*://\S+$", re.IGNORECASE)
_DURATION = re.compile(
    r"^P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?$"
)
_BOOLEANS = {
    "true": True,
    "yes": True,
    "1": True,
    "是": True,
    "false": False,
    "no": False,
    "0": False,
    "否": False,
}


def normalise(attribute: Attribute, raw: object) -> Value:
    """The canonical form of `raw` for this attribute; canonical values come back unchanged.

    Text is accepted for every type (as a spreadsheet gives it), native values where they fit; a list
    attribute takes a list, a tuple, or text separated by `;`. Raises ValueError that says what was expected.
    """
    if not attribute.many:
        return _one(attribute, raw)
    if isinstance(raw, str):
        raw = [part.strip() for part in raw.split(";") if part.strip()]
    if not isinstance(raw, list | tuple):
        raise ValueError(f"expected a list of {attribute.type} values, got {_shown(raw)}")
    items: list[object] = list(raw)  # pyright: ignore[reportUnknownArgumentType]  # elements are checked one by one
    return tuple(_one(attribute, item) for item in items)


def _one(attribute: Attribute, raw: object) -> Scalar:
    value = _PARSERS[attribute.type](raw)
    if attribute.values and value not in attribute.values:
        raise ValueError(f"{_shown(raw)} is not one of {', '.join(attribute.values)}")
    if attribute.pattern is not None and not _compiled(attribute.pattern).fullmatch(str(value)):
        raise ValueError(f"{_shown(raw)} does not match the pattern {attribute.pattern}")
    if attribute.minimum is not None and Decimal(value) < attribute.minimum:
        raise ValueError(f"{_shown(raw)} is below the minimum {attribute.minimum}")
    if attribute.maximum is not None and Decimal(value) > attribute.maximum:
        raise ValueError(f"{_shown(raw)} is above the maximum {attribute.maximum}")
    return value


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _shown(raw: object) -> str:
    text = repr(raw)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _text(raw: object, forbidden: re.Pattern[str], what: str) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int):
        raise ValueError(f"expected {what}, got {_shown(raw)}")
    text = str(raw)
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"{len(text)} characters are too long; at most {LONGEST_TEXT} fit")
    if forbidden.search(text):
        raise ValueError(f"{_shown(raw)} has control characters or broken Unicode")
    return text


def _string(raw: object) -> str:
    return _text(raw, _CONTROL, "text")


def _long_text(raw: object) -> str:
    return _text(raw.replace("\r\n", "\n") if isinstance(raw, str) else raw, _CONTROL_IN_TEXT, "text")


def _integer(raw: object) -> int:
    if isinstance(raw, bool):
        raise ValueError(f"expected a whole number, got {raw}")
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    if isinstance(raw, str) and re.fullmatch(r"[+-]?\d{1,19}", raw.strip(), re.ASCII):
        raw = int(raw)
    if not isinstance(raw, int):
        raise ValueError(f"expected a whole number, got {_shown(raw)}")
    if not _SMALLEST <= raw <= _LARGEST:
        raise ValueError(f"{_shown(raw)} does not fit 64 bits")
    return raw


def _decimal(raw: object) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | Decimal):
        raise ValueError(f"expected a decimal number, got {_shown(raw)}")
    try:
        number = Decimal(str(raw).strip())
    except InvalidOperation:
        raise ValueError(f"expected a decimal number like 12.5, got {_shown(raw)}") from None
    if not number.is_finite() or abs(number.adjusted()) > 30 or len(number.as_tuple().digits) > 30:
        raise ValueError(f"{_shown(raw)} is not a finite decimal number of at most 30 digits")
    plain = format(number, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in {"-0", ""} else plain


def _boolean(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    known = _BOOLEANS.get(str(raw).strip().lower()) if isinstance(raw, str | int) else None
    if known is None:
        raise ValueError(f"expected true or false, got {_shown(raw)}")
    return known


def _date(raw: object) -> str:
    if isinstance(raw, datetime):
        if (raw.hour, raw.minute, raw.second, raw.microsecond) != (0, 0, 0, 0):
            raise ValueError(f"expected a date without a time, got {raw.isoformat()}")
        return raw.date().isoformat()
    if isinstance(raw, date):
        return raw.isoformat()
    try:
        return date.fromisoformat(str(raw).strip()).isoformat()
    except ValueError:
        raise ValueError(f"expected a date like 2026-01-31, got {_shown(raw)}") from None


def _datetime(raw: object) -> str:
    try:
        moment = raw if isinstance(raw, datetime) else datetime.fromisoformat(str(raw).strip())
    except ValueError:
        raise ValueError(f"expected a time like 2026-01-31T17:00:00Z, got {_shown(raw)}") from None
    if moment.tzinfo is None:
        raise ValueError(f"{_shown(raw)} has no time zone; write 2026-01-31T17:00:00Z or …+08:00")
    try:
        return instant(moment)
    except OverflowError:
        raise ValueError(f"{_shown(raw)} is out of the range of dates") from None


def instant(moment: datetime) -> str:
    """The canonical text of a moment that has a time zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")


def _duration(raw: object) -> int:
    if isinstance(raw, timedelta):
        return _integer(int(raw.total_seconds()))
    if isinstance(raw, str) and (found := _DURATION.match(raw.strip())) and raw.strip() not in {"P", "PT"}:
        parts = {name: int(text) for name, text in found.groupdict(default="0").items()}
        try:
            return _integer(int(timedelta(**parts).total_seconds()))
        except OverflowError:
            raise ValueError(f"{_shown(raw)} is too long a time") from None
    try:
        return _integer(raw)
    except ValueError:
        raise ValueError(f"expected a duration like PT4H or a number of seconds, got {_shown(raw)}") from None


def _url(raw: object) -> str:
    text = _string(raw)
    if not _URL.match(text):
        raise ValueError(f"expected a URL like https://example.com, got {_shown(raw)}")
    return text


def _email(raw: object) -> str:
    text = _string(raw)
    if not _EMAIL.match(text):
        raise ValueError(f"expected an e-mail address, got {_shown(raw)}")
    return text


def _ip(raw: object) -> str:
    try:
        return str(ipaddress.ip_address(_string(raw).strip()))
    except ValueError:
        raise ValueError(f"expected an IP address, got {_shown(raw)}") from None


def _cidr(raw: object) -> str:
    try:
        return str(ipaddress.ip_network(_string(raw).strip(), strict=False))
    except ValueError:
        raise ValueError(f"expected a network like 10.0.0.0/24, got {_shown(raw)}") from None


def _mac(raw: object) -> str:
    digits = re.sub(r"[-:.\s]", "", _string(raw).lower())
    if not _MAC.match(digits):
        raise ValueError(f"expected a MAC address like 00:1a:2b:3c:4d:5e, got {_shown(raw)}")
    return ":".join(digits[i : i + 2] for i in range(0, 12, 2))


_PARSERS: Final[dict[AttributeType, Callable[[object], Scalar]]] = {
    AttributeType.STRING: _string,
    AttributeType.TEXT: _long_text,
    AttributeType.INTEGER: _integer,
    AttributeType.DECIMAL: _decimal,
    AttributeType.BOOLEAN: _boolean,
    AttributeType.DATE: _date,
    AttributeType.DATETIME: _datetime,
    AttributeType.DURATION: _duration,
    AttributeType.ENUM: _string,
    AttributeType.URL: _url,
    AttributeType.IP: _ip,
    AttributeType.CIDR: _cidr,
    AttributeType.MAC: _mac,
    AttributeType.EMAIL: _email,
    AttributeType.VERSION: _string,
}
