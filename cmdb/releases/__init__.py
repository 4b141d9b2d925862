"""Releases: their records and steps, the order of deployment, whether their artefacts are intact, what is told of them."""

from cmdb.changes.tables import Step
from cmdb.releases.asking import Action, Asked, Findings, TestResult
from cmdb.releases.deciding import OPEN, step
from cmdb.releases.figures import MonthOfReleases, releases_by_month
from cmdb.releases.gathering import load_release, releases_in, releases_of
from cmdb.releases.integrity import altered, digest_of
from cmdb.releases.ordering import DeploymentStep, NamedStep, Order, deployment_steps, in_order
from cmdb.releases.papers import Language, Paper, paper
from cmdb.releases.record import Delivery, Kind, Release, SitePlan, Stage

__all__ = [
    "OPEN",
    "Action",
    "Asked",
    "Delivery",
    "DeploymentStep",
    "Findings",
    "Kind",
    "Language",
    "MonthOfReleases",
    "NamedStep",
    "Order",
    "Paper",
    "Release",
    "SitePlan",
    "Stage",
    "Step",
    "TestResult",
    "altered",
    "deployment_steps",
    "digest_of",
    "in_order",
    "load_release",
    "paper",
    "releases_by_month",
    "releases_in",
    "releases_of",
    "step",
]
