"""Figures for Prometheus, in its text format: requests by kind and outcome, how long they took, the newest revision."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from typing import Final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds in seconds."""


class Metrics:
    """Counters of one application; nothing is kept outside of it."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str]] = Counter()
        self._taken = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0

    def note(self, kind: str, outcome: str, seconds: float) -> None:
        """A request of a kind (`query`, `mutation`, `unread`) that ended with an error code, or `ok`."""
        self._requests[kind, outcome] += 1
        self._taken[bisect_left(BUCKETS, seconds)] += 1
        self._seconds += seconds

    def text(self, revision: int | None) -> str:
        """All of it; `revision` is None where the store cannot be reached."""
        return "\n".join(self._lines(revision)) + "\n"

    def _lines(self, revision: int | None) -> Iterator[str]:
        yield "# HELP cmdb_graphql_requests_total GraphQL requests by kind and outcome."
        yield "# TYPE cmdb_graphql_requests_total counter"
        for (kind, outcome), count in sorted(self._requests.items()):
            yield f'cmdb_graphql_requests_total{{kind="{kind}",outcome="{outcome}"}} {count}'
        yield "# HELP cmdb_graphql_request_seconds Time from the whole request to the whole answer."
        yield "# TYPE cmdb_graphql_request_seconds histogram"
        total = 0
        for bound, count in zip([*map(str, BUCKETS), "+Inf"], self._taken, strict=True):
            total += count
            yield f'cmdb_graphql_request_seconds_bucket{{le="{bound}"}} {total}'
        yield f"cmdb_graphql_request_seconds_sum {self._seconds:.6f}"
        yield f"cmdb_graphql_request_seconds_count {total}"
        yield "# HELP cmdb_store_up Whether the store answers."
        yield "# TYPE cmdb_store_up gauge"
        yield f"cmdb_store_up {int(revision is not None)}"
        if revision is not None:
            yield "# HELP cmdb_store_revision The newest revision."
            yield "# TYPE cmdb_store_revision gauge"
            yield f"cmdb_store_revision {revision}"
