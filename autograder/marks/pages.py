"""The pages' templates, and what they call: one environment for feedback, class report and regrades."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from autograder.assignment.model import Assignment
from autograder.marks.cells_html import CODE_STYLE, markdown
from autograder.marks.outcome_groups import TestGroup
from autograder.marks.standings import Score, Standing, StandingStatus
from autograder.results import Stage
from kit.outcomes import OutcomeStatus


def render(template: str, assignment: Assignment, **values: Any) -> str:
    """A whole page. Everything that comes from a submission is escaped by the templates."""
    page = _environment().get_template(template)
    return page.render(assignment_title=assignment.title, name=assignment.name, code_style=CODE_STYLE, **values)


def points(value: float) -> str:
    """At most two decimals."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def total(standing: Standing) -> str:
    """What is graded so far, of how much."""
    if standing.status is StandingStatus.NOT_GRADED:
        return "not graded"
    so_far = "" if standing.status is StandingStatus.COMPLETE else " so far"
    return f"{points(standing.points)} / {points(standing.max_points)}{so_far}"


def why(score: Score, tests: Collection[TestGroup]) -> str:
    if any(group.status == OutcomeStatus.ERROR for group in tests):  # the reason then quotes the test
        return "Not graded yet: a test of this exercise is at fault. It will be graded again."
    return f"Not graded: {score.reason}."


def _student_total(standing: Standing) -> str:
    if standing.report is not None and standing.report.stage is Stage.PROVISIONAL:
        return "provisional"
    return total(standing)


@cache
def _environment() -> Environment:
    loader = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "markdown": markdown, "points": points, "total": total, "student_total": _student_total, "why": why,
        "short": lambda digest: digest.removeprefix("sha256:")[:12],
    }  # fmt: skip
    return environment
