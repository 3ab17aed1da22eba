"""nbgrader's own commands on this course's engine; `nbgrader_config.py` puts them in place.

nbgrader reads a submission's files, and copies them, before any preprocessor runs: links are followed, a broken file
or a second cell of one id stops the student or the class. So the converter itself is replaced, not its preprocessors.

The engine is imported where it is used: every nbgrader command reads the config, few need torch.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache, partial
from glob import glob
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import nbgrader.api
import nbgrader.apps.api
import nbgrader.apps.autogradeapp
import nbgrader.apps.generateassignmentapp
from nbconvert.exporters import Exporter, HTMLExporter, TemplateExporter
from nbconvert.filters import Highlight2HTML
from nbconvert.filters.widgetsdatatypefilter import WidgetsDataTypeFilter
from nbformat import v4
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.server_extensions.formgrader import formgrader
from sqlalchemy.orm import contains_eager
from traitlets import Bool, default
from traitlets.utils.bunch import Bunch

from autograder import interrupts
from autograder.course_folders import CourseFolders
from autograder.errors import AutograderError
from autograder.files import put_interpreter_on_path
from autograder.names import assignment_name
from autograder.result_layout import result_folder
from autograder.results import ReportStatus
from autograder.submission import exchange_files
from kit.text import for_terminal


class _Clean(logging.Filter):
    """Messages as they may stand on a terminal: students' names and texts are in them."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = for_terminal(record.getMessage()), None
        return True


_CLEAN = _Clean()


class ConfinedAutograde(Autograde):  # type: ignore[misc]
    """`nbgrader autograde`: read the submission, then grade it confined, instead of running notebooks in a kernel.

    A submission in which nbgrader would not read the same cells is left "not graded", and the reason names the command
    that grades it; once it has, that result is used. No submission stops the class: the exit code says if one is left.
    """

    allow_weak = Bool(False, help="Grade even where this machine cannot confine a student's code.").tag(config=True)

    def init_notebooks(self) -> None:
        pattern = self._format_source(self.coursedir.assignment_id, self.coursedir.student_id)
        self.assignments: dict[str, list[str]] = {
            folder: [] for folder in sorted(glob(pattern)) if os.path.isdir(folder)
        }
        if not self.assignments:
            self._stop(f"No submissions were matched by '{pattern}'")

    def convert_notebooks(self) -> None:
        from autograder.build.as_built import load_built
        from autograder.grading.class_folder import sorted_out

        self.log.addFilter(_CLEAN)
        from autograder.grading.processes import in_fresh_process
        from autograder.marks import gradebook

        root, name = Path(self.coursedir.root), self.coursedir.assignment_id
        course = CourseFolders(root)
        if self.coursedir.notebook_id != "*":
            self.log.warning("--notebook is ignored: a submission is graded as a whole")
        self._results = result_folder(course.results, name, course, self.log.warning)
        wanted = [Path(folder) for folder in self.assignments if Path(folder).parent.name not in self._excluded()]
        found = sorted_out(wanted, name).storable(self._results)
        self._left = found.left
        for student, why in self._results.doubts(found.folders).items():
            self.log.warning("%s: %s: graded again", student, why)
        try:
            for note in gradebook.bring_in_line(load_built(name, root)):
                self.log.warning(note)
            # The grader forks, which a server with threads (formgrader) must not.
            in_fresh_process(_grade, root, name, found.folders, self.force, self.allow_weak)
            with gradebook.Writer(
                load_built(name, root), submitted=self._submitted(), database=database_path(self.coursedir.db_url)
            ) as self._writer:
                super().convert_notebooks()
        except AutograderError as error:
            self._stop(str(error))
        for change in self._writer.summary.changed:
            self.log.warning("%s: %s is marked by hand, kept; %s", change.student, change.cell, change.what)
        for student, why in self._left.items():
            self.log.error("%s: not graded: %s", student, why)
        left = [*dict.fromkeys(item.student for item in self._writer.summary.not_graded), *self._left]
        if left:
            self._stop(f"Not graded, wholly or in part: {', '.join(left)}")

    def init_destination(self, assignment_id: str, student_id: str) -> bool:
        return student_id not in self._excluded() and repr(student_id) not in self._left

    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        report = self._results.read(student_id)
        if report is None:
            raise NbGraderException(f"no result for {student_id}")
        self._writer.record(report, self._results.notebooks(report))
        if report.status == ReportStatus.NOT_GRADED:
            self.log.error("%s: not graded. %s", student_id, report.reason)
        else:
            self.log.info("%s: %g of %g points", student_id, report.auto_score or 0.0, report.auto_max)

    def _submitted(self) -> Path:
        return Path(self.coursedir.root, self.coursedir.submitted_directory)

    def _excluded(self) -> list[str]:
        return str(self.coursedir.student_id_exclude).split(",")

    def _stop(self, message: str) -> None:
        self.log.error(message)
        raise NbGraderException(message)


