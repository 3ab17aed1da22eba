"""The class on one page, feedback/<assignment>.html: for the staff, whole without script, with links to all pages."""

from __future__ import annotations

import base64
import hashlib
import os
import statistics
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from autograder import clock
from autograder.assignment.model import Assignment
from autograder.files import write_atomically
from autograder.grading.regrade import all_regrades, regrades_folder
from autograder.marks import charts, class_figures, pages
from autograder.marks.standings import Standing, StandingStatus, standings, with_lateness
from autograder.results import ResultFolder, Stage
from autograder.roster.roster import Person, Roster, course_roster
from autograder.roster.term import course_term

MOST = 20  # rows of frequent failures, and of slow tests


def write(assignment: Assignment, results: ResultFolder, everyone: Sequence[Standing] | None = None) -> Path:
    """Write the page and return its path. everyone: where they are known already."""
    if everyone is None:
        everyone = standings(assignment.manifest, results, assignment.course.gradebook)
        everyone = with_lateness(everyone, course_term(assignment.course), assignment.name)
    path = assignment.course.feedback / f"{assignment.name}.html"
    html = page(assignment, results, everyone)
    write_atomically(path, html.encode("utf-8", "backslashreplace"))
    return path


def page(assignment: Assignment, results: ResultFolder, everyone: Sequence[Standing]) -> str:
    """The page of a class, whose standings are given."""
    rates, tests = class_figures.exercises(assignment.manifest, everyone), class_figures.tests(everyone)
    roster = course_roster(assignment.course)
    absent, ungraded = _without_result(assignment, roster, everyone)
    script = _script()
    return pages.render(
        "report.html.j2", assignment, title=f"{assignment.title}: the class",
        script=Markup(script), script_hash=_hash(script),
        made_at=clock.now().strftime("%Y-%m-%d %H:%M %Z"), standings=everyone, roster=roster,
        has_policy=any(item.late is not None for item in everyone),
        exercises=rates, rate_chart=charts.rates("Full points by exercise", "share of those graded", rates),
        failures=class_figures.frequent(tests, MOST), slowest=class_figures.slowest(tests, MOST),
        nobody=[test for test in tests if not test.passed], everybody=[test for test in tests if not test.failed],
        not_graded=class_figures.not_graded(everyone), waiting=class_figures.waiting(assignment.manifest, everyone),
        absent=absent, ungraded=ungraded, strangers=_strangers(roster, everyone),
        regrades=all_regrades(results), paged=_paged(assignment, everyone),
        regrades_folder=os.path.relpath(regrades_folder(results), assignment.course.feedback),
        facts=_facts(everyone, roster, len(absent)), **_totals(everyone), **_stages(everyone),
    )  # fmt: skip


def _totals(everyone: Sequence[Standing]) -> dict[str, Any]:
    totals, most = class_figures.totals(everyone), everyone[0].max_points
    bins = class_figures.bins(totals, most)
    so_far = sum(item.status not in (StandingStatus.COMPLETE, StandingStatus.NOT_GRADED) for item in everyone)
    return {
        "totals": totals, "max_points": most, "so_far": so_far,
        "median": statistics.median(totals) if totals else 0.0, "mean": statistics.fmean(totals) if totals else 0.0,
        "histogram": charts.histogram("Students by total", "total, points", "students", bins),
    }  # fmt: skip


def _stages(everyone: Sequence[Standing]) -> dict[str, int]:
    stages = [item.report.stage for item in everyone if item.report]
    return {"graded": len(stages), "provisional": stages.count(Stage.PROVISIONAL)}


def _facts(everyone: Sequence[Standing], roster: Roster | None, absent: int) -> list[tuple[str, int]]:
    counts = [(status.value, sum(item.status is status for item in everyone)) for status in StandingStatus]
    of_roster = [("on the roster", len(roster.people)), ("nothing handed in", absent)] if roster else []
    return [
        ("with a result", len(everyone)),
        *((what, count) for what, count in counts if count),
        *_late(everyone),
        *of_roster,
    ]


def _late(everyone: Sequence[Standing]) -> list[tuple[str, int]]:
    """How many handed in late; nothing without a policy."""
    known = [item.late for item in everyone if item.late is not None]
    return [("late", sum(late.days_late > 0 for late in known))] if known else []


def _without_result(
    assignment: Assignment, roster: Roster | None, everyone: Sequence[Standing]
) -> tuple[list[Person], list[str]]:
    """People of the roster who handed in nothing, and the ids of those whose submission is not graded yet."""
    known = {item.student for item in everyone}
    rest = [person for person in roster.people if person.id not in known] if roster else []
    handed_in = {p.id for p in rest if (assignment.course.submitted / p.id / assignment.name).is_dir()}
    return [person for person in rest if person.id not in handed_in], sorted(handed_in)


def _strangers(roster: Roster | None, everyone: Sequence[Standing]) -> list[str]:
    return [item.student for item in everyone if item.student not in roster.by_id] if roster else []


def _paged(assignment: Assignment, everyone: Sequence[Standing]) -> set[str]:
    """Who has a feedback page to link to."""
    feedback = assignment.course.feedback
    return {s.student for s in everyone if (feedback / s.student / assignment.name / "index.html").is_file()}


@cache
def _script() -> str:
    return (Path(__file__).parent / "templates" / "report.js").read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """What the page's policy allows to run: this text and no other."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"
