"""What people ask of the graph: references resolved, moments turned into revisions, filters in text, histories told."""

from cmdb.reading.filter_text import parse_filter
from cmdb.reading.history import Event, node_events
from cmdb.reading.listing import every, nodes_by_ordinal
from cmdb.reading.operation_text import read_operations, to_change_set, written
from cmdb.reading.references import (
    BASELINE,
    SEALED_REVISION,
    Moment,
    known_class,
    moment_revision,
    resolve,
    resolve_all,
)

__all__ = [
    "BASELINE",
    "SEALED_REVISION",
    "Event",
    "Moment",
    "every",
    "known_class",
    "moment_revision",
    "node_events",
    "nodes_by_ordinal",
    "parse_filter",
    "read_operations",
    "resolve",
    "resolve_all",
    "to_change_set",
    "written",
]
