"""Formgrader's page of one notebook, made without a server. What a browser makes of it: tests/browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader import api
from nbgrader.server_extensions.formgrader import handlers
from sqlalchemy import event
from traitlets.config import Config

from autograder.cli import nbgrader_commands
from autograder.cli.nbgrader_commands import MarkingPage
from autograder.marks import gradebook
from autograder.tests import marking, tiny

HOSTILE = "<img src=x onerror=alert(1)>"
RESOURCES = {"base_url": "", "submission_id": "5f", "notebook_id": "1_scaling", "assignment_id": "tinyset", "index": 0}


def page(folder: Path, *cells: Any, **resources: Any) -> str:
    """The page of these cells, made as formgrader makes it."""
    path = folder / "1_scaling.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells)), path)
    config = Config()
    config.HTMLExporter.template_name = "formgrade"
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    given = RESOURCES | {"total": 3, "student": "ada", "notebook_path": "x.ipynb"} | resources
    html, _ = MarkingPage(config=config).from_filename(str(path), resources=given)
    return str(html)


def test_formulas_are_mathml_and_nothing_is_loaded_from_another_machine(tmp_path):
    made = page(tmp_path, nbformat.v4.new_markdown_cell("Look at $x^2$ and\n\n$$y$$"), nbformat.v4.new_code_cell("x"))
    assert made.count("<math") == 2 and "<msup>" in made
    assert re.findall(r"""(?:src|href|import)\s*=?\s*["'](?:https?:)?//[^"']*""", made) == []


@pytest.mark.parametrize("place", ["student", "notebook_path", "last_name", "first_name"])
def test_a_name_that_is_html_is_shown_as_text(tmp_path, place):
    made = page(tmp_path, last_name="a", first_name="b") if place.endswith("_name") else page(tmp_path)
    hostile = page(
        tmp_path, **{"last_name": "a", "first_name": "b", place: HOSTILE} if "_name" in place else {place: HOSTILE}
    )
    assert HOSTILE not in hostile and "&lt;img src=x" in hostile
    assert hostile.count("<img") == made.count("<img")


def test_what_formgrader_waits_for_at_the_end_of_mathjax_is_told(tmp_path):
    made = page(tmp_path, nbformat.v4.new_markdown_cell("x"))
    assert made.index("var MathJax") > made.index("formgrade.js")
    assert 'setTimeout(tell, 0, "End")' in made


def test_a_notebooks_submissions_come_with_students_and_names_in_one_query(tinyset):
    gradebook.write(tinyset, marking.store(tinyset.root, *[marking.report(name) for name in ("ada", "bob", "cy")]))
    with api.Gradebook(f"sqlite:///{tinyset.course.gradebook}") as book:
        stock = {row.id for row in book.notebook_submissions("1_scaling", tiny.NAME)}
        book.db.expunge_all()
        queries: list[str] = []
        event.listen(book.db.get_bind(), "before_cursor_execute", lambda *given: queries.append(given[2]))
        rows = nbgrader_commands._notebook_submissions(book, "1_scaling", tiny.NAME)
        assert sorted((row.student.id, row.name) for row in rows) == [
            (name, "1_scaling") for name in ("ada", "bob", "cy")
        ]
        assert {row.id for row in rows} == stock
        assert len(queries) == 1
        assert nbgrader_commands._notebook_submissions(book, "2_other", tiny.NAME) == []
