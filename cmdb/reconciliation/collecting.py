"""Fewer searches for garbage while millions of values are made that are no garbage."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

_THRESHOLD: Final = 200_000


@contextmanager
def fewer_collections() -> Generator[None]:
    """Let the interpreter look for cycles only once in 200,000 new containers; it otherwise takes a seventh of an import."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], _THRESHOLD), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
