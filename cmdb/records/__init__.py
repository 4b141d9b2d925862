"""Records of other processes, as far as decisions rest on them: outages, incidents, problems, known errors."""

from cmdb.records.incidents import incidents_on, settled
from cmdb.records.kinds import AFFECTS, CAUSED_BY, INCIDENT, KNOWN_ERROR, OUTAGE, PROBLEM
from cmdb.records.outages import OngoingOutage, ongoing_outages

__all__ = [
    "AFFECTS",
    "CAUSED_BY",
    "INCIDENT",
    "KNOWN_ERROR",
    "OUTAGE",
    "PROBLEM",
    "OngoingOutage",
    "incidents_on",
    "ongoing_outages",
    "settled",
]
