"""The one door into the graph: check → authorise → commit → publish.

`decide` is pure: operations and the state they touch give effects, or every problem at once. `Door.write` reads, decides,
asks the gate and commits; followers read the ledger, so publishing is the commit itself.
"""

from cmdb.writing.door import Bound, Door, Written, found
from cmdb.writing.gate import INITIALISATION, RECORDS, Gate, InitialisationGate, Warrant, WriteRequest

__all__ = [
    "INITIALISATION",
    "RECORDS",
    "Bound",
    "Door",
    "Gate",
    "InitialisationGate",
    "Warrant",
    "WriteRequest",
    "Written",
    "found",
]
