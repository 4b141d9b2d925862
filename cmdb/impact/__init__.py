"""What follows from a failure, worked out on the projection by pure functions."""

from cmdb.impact.reach import Hit, ReachAnswer, Scenario, reached

__all__ = ["Hit", "ReachAnswer", "Scenario", "reached"]
