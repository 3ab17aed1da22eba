import json
import os
import shutil
import sqlite3
import threading
from contextlib import closing

import pytest
from nbgrader import api
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder.assignment.load import load_assignment
from autograder.build import instructor_notebook
from autograder.build.student_notebook import NamedStubs
from autograder.errors import AutograderError, BadInput
from autograder.marks import gradebook
from autograder.marks.gradebook import ChangedMark, MissingScore
from autograder.results import ResultFolder
from autograder.tests import marking, tiny


def write(tinyset, *reports, answer="Because autograd follows it.", **options):
    return gradebook.write(tinyset, marking.store(tinyset.root, *reports, answer=answer), **options)


def opened(tinyset):
    return api.Gradebook(f"sqlite:///{tinyset.root}/gradebook.db")


def grades(tinyset, student):
    with opened(tinyset) as book:
        submission = book.find_submission(tiny.NAME, student)
        return {
            g.name: (g.auto_score, g.manual_score, g.needs_manual_grade) for n in submission.notebooks for g in n.grades
        }


def mark(tinyset, student, cell, points, extra=None, comment=None):
    """What formgrader does when a TA types a mark."""
    with opened(tinyset) as book:
        grade = book.find_grade(cell, "1_scaling", tiny.NAME, student)
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = points, extra, False
        if comment is not None:
            book.find_comment(cell.removesuffix("-check"), "1_scaling", tiny.NAME, student).manual_comment = comment
        book.db.commit()


def test_scores_reach_the_cells_of_nbgraders_gradebook(tinyset):
    summary = write(tinyset, marking.report("ada", scale=2.0), marking.report("bob"))
    assert grades(tinyset, "ada") == {
        "tiny-scale-check": (2.0, None, False),
        "tiny-scaler-check": (2.0, None, False),
        "tiny-why": (None, None, True),
    }
    with opened(tinyset) as book:
        assert book.find_submission(tiny.NAME, "bob").score == 5.0
        assert book.find_submission(tiny.NAME, "bob").max_score == 6.0
        assert book.find_assignment(tiny.NAME).duedate.isoformat() == "2020-01-01T00:00:00"
    assert (summary.students, summary.to_mark, summary.not_graded) == (2, 2, [])


def rows(database):
    """All rows that describe the assignment itself, without random ids."""
    queries = (
        "select name, kernelspec from notebook",
        "select base_cell.name, type, max_score, cell_type from base_cell left join grade_cells using (id)",
        "select name, cell_type, locked, source, checksum from source_cell",
        "select version_num from alembic_version",
    )
    with closing(sqlite3.connect(database)) as connection:
        return [sorted(connection.execute(query).fetchall()) for query in queries]


def test_the_gradebook_is_initialised_as_generate_assignment_would(tmp_path):
    tinyset = marking.without_gradebook(tmp_path)
    assert write(tinyset).backup is None
    theirs = tmp_path / "theirs"
    source = theirs / "source" / tiny.NAME
    source.mkdir(parents=True)
    problem = tinyset.problems[0]
    (source / tiny.NOTEBOOK).write_text(instructor_notebook.notebook(tinyset, problem, ""), encoding="utf-8")
    config = Config()
    directory = CourseDirectory(root=str(theirs), assignment_id=tiny.NAME, config=config)
    converter = GenerateAssignment(coursedir=directory, config=config)
    converter.preprocessors = [NamedStubs if p.__name__ == "ClearSolutions" else p for p in converter.preprocessors]
    converter.start()
    assert rows(tmp_path / "gradebook.db") == rows(theirs / "gradebook.db")


def test_writing_again_changes_nothing(tinyset):
    write(tinyset, marking.report("ada"))
    with closing(sqlite3.connect(tinyset.root / "gradebook.db")) as connection:
        before = list(connection.iterdump())
    files = {p: p.read_bytes() for p in (tinyset.root / "autograded").rglob("*") if p.is_file()}
    write(tinyset, marking.report("ada"))
    with closing(sqlite3.connect(tinyset.root / "gradebook.db")) as connection:
        assert list(connection.iterdump()) == before
    assert {p: p.read_bytes() for p in (tinyset.root / "autograded").rglob("*") if p.is_file()} == files


