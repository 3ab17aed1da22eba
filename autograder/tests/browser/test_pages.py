"""What staff and students open of hostile submissions: pages on which nothing happens and everything can be read."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from autograder.assignment.model import Assignment
from autograder.tests import tiny
from autograder.tests.browser import course, jupyter
from autograder.tests.browser.watch import Seen, window

WIDTHS = (1280, 390)
REPORT = ("SCRIPT", "SVG")  # the class report sorts and searches, and draws charts
# Elements and attributes that a text may not have made. A page's own `meta` and `style` stand in its head. ":" is all
# that is left of an address that cannot be read as one.
ACTIVE = """
root => [...root.querySelectorAll("*")].flatMap(element => [
    ...["SCRIPT", "IFRAME", "OBJECT", "EMBED", "FORM", "META", "BASE", "STYLE", "LINK", "SVG"]
        .filter(name => element.tagName.toUpperCase() === name),
    ...element.getAttributeNames().filter(name => name.startsWith("on") || name === "srcdoc" || name === "autofocus"),
    ...(element.tagName === "A" && !["http:", "https:", "file:", ":"].includes(element.protocol) ? [element.href] : []),
])
"""
UPPERMOST = """
element => {
    element.scrollIntoView({block: "center"});
    const box = element.getBoundingClientRect();
    const found = document.elementFromPoint(box.x + Math.min(box.width, 40) / 2, box.y + box.height / 2);
    return box.width > 0 && (element === found || element.contains(found));
}
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Assignment, list[str]]:
    return course.hostile(tmp_path_factory.mktemp("hostile"))


def assert_quiet(page: Page, seen: Seen, address: str, root: Locator, own: Collection[str] = ()) -> None:
    """Nothing in this part of the page is active but its own elements, and nothing has happened since it was opened."""
    assert set(root.evaluate(ACTIVE)) <= set(own)
    assert page.url.partition("?")[0] == address.partition("?")[0]
    assert page.title() != "taken"
    assert (seen.dialogs, seen.elsewhere, seen.errors) == ([], [], [])
    assert len(seen.pages) == 1


@pytest.mark.parametrize("width", WIDTHS)
def test_feedback_of_hostile_submissions_does_nothing(
    hostile: tuple[Assignment, list[str]], browser: Browser, width: int
) -> None:
    made, students = hostile
    with window(browser, width) as (page, seen):
        for path in pages(made, students):
            page.goto(path.as_uri())
            assert_quiet(page, seen, path.as_uri(), page.locator("body"), REPORT if path == report(made) else ())
            assert page.evaluate("document.scripts.length") == (path == report(made))
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
            for shown in page.locator("h1, .total, .marked > header, .class-total").all():
                assert shown.evaluate(UPPERMOST), path


def report(made: Assignment) -> Path:
    return made.course.feedback / f"{made.name}.html"


def pages(made: Assignment, students: list[str]) -> Iterator[Path]:
    yield report(made)
    for student in students:
        yield from sorted((made.course.feedback / student / made.name).glob("*.html"))


def test_the_class_report_sorts_and_finds(hostile: tuple[Assignment, list[str]], page: Page) -> None:
    page.goto(report(hostile[0]).as_uri())
    rows = page.locator("#students tbody tr")
    names = rows.locator("td:first-child")
    header = page.locator("#students th").first
    header.get_by_role("button").click()
    expect(header).to_have_attribute("aria-sort", "ascending")
    expect(names.first).to_have_text("[z](javascript:alert(1))")
    header.get_by_role("button").click()
    expect(names.last).to_have_text("[z](javascript:alert(1))")
    page.locator("#search").fill("onerror")
    expect(page.locator("#shown")).to_contain_text(f"1 of {len(hostile[1])}")
    expect(rows.filter(visible=True)).to_have_count(1)


def test_the_class_report_is_read_without_script(hostile: tuple[Assignment, list[str]], browser: Browser) -> None:
    with window(browser, 390, script=False) as (page, _):
        page.goto(report(hostile[0]).as_uri())
        expect(page.locator("#search")).to_be_hidden()
        expect(page.locator("#everyone")).not_to_contain_text("undefined")
        for student in hostile[1]:
            expect(page.locator("#students td").filter(has_text=student).first).to_be_visible()


@pytest.fixture(scope="module")
def server(hostile: tuple[Assignment, list[str]]) -> Iterator[jupyter.Server]:
    made = hostile[0]
    with jupyter.formgrader(made.root, made.root.parent / "home") as server:
        yield server


def test_formgrader_shows_hostile_submissions_and_the_score_box_is_where_it_is(
    hostile: tuple[Assignment, list[str]], server: jupyter.Server, watched: tuple[Page, Seen]
) -> None:
    page, seen = watched
    server.sign_in(page)
    page.goto(f"{server.url}/formgrader/gradebook/{tiny.NAME}/1_scaling")
    expect(page.locator("#main-table tr")).to_have_count(len(hostile[1]))
    for address in page.locator("#main-table a.name-shown").evaluate_all("links => links.map(link => link.href)"):
        page.goto(address)
        expect(page).to_have_url(re.compile("index=0"))  # its scripts have run
        assert_quiet(page, seen, f"{address}/", page.locator("#notebook").first)
        for box in ("#tiny-why", "#tiny-scale-check", "#tiny-why-comment"):
            assert page.locator(box).evaluate(UPPERMOST), box


def test_formgraders_lists_show_hostile_names_as_text(server: jupyter.Server, watched: tuple[Page, Seen]) -> None:
    page, seen = watched
    server.sign_in(page)
    lists = [
        "manage_students",
        *(f"manage_students/{quote(name)}{rest}" for name in course.NAMES for rest in ("", f"/{tiny.NAME}")),
    ]
    for path in lists:
        with page.expect_response("**/formgrader/api/**"):
            page.goto(f"{server.url}/formgrader/{path}")
        assert_quiet(page, seen, f"{server.url}/formgrader/{path}", page.locator("#main-table"))
