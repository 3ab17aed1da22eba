"""Measures how long a marker waits for each page of formgrader, with a whole class in the gradebook.

    python -m autograder.tests.browser.measure ps3 --students 300

One submission is graded, a picture put under each of its cells that draws; the class is copies of it. "processor" is
what server and browser used together: about what a marker waits on a machine that does nothing else.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
from playwright.sync_api import Page, expect, sync_playwright

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.build import copies
from autograder.marks import gradebook
from autograder.result_layout import result_folder
from autograder.tests import handing_in, processes
from autograder.tests.browser import jupyter
from autograder.tests.browser.watch import chromium, window
from autograder.verify.made_class import class_of, link_course, texts

ROOT = Path(__file__).resolve().parents[3]


# Asked at every frame: an expectation that is tried again ever more rarely would measure itself.
FIRST_IS_READY = "window.submission_id && document.readyState === 'complete' && document.querySelector('input.score')"
NEXT_IS_READY = """
([before, box]) => window.submission_id && window.submission_id !== before && document.activeElement?.id === box
"""


@click.command()
@click.argument("assignment")
@click.option("--students", default=300, show_default=True)
@click.option("--rounds", default=9, show_default=True, help="How many students are opened and marked.")
def measure(assignment: str, students: int, rounds: int) -> None:
    """Print seconds for each page of formgrader with ASSIGNMENT's gradebook of so many students."""
    with tempfile.TemporaryDirectory() as temporary:
        course = Path(temporary) / "course"
        made = _class(load_assignment(assignment, ROOT), course, students)
        with jupyter.formgrader(course, Path(temporary) / "home") as server, sync_playwright() as playwright:
            browser = chromium(playwright)
            with window(browser) as (page, _):
                server.sign_in(page)
                click.echo(f"| Page, {students} students | median | slowest | processor |\n|---|---|---|---|")
                for name, costs in _times(page, f"{server.url}/formgrader", made, rounds).items():
                    wall, cpu = zip(*costs, strict=True)
                    middle = f"{statistics.median(wall):.2f} s | {max(wall):.2f} s | {statistics.median(cpu):.2f} s"
                    click.echo(f"| {name} | {middle} |")
            browser.close()


def _class(made: Assignment, course: Path, students: int) -> Assignment:
    """A course whose gradebook holds copies of one graded submission."""
    copies.restore(made)
    link_course(made.root, course)
    (books,) = class_of(made, 1)
    folder = course / "submitted" / "s000" / made.name
    folder.mkdir(parents=True)
    for name, text in texts(books).items():
        (folder / name).write_text(_with_figures(text), encoding="utf-8")
    command = [sys.executable, "-m", "autograder", "grade", made.name, "--no-gradebook", "--allow-weak"]
    subprocess.run(command, cwd=course, check=True, stdout=subprocess.DEVNULL)
    made = load_assignment(made.name, course)
    results = result_folder(made.course.results, made.name, made.course)
    report = results.read("s000")
    assert report
    gradebook.write(made, results)
    marked = made.course.autograded / "s000" / made.name
    with gradebook.Writer(made) as writer:
        for number in range(1, students):
            other = dataclasses.replace(report, student=f"s{number:03}")
            writer.record(other, {})
            shutil.copytree(marked, made.course.autograded / other.student / made.name, copy_function=os.link)
    return made


def _with_figures(text: str) -> str:
    book = json.loads(text)
    for cell in book["cells"]:
        if "show" in cell["metadata"].get("tags", []):
            cell["outputs"] = [handing_in.figure(handing_in.png(900, 300))]
    return json.dumps(book)


def _times(page: Page, formgrader: str, made: Assignment, rounds: int) -> dict[str, list[tuple[float, float]]]:
    notebook = made.manifest.notebooks[0]
    answer = made.problem(notebook.problem).answers[0].id
    listed = f"{formgrader}/gradebook/{made.name}"
    rows, box = page.locator("#main-table a"), page.locator(f"#{answer}")
    times: dict[str, list[tuple[float, float]]] = {}

    def timed(name: str, act: Callable[[], object], seen: Callable[[], object]) -> None:
        started, used = time.perf_counter(), _processor_seconds()
        act()
        seen()
        times.setdefault(name, []).append((time.perf_counter() - started, _processor_seconds() - used))

    def listed_all() -> None:
        expect(rows.last).to_be_attached()

    def opened() -> None:
        page.wait_for_function(FIRST_IS_READY, polling="raf")

    lists = {
        "the assignments": f"{formgrader}/gradebook",
        "its notebooks": listed,
        "the submissions of a notebook": f"{listed}/{Path(notebook.file).stem}",
        "the students": f"{formgrader}/manage_students",
    }
    for name, address in lists.items():
        for _ in range(rounds):
            timed(name, partial(page.goto, address), listed_all)
    page.goto(lists["the submissions of a notebook"])
    timed("one submission, with its figures", rows.first.click, opened)
    page.wait_for_load_state("networkidle")  # a mark that is typed before the page knows the last one is not stored
    for _ in range(rounds):
        before = page.evaluate("submission_id")

        def next_one(before: str = before) -> None:
            page.wait_for_function(NEXT_IS_READY, arg=[before, answer], polling="raf")

        box.fill("0.5")
        with page.expect_response("**/formgrader/api/grade/*") as stored:
            timed("a mark, until it is stored", box.blur, lambda: stored.value)
        timed("the next submission", partial(page.keyboard.press, "Control+."), next_one)
    return times


def _processor_seconds() -> float:
    """What server and browser have used: all that this process has started."""
    ticks = 0
    for pid in processes.descendants(os.getpid()):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


main: Callable[[], None] = measure

if __name__ == "__main__":
    main()
