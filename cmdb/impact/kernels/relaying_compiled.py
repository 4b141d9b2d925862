"""`cmdb.impact.kernels.relaying`, compiled."""
# numba comes without type information, so nothing that passes through it is known to a checker:
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUntypedFunctionDecorator=false

from __future__ import annotations

from numba import njit

from cmdb.impact.kernels import relaying

relay = njit(cache=True, nogil=True)(relaying.relay)
arrange = njit(cache=True, nogil=True)(relaying.arrange)
