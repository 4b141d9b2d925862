"""The parts wired together: what the doors, and a person's script, open."""

from cmdb.application.opening import Application, initialise, open_application, open_store
from cmdb.application.questions import DescribedHit, DescribedHop, Reached, describe, reach, route

__all__ = [
    "Application",
    "DescribedHit",
    "DescribedHop",
    "Reached",
    "describe",
    "initialise",
    "open_application",
    "open_store",
    "reach",
    "route",
]
