"""What time it is: one function, so that a test can say so."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The time with its offset."""
    return datetime.now(UTC)
