"""Who may do what: roles with rights and members, kept as records that the configuration manager edits."""

from cmdb.access.policy import load_policy
from cmdb.access.rights import Policy, Right, RoleOf

__all__ = ["Policy", "Right", "RoleOf", "load_policy"]
