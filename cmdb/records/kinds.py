"""What the classes and relationship types are called."""

from __future__ import annotations

from typing import Final

INCIDENT: Final = "Incident"
PROBLEM: Final = "Problem"
KNOWN_ERROR: Final = "KnownError"
OUTAGE: Final = "Outage"

AFFECTS: Final = "AFFECTS"
CAUSED_BY: Final = "CAUSED_BY"
