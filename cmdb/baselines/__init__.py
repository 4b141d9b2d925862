"""Baselines: sealed references to the configuration as of a revision, which can be compared, proven and led back to."""

from cmdb.baselines.record import Baseline, Seal
from cmdb.baselines.scope import Everything, Filtered, OfRelease, OfService, Scope, one_scope, parse_scope

__all__ = ["Baseline", "Everything", "Filtered", "OfRelease", "OfService", "Scope", "Seal", "one_scope", "parse_scope"]
