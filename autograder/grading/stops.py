"""What a student may read of the exception that ended a test: its class and the line, never a word of its text.

Of a hidden test only that the code stopped. The class is one of a fixed list and the line one that the student's cell
has, since anything else could carry hidden inputs out; no hidden test has run before a public one that failed, on the
same far side (`kit.runner.CollectedTests.run`).
"""

from __future__ import annotations

from autograder.grading.plan import visibility
from autograder.results import Earlier
from kit.far_side import ERRORS, cell_spoken
from kit.notebooks import Extraction
from kit.outcomes import OutcomeStatus
from kit.runner import Outcome

AN_ERROR = "an error"


def stopped_with(outcome: Outcome, extraction: Extraction | None, earlier: Earlier | None) -> str:
    """Such as "ValueError in line 3 of cell mae-patchify"; empty for a test that no exception ended.

    extraction: the student's cells. earlier: beside the staff's answers, a student's code could raise what these hold.
    """
    raised = outcome.raised
    if outcome.status is not OutcomeStatus.FAILED or raised is None:
        return ""
    if visibility(outcome.id) != "public" or earlier is Earlier.STAFF or raised.error not in ERRORS:
        return AN_ERROR
    place = ""
    if extraction is not None and raised.cell is not None and raised.line in _lines(extraction, raised.cell):
        place = f" in line {raised.line} of {cell_spoken(raised.cell)}"
    return raised.error + place


def _lines(extraction: Extraction, label: str) -> range:
    """The numbers of a cell's lines; none where the student has no such cell."""
    counts = [len(cell.source.splitlines()) for cell in extraction.cells if cell.label == label]
    return range(1, max(counts, default=0) + 1)