def test_an_exercise_without_a_result_is_not_a_zero(tinyset):
    summary = write(tinyset, marking.report("ada", scaler=None))
    assert grades(tinyset, "ada")["tiny-scaler-check"] == (None, None, True)
    assert summary.not_graded == [MissingScore("ada", "tiny-scaler", "the worker ended")]
    with opened(tinyset) as book:
        assert book.find_comment("tiny-scaler", "1_scaling", tiny.NAME, "ada").comment == "Not graded: the worker ended"
        (listed,) = book.submission_dicts(tiny.NAME)
    assert (listed["score"], listed["needs_manual_grade"]) == (3.0, True)


def test_a_regrade_that_fails_withdraws_the_earlier_score(tinyset):
    write(tinyset, marking.report("ada"))
    write(tinyset, marking.report("ada", scale=None, scaler=None))
    assert grades(tinyset, "ada")["tiny-scale-check"] == (None, None, True)
    assert not (tinyset.root / "autograded/ada").joinpath(tiny.NAME).exists()


def test_an_untouched_written_answer_is_zero_and_says_so(tinyset):
    summary = write(tinyset, marking.report("ada"), answer=None)
    assert grades(tinyset, "ada")["tiny-why"] == (0.0, None, False)
    assert summary.to_mark == 0
    with opened(tinyset) as book:
        assert book.find_comment("tiny-why", "1_scaling", tiny.NAME, "ada").auto_comment == "No response."


def test_an_untouched_answer_of_an_unreadable_notebook_is_not_a_zero(tinyset):
    write(tinyset, marking.report("ada", scale=None, scaler=None), answer=None)
    assert grades(tinyset, "ada")["tiny-why"] == (None, None, True)


def test_a_result_whose_notebooks_are_gone_makes_no_answer_zero_and_says_so(tinyset):
    write(tinyset, marking.report("ada"))
    results = marking.store(tinyset.root, marking.report("ada"))
    shutil.rmtree(results.path / "notebooks")
    summary = gradebook.write(tinyset, results)
    assert grades(tinyset, "ada")["tiny-why"] == (None, None, True)
    assert grades(tinyset, "ada")["tiny-scale-check"][0] == 3.0
    assert summary.notes == ["ada: the notebooks of this result are gone; grade again"]
    assert (tinyset.root / "autograded" / "ada" / tiny.NAME / tiny.NOTEBOOK).is_file()


def test_marks_extra_credit_and_comments_survive_a_regrade(tinyset):
    write(tinyset, marking.report("ada", scale=1.0))
    mark(tinyset, "ada", "tiny-why", 1.0, extra=0.5, comment="Well put.")
    mark(tinyset, "ada", "tiny-scaler-check", 1.5, comment="See me.")
    summary = write(tinyset, marking.report("ada", scale=3.0))
    assert summary.changed == []
    assert grades(tinyset, "ada") == {
        "tiny-scale-check": (3.0, None, False),
        "tiny-scaler-check": (2.0, 1.5, False),
        "tiny-why": (None, 1.0, False),
    }
    with opened(tinyset) as book:
        assert book.find_submission(tiny.NAME, "ada").score == 3.0 + 1.5 + 1.0 + 0.5
        assert book.find_comment("tiny-why", "1_scaling", tiny.NAME, "ada").comment == "Well put."
        assert book.find_comment("tiny-scaler", "1_scaling", tiny.NAME, "ada").comment == "See me."


def test_a_changed_score_under_a_mark_is_listed_and_asks_for_review(tinyset):
    write(tinyset, marking.report("ada", scale=1.0), marking.report("bob", scale=1.0))
    mark(tinyset, "ada", "tiny-scale-check", 2.5)
    summary = write(tinyset, marking.report("ada"), marking.report("bob"))
    assert summary.changed == [ChangedMark("ada", "tiny-scale-check", 1.0, 3.0, 2.5)]
    assert summary.changed[0].what == "its automatic score went from 1 to 3"
    assert grades(tinyset, "ada")["tiny-scale-check"] == (3.0, 2.5, True)
    assert grades(tinyset, "bob")["tiny-scale-check"] == (3.0, None, False)


