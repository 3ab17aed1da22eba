"""A marker's hour in formgrader: from the gradebook of 300 students to a mark that is stored, and the next student."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from autograder.assignment.model import Assignment
from autograder.marks import gradebook
from autograder.results import ResultFolder
from autograder.tests import tiny
from autograder.tests.browser import course, jupyter

STUDENTS = 300


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    return course.honest(tmp_path_factory.mktemp("course"), STUDENTS)


@pytest.fixture(scope="module")
def server(made: Assignment) -> Iterator[jupyter.Server]:
    with jupyter.formgrader(made.root, made.root.parent / "home") as server:
        yield server


def marks(database: Path) -> tuple[list[tuple[str, float]], list[tuple[str, str]]]:
    """Every score and every comment by a person, with its cell."""

    def by_people(table: str, column: str) -> list[tuple[str, Any]]:
        cells = f"{table} join base_cell on base_cell.id = cell_id"
        return db.execute(f"select base_cell.name, {column} from {cells} where {column} is not null").fetchall()

    with closing(sqlite3.connect(database)) as db:
        return by_people("grade", "manual_score"), by_people("comment", "manual_comment")


def test_a_marker_goes_from_the_gradebook_to_a_mark_that_stays(
    server: jupyter.Server, made: Assignment, page: Page
) -> None:
    server.sign_in(page)
    page.goto(f"{server.url}/formgrader/gradebook")
    page.get_by_role("link", name=tiny.NAME).click()
    page.get_by_role("link", name="1_scaling").click()
    expect(page.locator("#main-table tr")).to_have_count(STUDENTS)
    page.get_by_role("link", name="Submission #1", exact=True).click()

    figure = page.locator(".output_png img").first
    assert figure.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    expect(page.get_by_text("Full mark: it names that the factor is a parameter")).to_be_visible()
    expect(page.get_by_text("Because autograd follows it.")).to_be_visible()
    score = page.locator("#tiny-why")
    score.fill("0.75")
    page.locator("#tiny-why-comment").fill("Well put.")
    with page.expect_response("**/formgrader/api/comment/*"):
        page.locator("#tiny-why-comment").blur()
    page.get_by_role("link", name="Next →").click()
    expect(page.get_by_text("Submission 2 / 300")).to_be_visible()
    expect(page.locator("#tiny-why")).to_have_value("")

    assert marks(made.course.gradebook) == ([("tiny-why", 0.75)], [("tiny-why", "Well put.")])
    gradebook.write(made, ResultFolder(made.root / "results" / tiny.NAME, made.course.state))
    page.get_by_role("link", name="← Prev").click()
    expect(page.locator("#tiny-why")).to_have_value("0.75")
    expect(page.locator("#tiny-why-comment")).to_have_value("Well put.")


def test_the_keys_go_to_the_same_box_of_the_next_student_and_save_what_was_typed(
    server: jupyter.Server, made: Assignment, page: Page
) -> None:
    server.sign_in(page)
    page.goto(f"{server.url}/formgrader/gradebook/{tiny.NAME}/1_scaling")
    page.get_by_role("link", name="Submission #5", exact=True).click()
    expect(page).to_have_url(re.compile("index=0"))  # the page's scripts have run
    page.locator("#tiny-why").click()
    page.keyboard.type("0.25")
    page.keyboard.press("Control+.")
    expect(page.get_by_text("Submission 6 / 300")).to_be_visible()
    expect(page.locator("#tiny-why")).to_be_focused()
    assert ("tiny-why", 0.25) in marks(made.course.gradebook)[0]