def _grade(root: Path, name: str, folders: dict[str, Path], force: bool, allow_weak: bool) -> None:
    """Give every submission a result that is true of what is in its folder now."""
    from autograder.build import copies
    from autograder.build.as_built import load_built
    from autograder.grading.grade_class import grade_class
    from autograder.grading.seed import course_draw

    assignment = load_built(name, root)
    copies.restore(assignment)
    results, draw = result_folder(assignment.course.results, name, assignment.course), course_draw(assignment)
    grade_class(
        assignment, folders, results.path, seed=draw.seed, stage=draw.stage, workers=os.cpu_count() or 1, force=force,
        allow_weak=allow_weak, as_it_is=True,
    )  # fmt: skip


class BuiltAssignment(GenerateAssignment):  # type: ignore[misc]
    """`nbgrader generate_assignment`: the whole build, since nbgrader's own would empty the release of all else."""

    def start(self) -> None:
        from autograder.build import build
        from autograder.marks import gradebook

        name, root = self.coursedir.assignment_id, Path(self.coursedir.root)
        try:
            made, changes = build.build(name, root)
            with gradebook.Writer(made.assignment, database=database_path(self.coursedir.db_url)):
                self.log.info("%s is built: %d files changed", name, len(changes))
        except AutograderError as error:
            self.log.error(str(error))
            raise NbGraderException(str(error)) from error


class FeedbackExporter(Exporter):
    """`nbgrader generate_feedback`: the page of one notebook, the same as `autograder feedback` writes."""

    file_extension = ".html"

    parent: Any

    def from_filename(self, filename: str, resources: Any = None, **kw: Any) -> tuple[Any, dict[str, Any]]:
        from autograder.build.as_built import load_unless_stale
        from autograder.marks import feedback_pages

        place, root = resources["nbgrader"], Path(self.parent.coursedir.root)
        course = CourseFolders(root)
        html = feedback_pages.notebook_page(
            load_unless_stale(place["assignment"], root),
            result_folder(course.results, place["assignment"], course),
            database_path(place["db_url"]),
            place["student"],
            Path(filename),
        )
        resources["output_extension"] = self.file_extension
        return html, resources


FORMGRADE = "formgrade"  # formgrader's name for its template


