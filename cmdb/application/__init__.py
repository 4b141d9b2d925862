"""The parts wired together: what the doors, and a person's script, open."""

from cmdb.application.assessing import Assessed, Scenario, assess
from cmdb.application.concerning import Concerned, by_environment, concerned
from cmdb.application.describing import (
    DescribedFailure,
    DescribedMember,
    DescribedReason,
    Explained,
    describe_hits,
    describe_some,
    evidence,
    explain,
)
from cmdb.application.opening import Application, initialise, open_application, open_store
from cmdb.application.questions import DescribedHit, DescribedHop, Reached, describe, reach, route
from cmdb.application.single_points import (
    DescribedPoint,
    DescribedProtection,
    FoundPairs,
    FoundPoints,
    describe_pairs,
    describe_points,
    describe_protection,
    find_pairs,
    find_single_points,
)

__all__ = [
    "Application",
    "Assessed",
    "Concerned",
    "DescribedFailure",
    "DescribedHit",
    "DescribedHop",
    "DescribedMember",
    "DescribedPoint",
    "DescribedProtection",
    "DescribedReason",
    "Explained",
    "FoundPairs",
    "FoundPoints",
    "Reached",
    "Scenario",
    "assess",
    "by_environment",
    "concerned",
    "describe",
    "describe_hits",
    "describe_pairs",
    "describe_points",
    "describe_protection",
    "describe_some",
    "evidence",
    "explain",
    "find_pairs",
    "find_single_points",
    "initialise",
    "open_application",
    "open_store",
    "reach",
    "route",
]
