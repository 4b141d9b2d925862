"""The kernels compiled by numba; they release the interpreter lock.

The first call on a machine compiles, which takes seconds; the result is kept beside the source, or where that
cannot be written in numba's folder of the user (`NUMBA_CACHE_DIR` says otherwise).
"""
# numba comes without type information, so nothing that passes through it is known to a checker:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUntypedFunctionDecorator=false
# pyright: reportUnknownParameterType=false, reportCallIssue=false
# pyright: reportMissingParameterType=false
# ruff: noqa: ANN001, ANN201, ANN202, ARG001

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from cmdb.projection import rows as plain
from cmdb.projection.columns import Int32s, Int64s
from cmdb.projection.kernels import Spread, Trail
from cmdb.projection.rows import Rows, capacity_for, room_for

_ROW_AHEAD = 8
_HEADER_AHEAD = 16
_NODE_AHEAD = 16
_FILL_AHEAD = 32
_FEW_NODES = 64
_FEW_EDGES = 128


class CompiledKernels:
    """See `cmdb.projection.kernels.Kernels`. Bit sets are kept, a pair per call under way."""

    append_edges = staticmethod(njit(cache=True, nogil=True)(plain.append_edges))
    remove_edges = staticmethod(njit(cache=True, nogil=True)(plain.remove_edges))
    find_edges = staticmethod(njit(cache=True, nogil=True)(plain.find_edges))

    def __init__(self) -> None:
        self._idle: list[_Scratch] = []
        self._guard = threading.Lock()

    def sort_into_rows(self, owners: Int32s, neighbours: Int32s, nodes: int) -> tuple[Rows, Int32s]:
        """Edges keep their order within a row."""
        length = np.bincount(owners, minlength=nodes).astype(np.int32)
        room = room_for(length)
        end = np.cumsum(room, dtype=np.int64)
        tail = int(end[-1]) if nodes else 0
        header = np.stack([(end - room).astype(np.int32), np.zeros(nodes, np.int32)], axis=1)
        neighbour, edge = np.zeros(capacity_for(tail), np.int32), np.zeros(capacity_for(tail), np.int32)
        place = np.empty(len(owners), dtype=np.int32)
        _fill(owners, neighbours, header, neighbour, edge, place)
        return Rows(header, room, neighbour, edge, np.array([tail], dtype=np.int64)), place

    def spread(self, rows: Rows, nodes: int, sources: Int32s, goal: int) -> Spread:
        """See `_spread`."""
        order, ends = np.empty(nodes + 1, dtype=np.int32), np.empty(nodes + 1, dtype=np.int32)
        with self._scratch(nodes) as scratch:
            levels = _spread(rows.header, rows.neighbour, sources, goal, scratch.seen, scratch.fresh, order, ends)
        ends = ends[:levels].copy()
        return Spread(order[: ends[-1] if levels else 0], ends)

    def trail(self, rows: Rows, nodes: int, spread: Spread, relationship: Int64s) -> Trail:
        """See `_trail`."""
        order = spread.order
        trail = Trail(np.full_like(order, -1), np.full(len(order), -1, dtype=np.int64))
        if len(spread.ends) < 2:
            return trail
        waiting = np.zeros((nodes >> 6) + 1, dtype=np.uint64)
        met = np.empty(len(rows.neighbour), dtype=np.int32)
        from_node, by_edge = np.empty(nodes, dtype=np.int32), np.empty(nodes, dtype=np.int32)
        graph = (rows.header, rows.neighbour, rows.edge, *spread, relationship)
        _trail(*graph, waiting, met, from_node, by_edge, *trail)
        return trail

    @contextmanager
    def _scratch(self, nodes: int) -> Generator[_Scratch]:
        with self._guard:
            scratch = self._idle.pop() if self._idle else None
        if scratch is None or scratch.nodes < nodes:
            scratch = _Scratch(nodes + (nodes >> 3))
        yield scratch
        with self._guard:
            self._idle.append(scratch)


class _Scratch:
    """Two bit sets over nodes: those seen (holds anything) and those found for the next level (all zero)."""

    def __init__(self, nodes: int) -> None:
        self.nodes = nodes
        self.seen = np.zeros((nodes >> 6) + 1, dtype=np.uint64)
        self.fresh = np.zeros((nodes >> 6) + 1, dtype=np.uint64)


@intrinsic
def prefetch(typing, array, row):
    """Bring the cache line of `array[row]`, or `array[row, 0]`, near."""

    def generate(context, builder, signature, arguments):
        kind = signature.args[0]
        index = [arguments[1]] + [ir.Constant(ir.IntType(64), 0)] * (kind.ndim - 1)
        view = context.make_array(kind)(context, builder, arguments[0])
        item = cgutils.get_item_pointer(context, builder, kind, view, index, wraparound=False)
        address = builder.bitcast(item, ir.IntType(8).as_pointer())
        flag = ir.IntType(32)
        prefetch = builder.module.declare_intrinsic(
            "llvm.prefetch", [address.type], ir.FunctionType(ir.VoidType(), [address.type, flag, flag, flag])
        )
        read, keep, data = flag(0), flag(3), flag(1)
        builder.call(prefetch, [address, read, keep, data])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


