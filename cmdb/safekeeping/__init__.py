"""Proving and keeping: replay of a ledger, verification of a store against it, backup and restore."""

from cmdb.safekeeping.backup import BackupSummary, restore, write_backup
from cmdb.safekeeping.replay import digest, replay
from cmdb.safekeeping.verification import Finding, Verification, verify

__all__ = [
    "BackupSummary",
    "Finding",
    "Verification",
    "digest",
    "replay",
    "restore",
    "verify",
    "write_backup",
]