def test_a_marked_answer_that_was_rewritten_asks_for_review(tinyset):
    write(tinyset, marking.report("ada"), answer="First.")
    mark(tinyset, "ada", "tiny-why", 1.0)
    assert write(tinyset, marking.report("ada"), answer="First.").changed == []
    (change,) = write(tinyset, marking.report("ada"), answer="Second.").changed
    assert (change.cell, change.what) == ("tiny-why", "the answer was rewritten")
    assert grades(tinyset, "ada")["tiny-why"] == (None, 1.0, True)


def test_points_follow_the_manifest_after_submissions_came_in(tinyset):
    write(tinyset, marking.report("ada"))
    tiny.edit(tinyset.folder, "scaling/problem.toml", "points = 3", "points = 30")
    write(load_assignment(tiny.NAME, tinyset.root), marking.report("ada", scale=30.0))
    with opened(tinyset) as book:
        assert book.find_submission(tiny.NAME, "ada").score == 32.0
        assert book.find_submission(tiny.NAME, "ada").max_score == 33.0


def test_the_database_is_backed_up_before_it_is_written(tinyset):
    write(tinyset, marking.report("ada", scale=1.0))
    backup = write(tinyset, marking.report("ada", scale=3.0)).backup
    with closing(sqlite3.connect(backup)) as connection:
        assert (1.0,) in connection.execute("select auto_score from grade").fetchall()


def test_only_the_newest_backups_are_kept(tinyset):
    made = [write(tinyset).backup for _ in range(gradebook.BACKUPS_KEPT + 3)]
    assert sorted(tinyset.root.glob("gradebook.db.*.bak")) == made[-gradebook.BACKUPS_KEPT :]


def test_a_damaged_database_is_named_and_left_alone(tinyset):
    database = tinyset.root / "gradebook.db"
    database.write_bytes(b"not a database" * 100)
    with pytest.raises(BadInput, match=r"gradebook\.db cannot be read .*\.bak"):
        write(tinyset, marking.report("ada"))
    assert database.read_bytes() == b"not a database" * 100
    assert list(tinyset.root.glob("*.part")) == []


def test_the_writer_waits_for_another_program_to_release_the_database(tinyset):
    write(tinyset, marking.report("ada", scale=1.0))
    held = threading.Event()
    with closing(sqlite3.connect(tinyset.root / "gradebook.db", check_same_thread=False)) as other:
        with gradebook.Writer(tinyset) as writer:
            other.execute("begin immediate")

            def release() -> None:
                held.set()
                other.rollback()

            timer = threading.Timer(0.3, release)
            timer.start()
            writer.record(marking.report("ada"), marking.notebooks(tinyset.root))
            timer.join()
    assert held.is_set()
    assert grades(tinyset, "ada")["tiny-scale-check"][0] == 3.0


def test_a_database_that_stays_locked_is_named_with_the_way_out(tinyset, monkeypatch):
    monkeypatch.setattr(gradebook, "LOCK_SECONDS", 0)
    write(tinyset, marking.report("ada"))
    with closing(sqlite3.connect(tinyset.root / "gradebook.db")) as other:
        with gradebook.Writer(tinyset) as writer:
            other.execute("begin immediate")
            with pytest.raises(AutograderError, match="in use by another program"):
                writer.record(marking.report("bob"), marking.notebooks(tinyset.root))


def test_a_student_whose_write_fails_leaves_the_others_whole(tinyset):
    with pytest.raises(KeyError):
        with gradebook.Writer(tinyset) as writer:
            writer.record(marking.report("ada"), marking.notebooks(tinyset.root))
            writer.record(marking.report("bob"), {tiny.NOTEBOOK: {"no": "cells"}})
    with opened(tinyset) as book:
        assert [student.id for student in book.students] == ["ada"]


