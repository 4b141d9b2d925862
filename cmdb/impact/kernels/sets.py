"""Sets of ordinals as bits."""

from __future__ import annotations

import numpy as np

from cmdb.impact.kernels import Bits, Bools
from cmdb.projection.columns import Int32s


def members(bits: Bits, ordinals: Int32s) -> Bools:
    """Which of the ordinals are in the set."""
    wide = ordinals.astype(np.uint64)
    return (bits[wide >> np.uint64(6)] >> (wide & np.uint64(63)) & np.uint64(1)).astype(bool)


def without(bits: Bits, ordinals: Int32s) -> Bits:
    """A copy of the set, the ordinals taken out."""
    rest = bits.copy()
    if not len(ordinals):
        return rest
    wide = ordinals.astype(np.uint64)
    np.bitwise_and.at(rest, wide >> np.uint64(6), ~(np.uint64(1) << (wide & np.uint64(63))))
    return rest


def with_those(bits: Bits, ordinals: Int32s) -> Bits:
    """A copy of the set, the ordinals put in."""
    more, wide = bits.copy(), ordinals.astype(np.uint64)
    np.bitwise_or.at(more, wide >> np.uint64(6), np.uint64(1) << (wide & np.uint64(63)))
    return more


def counted(bits: Bits) -> int:
    """How many are in the set; O(nodes / 64)."""
    return int(np.bitwise_count(bits).sum(dtype=np.int64))


def listed(bits: Bits) -> Int32s:
    """The ordinals of the set, sorted; O(nodes / 64 + 8 · words that are not empty)."""
    word = np.flatnonzero(bits != 0).astype(np.int32)
    bit = np.flatnonzero(np.unpackbits(bits.take(word).view(np.uint8), bitorder="little").view(bool)).astype(np.int32)
    return word.take(bit >> 6) * np.int32(64) + (bit & 63)
