"""The class report: its numbers, whom it names, and that nothing in it runs but its own script."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from autograder.assignment.model import Assignment
from autograder.errors import BadInput
from autograder.grading import regrade
from autograder.marks import class_figures, class_report, feedback_pages
from autograder.marks.standings import Standing, standings
from autograder.results import Report, ResultFolder
from autograder.tests import marking, tiny
from autograder.tests.command_line import run
from kit.outcomes import OutcomeStatus

HOSTILE = "<script>alert(1)<|script><img src=x onerror=alert(1)>\u202e"


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text without the script's."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.html = html
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def section(self, name: str) -> str:
        """The words of one section."""
        (inner,) = re.findall(rf'<section id="{name}">(.*?)</section>', self.html, re.DOTALL)
        return " ".join(" ".join(Page(inner).texts).split())


def page_of(tinyset: Assignment, *reports: Report) -> Page:
    results = marking.store(tinyset.root, *reports)
    return Page(class_report.write(tinyset, results).read_text(encoding="utf-8"))


def of(tinyset: Assignment, *reports: Report) -> list[Standing]:
    return standings(tinyset.manifest, marking.store(tinyset.root, *reports), None)


def roster(tinyset: Assignment, *lines: str) -> None:
    (tinyset.root / "roster.csv").write_text("\n".join(["id,name,section", *lines]) + "\n", encoding="utf-8")


def test_every_part_of_the_page_counts_the_class(tinyset: Assignment) -> None:
    page = page_of(
        tinyset, marking.report("ada"), marking.report("bob", scale=1.0), marking.report("cy", scale=None), 
        marking.report("dee", scale=None, scaler=None),
    )  # fmt: skip
    assert "Median 3, mean 3.33, from 2 to 5 of 6 points; 3 of 3 totals are so far" in page.section("totals")
    assert "tiny-scale 50% (1 of 2)" in page.section("exercises")
    assert "tiny-scaler 100% (3 of 3)" in page.section("exercises")
    assert "multiplies every entry (hidden)" not in page.section("failures")
    assert "3 of 4 tiny-scale multiplies every entry Which entries should change?" in page.section("failures")
    assert "2 the worker ended cy (tiny-scale); dee" in page.section("not-graded")
    assert "tiny-why 4 0" in page.section("to-mark")
    assert "put the list of participants" in page.section("nothing") and "roster.csv" in page.section("nothing")


def test_tests_that_nobody_and_everybody_passes_are_listed_of_those_who_wrote_them(tinyset: Assignment) -> None:
    everyone = of(tinyset, marking.report("ada", scale=1.0), marking.report("bob", scale=1.0))
    tests = class_figures.tests(everyone)
    assert {test.exercise for test in tests if not test.passed} == {"tiny-scale"}
    assert [test.exercise for test in tests if not test.failed] == ["tiny-scaler"]
    page = page_of(tinyset, marking.report("ada", scale=1.0), marking.report("bob", scale=1.0))
    assert "Nobody passes: 2" in page.section("tests") and "Everybody passes: 1" in page.section("tests")


def test_the_cases_of_one_test_and_an_unwritten_exercise_count_once_and_not_at_all(tinyset: Assignment) -> None:
    def with_status(student: str, status: OutcomeStatus, seconds: float) -> Report:
        data = marking.report(student).to_json().replace('"status": "passed"', f'"status": "{status}"')
        return Report.from_json(data.replace('"seconds": 0.01', f'"seconds": {seconds}'))

    everyone = of(
        tinyset,
        with_status("ada", OutcomeStatus.TIMEOUT, 30.0),
        with_status("bob", OutcomeStatus.MISSING, 9.0),
        with_status("cy", OutcomeStatus.PASSED, 0.0),
    )
    tests = class_figures.tests(everyone)
    assert {(test.students, test.failed, test.late, test.longest) for test in tests} == {(2, 1, 1, 30.0)}
    assert len(class_figures.slowest(tests, 2)) == 2 and class_figures.slowest(tests, 9)[0].mean_seconds == 15.0


def test_who_handed_in_nothing_who_is_not_graded_yet_and_who_is_no_participant(tinyset: Assignment) -> None:
    roster(tinyset, "ada,Ada L,A", "bob,=Bob<b>,B", "cy,Cy,B")
    (tinyset.root / "submitted" / "cy" / tiny.NAME).mkdir(parents=True)
    page = page_of(tinyset, marking.report("ada"), marking.report("eve"))
    words = page.section("nothing")
    assert "1 of 3 people of the roster have handed in nothing" in words and "bob =Bob<b> B" in words
    assert "without a result yet ( autograder grade tinyset ): cy." in words
    assert "not on the roster: eve ." in words or "not on the roster: eve." in words
    assert "ada Ada L A" in page.section("everyone")


def test_late_work_is_counted_and_shown_with_the_points_left(tinyset: Assignment) -> None:
    with (tinyset.root / "assignments" / tinyset.name / "assignment.toml").open("a") as file:
        file.write("\n[policy]\npercent_a_day = 10\n")
    late = tinyset.root / "submitted" / "ada" / tinyset.name / "timestamp.txt"
    late.parent.mkdir(parents=True)
    late.write_text("2099-01-01 00:00:00 UTC")
    page = page_of(tinyset, marking.report("ada", scale=1.0), marking.report("bob", scale=1.0))
    assert "1 late" in " ".join(" ".join(page.texts).split())
    students = page.section("everyone")
    assert "Late Final State ada" in students
    assert re.search(r"ada \S+ / 6 so far \d+ d -100% 0 ", students)
    assert re.search(r"bob (\S+) / 6 so far no time \1 ", students)


def test_only_the_pages_own_script_may_run_and_every_name_is_text(tinyset: Assignment) -> None:
    report = marking.report(HOSTILE, reason=HOSTILE, scale=None)
    page = page_of(tinyset, report)
    (policy,) = (attributes["content"] for tag, attributes in page.tags if "http-equiv" in attributes)
    script = page.html[page.html.index("<script>") + len("<script>") : page.html.rindex("</script>")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    assert [tag for tag, _ in page.tags].count("script") == 1 and "img" not in dict(page.tags)
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert HOSTILE in "".join(page.texts)
    assert not [a for _, a in page.tags if "://" in str(a.get("href") or a.get("src"))]


def test_charts_have_a_title_axes_and_their_numbers(tinyset: Assignment) -> None:
    page = page_of(tinyset, marking.report("ada"), marking.report("bob", scale=1.0))
    charts = re.findall(r"<svg.*?</svg>", page.html, re.DOTALL)
    assert len(charts) == 2 and all("<title>" in chart and "<desc>" in chart for chart in charts)
    assert "total, points" in charts[0] and ">students<" in charts[0] and "share of those graded" in charts[1]


@pytest.mark.parametrize(("points", "most"), [([0.0], 6.0), ([99.0, 0.0, 105.5], 99.0), ([0.3], 0.5), ([], 1000.0)])
def test_every_total_is_in_one_bin_that_holds_it(points: list[float], most: float) -> None:
    made = class_figures.bins(points, most)
    assert sum(item.students for item in made) == len(points)
    assert made[0].low == 0 and made[-1].high >= max([most, *points]) and len(made) <= 14
    assert all(before.high == pytest.approx(after.low) for before, after in zip(made, made[1:], strict=False))


def test_regrades_are_linked_and_students_without_a_page_are_not(tinyset: Assignment) -> None:
    results = marking.store(tinyset.root, marking.report("ada"), marking.report("bob"))
    (begun, _) = regrade.begin(results, "a <b>test</b> was wrong", ["ada", "bob"])
    regrade.finish(results, begun, [])
    feedback_pages.write(tinyset, results, students=["ada"])
    page = Page((tinyset.root / "feedback" / f"{tiny.NAME}.html").read_text(encoding="utf-8"))
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert "../results/tinyset/regrades/1/index.html" in links
    assert "because a <b>test</b> was wrong: 0 of 2 students" in page.section("regrades")
    assert "ada/tinyset/index.html" in links and "bob/tinyset/index.html" not in links
    assert "autograder feedback tinyset" in page.section("everyone")


def test_the_command_says_where_the_page_is_and_what_is_missing(
    tinyset: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tinyset.root)
    for prepare, said in (
        (lambda: None, "no results in results/tinyset: run `autograder grade` first"),
        (lambda: ResultFolder(Path("results/tinyset"), tinyset.course.state).path.mkdir(parents=True), "no result of"),
    ):
        prepare()
        done = run("report", tiny.NAME)
        assert isinstance(done.exception, BadInput) and said in str(done.exception)
    marking.store(tinyset.root, marking.report("ada"))
    assert "feedback/tinyset.html, for the staff only" in run("report", tiny.NAME).output
    roster(tinyset, "ada,Ada,A", "ada,Again,B")
    damaged = run("report", tiny.NAME)
    assert isinstance(damaged.exception, BadInput) and "roster.csv:3" in str(damaged.exception)