@intrinsic
def lowest_bit(typing, word):
    """Index of the lowest bit that is set in `word`, which is not 0."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.uint64(types.uint64), generate


@njit(cache=True, nogil=True)
def _fill(owners, neighbours, header, neighbour, edge, place):
    """The second half of a counting sort: put each edge at the end of its owner's row."""
    count = len(owners)
    for i in range(count):
        if i + _FILL_AHEAD < count:
            prefetch(header, owners[i + _FILL_AHEAD])
            owner = owners[i + _FILL_AHEAD // 2]
            prefetch(neighbour, header[owner, 0] + header[owner, 1])
            prefetch(edge, header[owner, 0] + header[owner, 1])
        owner = owners[i]
        length = header[owner, 1]
        slot = header[owner, 0] + length
        neighbour[slot] = neighbours[i]
        edge[slot] = i
        place[i] = length
        header[owner, 1] = length + 1


@njit(cache=True, nogil=True)
def _spread(header, neighbour, sources, goal, seen, fresh, order, ends):
    """Breadth first, level by level; returns the number of levels.

    A level marks its neighbours in the bit set `fresh` without asking whether they are new; then one pass
    over the set takes off what was seen and writes the rest down, which comes out sorted. Small levels ask
    and sort instead.
    """
    one, low = np.uint64(1), np.uint64(63)
    six = np.uint64(6)
    words = (len(order) >> 6) + 1
    seen[:words] = 0
    count = len(sources)
    for i in range(count):
        order[i] = sources[i]
        seen[sources[i] >> 6] |= one << (np.uint64(sources[i]) & low)
    begin = 0
    levels = 0
    while begin < count:
        end = count
        ends[levels] = end
        levels += 1
        if goal >= 0 and seen[goal >> 6] >> (np.uint64(goal) & low) & one:
            break
        edges = _FEW_EDGES + 1
        if end - begin <= _FEW_NODES:
            edges = 0
            for i in range(begin, end):
                edges += header[order[i], 1]
        if edges <= _FEW_EDGES:
            for i in range(begin, end):
                start = header[order[i], 0]
                for slot in range(start, start + header[order[i], 1]):
                    node = neighbour[slot]
                    bit = one << (np.uint64(node) & low)
                    if not seen[node >> 6] & bit:
                        seen[node >> 6] |= bit
                        at = count
                        while at > end and order[at - 1] > node:
                            order[at] = order[at - 1]
                            at -= 1
                        order[at] = node
                        count += 1
        else:
            for i in range(begin, end):
                if i + _HEADER_AHEAD < end:
                    prefetch(header, order[i + _HEADER_AHEAD])
                    prefetch(neighbour, header[order[i + _ROW_AHEAD], 0])
                node = np.uint64(order[i])
                start = np.uint64(header[node, 0])
                for slot in range(start, start + np.uint64(header[node, 1])):
                    found = np.uint64(neighbour[slot])
                    fresh[found >> six] |= one << (found & low)
            for word in range(words):
                new = fresh[word] & ~seen[word]
                fresh[word] = 0
                seen[word] |= new
                while new:
                    order[count] = (word << 6) + np.int64(lowest_bit(new))
                    count += 1
                    new &= new - one
        begin = end
    return levels


@njit(cache=True, nogil=True)
def _trail(header, neighbour, row_edge, order, ends, relationship, waiting, met, from_node, by_edge, via, via_edge):
    """Walk the levels again: who comes first to a node of the next level is the smallest.

    `waiting` has the nodes of the next level that nobody came to. A row's slots that lead to such nodes are
    gathered in `met` before the first of them counts, so that parallel edges meet, and the smaller
    relationship wins.
    """
    one, six, low = np.uint64(1), np.uint64(6), np.uint64(63)
    begin = 0
    for level in range(len(ends) - 1):
        end = ends[level]
        for i in range(end, ends[level + 1]):
            waiting[order[i] >> 6] |= one << (np.uint64(order[i]) & low)
        for i in range(begin, end):
            if i + _HEADER_AHEAD < end:
                prefetch(header, order[i + _HEADER_AHEAD])
                prefetch(neighbour, header[order[i + _ROW_AHEAD], 0])
                prefetch(row_edge, header[order[i + _ROW_AHEAD], 0])
            node = np.uint64(order[i])
            start = np.uint64(header[node, 0])
            count = 0
            for slot in range(start, start + np.uint64(header[node, 1])):
                found = np.uint64(neighbour[slot])
                met[count] = slot
                count += np.int64(waiting[found >> six] >> (found & low) & one)
            for k in range(count):
                edge = row_edge[met[k]]
                found = np.uint64(neighbour[met[k]])
                bit = one << (found & low)
                if waiting[found >> six] & bit:
                    waiting[found >> six] &= ~bit
                    from_node[found] = node
                    by_edge[found] = edge
                elif relationship[edge] < relationship[by_edge[found]]:
                    by_edge[found] = edge
        begin = end
    for i in range(ends[0], len(order)):
        if i + 2 * _NODE_AHEAD < len(order):
            prefetch(from_node, order[i + 2 * _NODE_AHEAD])
            prefetch(by_edge, order[i + 2 * _NODE_AHEAD])
            prefetch(relationship, by_edge[order[i + _NODE_AHEAD]])
        via[i] = from_node[order[i]]
        via_edge[i] = relationship[by_edge[order[i]]]