def submit(tinyset, student, **files):
    folder = tinyset.root / "submitted" / student / tiny.NAME
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


def test_the_time_of_handing_in_is_stored_and_travels_on(tinyset):
    submit(tinyset, "ada", timestamp="2020-01-02 01:00:00.5 +0100\n", submission_secret="s3cret")
    write(tinyset, marking.report("ada"))
    with opened(tinyset) as book:
        submission = book.find_submission(tiny.NAME, "ada")
        assert submission.timestamp.isoformat() == "2020-01-02T00:00:00.500000"
        assert submission.total_seconds_late == 24 * 3600 + 0.5
    folder = tinyset.root / "autograded/ada" / tiny.NAME
    assert (folder / "timestamp.txt").read_text() == "2020-01-02 00:00:00.500000 UTC"
    assert (folder / "submission_secret.txt").read_text() == "s3cret"


@pytest.mark.parametrize("text", ["tomorrow", "", "9" * 5000, "2030-13-99", "\u0663"])
def test_a_timestamp_that_is_none_is_noted_and_stops_nobody(tinyset, text):
    submit(tinyset, "ada", timestamp=text)
    summary = write(tinyset, marking.report("ada"))
    assert summary.notes == ["ada: timestamp.txt holds no time: the submission counts as undated"]
    assert summary.students == 1


def test_a_link_or_a_pipe_in_place_of_the_small_files_is_not_followed(tinyset, tmp_path):
    (tmp_path / "staff_secret").write_text("2020-01-02 00:00:00 UTC")
    folder = submit(tinyset, "ada")
    (folder / "timestamp.txt").symlink_to(tmp_path / "staff_secret")
    os.mkfifo(folder / "submission_secret.txt")
    write(tinyset, marking.report("ada"))
    assert {path.name for path in (tinyset.root / "autograded/ada" / tiny.NAME).iterdir()} == {tiny.NOTEBOOK}


def autograded(tinyset, student="ada"):
    return json.loads((tinyset.root / "autograded" / student / tiny.NAME / tiny.NOTEBOOK).read_text())


def test_the_marker_sees_the_outcome_of_each_test_under_its_check(tinyset):
    write(tinyset, marking.report("ada", scale=1.0))
    (output,) = next(c for c in autograded(tinyset)["cells"] if c["id"] == "tiny-scale-check")["outputs"]
    assert output["output_type"] == "display_data"
    assert output["data"]["text/plain"].splitlines() == [
        "tiny-scale: 1 of 3 points",
        "  failed   multiplies every entry. Which entries should change?",
        "  failed   works on other sizes. Which entries should change?",
    ]


def test_the_marker_sees_the_rubric_before_each_written_answer(tinyset):
    write(tinyset, marking.report("ada"))
    cells = autograded(tinyset)["cells"]
    place = next(i for i, cell in enumerate(cells) if cell["id"] == "tiny-why")
    assert "**Rubric** (markers only)" in cells[place - 1]["source"]
    assert "autograd follows through the product" in cells[place - 1]["source"]
    assert cells[place]["source"] == "Because autograd follows it."


def test_files_that_were_not_accepted_leave_autograded(tinyset):
    folder = tinyset.root / "autograded/ada" / tiny.NAME
    (folder / "sub").mkdir(parents=True)
    (folder / "evil.html").write_text("<script>")
    write(tinyset, marking.report("ada"))
    assert [path.name for path in folder.iterdir()] == [tiny.NOTEBOOK]


def test_only_the_named_students_are_written(tinyset):
    students: list[str] = []
    results = marking.store(tinyset.root, marking.report("ada"), marking.report("bob"))
    gradebook.write(tinyset, results, students=["bob"], progress=students.append)
    assert students == ["bob"]


def test_a_missing_release_is_named_with_its_mend(tmp_path):
    tiny.write(tmp_path)
    tinyset = load_assignment(tiny.NAME, tmp_path)
    (tmp_path / "results").mkdir()
    with pytest.raises(BadInput, match="autograder build tinyset"):
        gradebook.write(tinyset, ResultFolder(tmp_path / "results", tinyset.course.state))
