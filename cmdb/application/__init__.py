"""The parts wired together: what the doors, and a person's script, open."""

from cmdb.application.assessing import (
    Assessed,
    Concerned,
    DescribedFailure,
    DescribedMember,
    DescribedReason,
    Explained,
    Scenario,
    assess,
    by_environment,
    concerned,
    describe_hits,
    describe_some,
    evidence,
    explain,
)
from cmdb.application.opening import Application, initialise, open_application, open_store
from cmdb.application.questions import DescribedHit, DescribedHop, Reached, describe, reach, route

__all__ = [
    "Application",
    "Assessed",
    "Concerned",
    "DescribedFailure",
    "DescribedHit",
    "DescribedHop",
    "DescribedMember",
    "DescribedReason",
    "Explained",
    "Reached",
    "Scenario",
    "assess",
    "by_environment",
    "concerned",
    "describe",
    "describe_hits",
    "describe_some",
    "evidence",
    "explain",
    "initialise",
    "open_application",
    "open_store",
    "reach",
    "route",
]
