"""Releases: their records and steps, the order of deployment, whether their artefacts are intact, what is told of them."""

from cmdb.releases.asking import Action, Asked, Findings, TestResult
from cmdb.releases.deciding import OPEN, Step, step
from cmdb.releases.gathering import load_release, releases_in, releases_of
from cmdb.releases.integrity import altered
from cmdb.releases.ordering import DeploymentStep, deployment_steps, in_order
from cmdb.releases.record import Delivery, Kind, Release, SitePlan, Stage

__all__ = [
    "OPEN",
    "Action",
    "Asked",
    "Delivery",
    "DeploymentStep",
    "Findings",
    "Kind",
    "Release",
    "SitePlan",
    "Stage",
    "Step",
    "TestResult",
    "altered",
    "deployment_steps",
    "in_order",
    "load_release",
    "releases_in",
    "releases_of",
    "step",
]