class MarkingPage(HTMLExporter):
    """Formgrader's page of one notebook. It loads nothing from other machines, and shows names as text."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)  # type: ignore[no-untyped-call]
        if self.template_name == FORMGRADE:  # a server that starts: the first marker is not to wait for its templates
            book = v4.new_notebook(cells=[v4.new_markdown_cell("$x$"), v4.new_code_cell("x = 1")])  # type: ignore[no-untyped-call]
            self.from_file(io.StringIO(v4.writes(book)), {"index": 0, "total": 1})  # type: ignore[no-untyped-call]

    @default("template_paths")
    def _template_paths(self, prune: bool = True, root_dirs: list[str] | None = None) -> list[str]:
        return [str(files("autograder.marks") / "templates" / "formgrade"), *super()._template_paths(prune, root_dirs)]

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        from autograder.marks.cells_html import for_markers

        yield from super().default_filters()  # type: ignore[no-untyped-call]
        yield "markdown2html", for_markers

    def from_notebook_node(self, nb: Any, resources: Any = None, **named: Any) -> Any:
        # HTMLExporter's own reads the finished page once more, for elements of JupyterLab's pages: half of the time.
        resources = self._init_resources(resources)  # type: ignore[no-untyped-call]
        shown = WidgetsDataTypeFilter(notebook_metadata=self._nb_metadata, resources=resources, parent=self)  # type: ignore[no-untyped-call]
        self.register_filter("filter_data_type", shown)  # type: ignore[no-untyped-call]
        self.register_filter("highlight_code", _highlighted)  # type: ignore[no-untyped-call]
        return TemplateExporter.from_notebook_node(self, nb, resources, **named)

    def from_filename(self, filename: str, resources: Any = None, **named: Any) -> Any:
        # nbgrader's template puts them into the page as they are; a student's name may be HTML.
        texts = {name: escape(value) if isinstance(value, str) else value for name, value in resources.items()}
        return super().from_filename(filename, resources=texts, **named)


def _highlighted(source: str, metadata: object = None) -> str:
    return _code_as_html(source)


@lru_cache(maxsize=2_000)  # most cells are the same for every student
def _code_as_html(source: str) -> str:
    return str(Highlight2HTML(pygments_lexer="ipython3")(source))  # type: ignore[no-untyped-call]


def database_path(url: str) -> Path:
    """The file behind a CourseDirectory.db_url; AutograderError for any other kind of database."""
    if not url.startswith("sqlite:///"):
        raise AutograderError(f"the gradebook must be an SQLite file, but CourseDirectory.db_url is {url!r}")
    return Path(url.removeprefix("sqlite:///").partition("?")[0])


def _notebook_submissions(self: Gradebook, notebook: str, assignment: str) -> list[Any]:
    """The same rows as nbgrader's, their students and notebooks in the same query: formgrader asks for each of them."""
    row, submitted = nbgrader.api.SubmittedNotebook, nbgrader.api.SubmittedAssignment
    found = self.db.query(row).join(row.notebook).join(row.assignment).join(submitted.assignment)
    found = found.options(contains_eager(row.notebook), contains_eager(row.assignment).joinedload(submitted.student))
    wanted = nbgrader.api.Notebook.name == notebook, nbgrader.api.Assignment.name == assignment
    rows: list[Any] = found.filter(*wanted).all()
    return rows


def _timestamp(self: CourseDirectory, path: str) -> datetime | None:
    return exchange_files.timestamp(Path(path))[0]


def _submitted_timestamp(self: nbgrader.apps.api.NbGraderAPI, assignment_id: str, student_id: str) -> datetime | None:
    coursedir = self.coursedir
    folder = coursedir.format_path(coursedir.submitted_directory, student_id, assignment_id)
    return exchange_files.timestamp(Path(folder))[0]


def _validate_assignment_id(self: CourseDirectory, proposal: Bunch) -> str:
    """`ps3/` and `assignments/ps3`, as the shell completes them, are ps3; what names no assignment is left to fail."""
    try:
        return assignment_name(proposal["value"].strip())
    except AutograderError:
        return str(proposal["value"])


def install() -> None:
    """Put these classes where nbgrader's commands and formgrader look for its own. May be called again."""
    put_interpreter_on_path()
    interrupts.say_so_at_the_end()
    for module in (nbgrader.apps.autogradeapp, nbgrader.apps.api):
        module.Autograde = ConfinedAutograde
    for module in (nbgrader.apps.generateassignmentapp, nbgrader.apps.api):
        module.GenerateAssignment = BuiltAssignment
    formgrader.HTMLExporter = MarkingPage
    formgrader.Environment = partial(jinja2.Environment, autoescape=True)  # its other pages hold names as well
    Gradebook.notebook_submissions = _notebook_submissions
    # One student's timestamp that is no time stops nbgrader's commands and formgrader's list of submissions.
    CourseDirectory.get_existing_timestamp = _timestamp
    nbgrader.apps.api.NbGraderAPI.get_submitted_timestamp = _submitted_timestamp
    CourseDirectory._validate_assignment_id.func = _validate_assignment_id
