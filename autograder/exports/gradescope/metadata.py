"""What Gradescope says of a submission, read with patience: a field may be missing or hold anything."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Any

_DATES = ("due_date", "late_due_date")


@dataclass(frozen=True)
class SubmissionMetadata:
    """closes: the last moment at which one of its authors may hand in; None where nothing says so.

    earlier: when the same authors handed in before.
    """

    closes: datetime | None
    earlier: tuple[datetime, ...]

    def earlier_on(self, day: date, zone: tzinfo | None) -> int:
        """How many earlier submissions there are of that day."""
        return sum(moment.astimezone(zone).date() == day for moment in self.earlier)


def read_metadata(path: Path) -> SubmissionMetadata:
    """submission_metadata.json; what cannot be read counts as not said."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        data = None
    said = [_field(data, "assignment"), *(_field(user, "assignment") for user in _list(_field(data, "users")))]
    closing = [moment for one in said for name in _DATES if (moment := _moment(_field(one, name))) is not None]
    earlier = (_moment(_field(one, "submission_time")) for one in _list(_field(data, "previous_submissions")))
    return SubmissionMetadata(max(closing, default=None), tuple(moment for moment in earlier if moment is not None))


def _field(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _moment(value: Any) -> datetime | None:
    """A date without an offset is taken for UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        return moment if 1 < moment.year < 9999 else None  # at the ends no other zone's time can be told
    except (ValueError, OverflowError):
        return None
