"""The structure pass, compiled: components, and who stands on rings alone."""
# numba comes without type information, so nothing that passes through it is known to a checker:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUntypedFunctionDecorator=false
# pyright: reportUnknownParameterType=false, reportCallIssue=false
# pyright: reportMissingParameterType=false
# ruff: noqa: ANN001, ANN201

from __future__ import annotations

import numpy as np
from numba import njit

from cmdb.impact.kernels import plain

find_components = njit(cache=True, nogil=True)(plain.find_components)
count_needs = njit(cache=True, nogil=True)(plain.count_needs)
derive = njit(cache=True, nogil=True)(plain.derive)


@njit(cache=True, nogil=True)
def settle(header, target, counted, code, weight, unmet, missing, accepted, queue, count, presumed):
    """`plain.settle`, from the `count` CIs that are accepted and stand in `queue`."""
    derive(header, target, counted, code, weight, unmet, missing, accepted, queue, count)
    left = np.flatnonzero(~accepted).astype(np.int32)
    work = np.full((5, len(accepted)), plain.OUTSIDE, dtype=np.int32)
    order, ends = np.empty(len(left), dtype=np.int32), np.empty(len(left), dtype=np.int32)
    begins, stops = np.zeros(len(left) + 1, dtype=np.int64), np.zeros(len(left) + 1, dtype=np.int64)
    stops[0] = len(left)
    waiting = 1
    while waiting > 0:
        waiting -= 1
        begin, stop = begins[waiting], begins[waiting]
        for i in range(begin, stops[waiting]):
            if not accepted[left[i]]:
                left[stop] = left[i]
                stop += 1
        if stop == begin:
            continue
        part = left[begin:stop]
        found = find_components(header, target, counted, code, missing, part, work, order, ends)
        if found == 1:
            for i in range(len(part)):
                presumed[part[i]] = True
                accepted[part[i]] = True
                queue[i] = part[i]
            derive(header, target, counted, code, weight, unmet, missing, accepted, queue, len(part))
            continue
        part[:] = order[: len(part)]
        for component in range(found):
            begins[waiting] = begin + (ends[component - 1] if component else 0)
            stops[waiting] = begin + ends[component]
            waiting += 1
