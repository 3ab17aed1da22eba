"""A student's first half hour: the released notebook in JupyterLab, from opening it to a check that passes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from autograder.assignment.load import load_assignment
from autograder.build import copies
from autograder.tests.browser import jupyter

ROOT = Path(__file__).resolve().parents[3]
BOOK = "1_masked_autoencoder.ipynb"
WRITE_ME = 'raise NotImplementedError("mae-patchify: write this function")'
# The channel varies slowest inside a patch.
WRONG = """\
b, c, h, w = images.shape
if h % patch_size or w % patch_size: raise ValueError(f"{patch_size} does not divide {h} and {w}")
cut = images.reshape(b, c, h // patch_size, patch_size, w // patch_size, patch_size)
return cut.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)"""
SLOWEST, FASTEST = "permute(0, 2, 4, 1, 3, 5)", "permute(0, 2, 4, 3, 5, 1)"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[jupyter.Server]:
    """JupyterLab in a student's own copy of the release."""
    assignment = load_assignment("ps3", ROOT)
    copies.restore(assignment)
    folder = tmp_path_factory.mktemp("student")
    shutil.copytree(assignment.release, folder / "ps3")
    with jupyter.lab(folder / "ps3", folder / "home", PS3_PRESET="tiny") as server:
        yield server


@pytest.fixture
def book(lab: jupyter.Server, page: Page) -> Page:
    """The first notebook, open and shown, its kernel started."""
    page.goto(lab.at(f"lab/tree/{BOOK}"))
    expect(page.get_by_role("heading", name="What is behind the grey squares?")).to_be_visible()
    expect(page.get_by_text(re.compile(r"Python 3 .*\| Idle"))).to_be_visible()
    return page


def cell(book: Page, text: str) -> Locator:
    """The code cell with this in its text."""
    return book.locator(".jp-CodeCell", has=book.locator(".cm-content", has_text=text))


def run(wanted: Locator) -> Locator:
    """Run a cell as a student does and wait until it is done; its outputs."""
    wanted.locator(".cm-content").click()
    wanted.page.keyboard.press("Control+Enter")
    expect(wanted.locator(".jp-InputArea-prompt")).to_have_text(re.compile(r"\[\d+\]:"))
    return wanted.locator(".jp-Cell-outputArea")


def replace(wanted: Locator, line: str, text: str) -> None:
    """Click on a line of a cell and type something else in its place; JupyterLab indents and closes brackets."""
    wanted.locator(".cm-line", has_text=line).click()
    for key in ("End", "Shift+Home"):
        wanted.page.keyboard.press(key)
    wanted.page.keyboard.type(text)


def shown_sizes(outputs: Locator) -> list[list[int]]:
    """Width and height in pixels of every picture that a cell shows, once it is loaded."""
    expect(outputs.locator("img").first).to_be_visible()
    sizes: list[list[int]] = outputs.locator("img").evaluate_all(
        "all => Promise.all(all.map(image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])))"
    )
    return sizes


def test_a_student_fills_a_stub_and_reads_what_the_check_says(book: Page) -> None:
    run(cell(book, "import torch.nn.functional as F"))
    assert min(min(shown_sizes(run(cell(book, "figures.puzzle(pictures)"))))) > 100
    run(cell(book, "guess_token_1 = None"))
    run(cell(book, WRITE_ME))
    check = cell(book, 'check("mae-patchify")')
    expect(run(check)).to_contain_text("mae-patchify is not written yet")

    replace(cell(book, WRITE_ME), WRITE_ME, WRONG)
    run(cell(book, SLOWEST))
    block = run(check)
    expect(block).to_contain_text("mae-patchify: 8 of 9 public checks passed")
    expect(block).to_contain_text("channels stay together inside a patch")
    expect(block).to_contain_text("Think about: Which of row, column and channel varies fastest inside a patch?")

    replace(cell(book, SLOWEST), SLOWEST, f"return cut.{FASTEST}.flatten(3).flatten(1, 2)")
    run(cell(book, FASTEST))
    expect(run(check)).to_contain_text("mae-patchify: 9 public checks passed; 4 hidden checks run at grading")
    assert min(min(shown_sizes(run(cell(book, "plots.patches(card[0]"))))) > 100
