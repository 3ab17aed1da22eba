"""What people gave survives renames, moves and removals of exercises and answers, and a gradebook that is lost."""

import functools
import shutil
import tempfile
from pathlib import Path

import pytest

from autograder.assignment import released
from autograder.assignment.load import load_assignment
from autograder.build import copies, instructor_notebook, student_notebook
from autograder.errors import BadInput, CourseError
from autograder.marks import gradebook, gradebook_guard
from autograder.marks.standings import standings
from autograder.results import ResultFolder
from autograder.tests import marking, tiny
from autograder.tests.marks.test_gradebook import grades, mark, opened, write

PROBLEM = "scaling/problem.toml"
NOTEBOOK = "scaling/notebook.py"


def rename(folder, old, new, was=None):
    """What an author does: another id everywhere; `was`: the line that declares it."""
    for path in (folder / tiny.PROBLEM).rglob("*.*"):
        text = path.read_text(encoding="utf-8")
        path.write_text(
            text.replace(f"{old}]", f"{new}]").replace(f'{old}"', f'{new}"').replace(f"## {old}", f"## {new}")
        )
        if old in path.name:
            path.rename(path.with_name(path.name.replace(old, new)))
    if was is not None:
        kind = "answer" if f"[answer.{new}]" in (folder / PROBLEM).read_text() else "exercise"
        tiny.edit(folder, PROBLEM, f"[{kind}.{new}]\n", f"[{kind}.{new}]\nwas = {was}\n")


def release_again(tinyset):
    """What `build` puts into release/."""
    assignment = load_assignment(tiny.NAME, tinyset.root)
    texts = {
        problem.notebook_file: instructor_notebook.notebook(assignment, problem, "") for problem in assignment.problems
    }
    shutil.rmtree(tinyset.release)
    for file, content in student_notebook.release_notebooks(tiny.NAME, texts).items():
        (tinyset.release / file).parent.mkdir(parents=True, exist_ok=True)
        (tinyset.release / file).write_bytes(content)
    released._read.cache_clear()
    copies.refresh(assignment)
    return assignment


@pytest.fixture
def marked(tinyset):
    """Two students, one of them with a mark, extra credit and comments."""
    write(tinyset, marking.report("ada"), marking.report("bob"))
    mark(tinyset, "ada", "tiny-why", 1.0, extra=0.5, comment="Well put.")
    mark(tinyset, "ada", "tiny-scale-check", 2.5, comment="See me.")
    return tinyset


def comments(tinyset, student):
    with opened(tinyset) as book:
        submission = book.find_submission(tiny.NAME, student)
        return {c.name: c.manual_comment for n in submission.notebooks for c in n.comments if c.manual_comment}


def under_new_ids(report, names):
    text = report.to_json()
    for old, new in names.items():
        text = text.replace(f'"{old}"', f'"{new}"')
    return type(report).from_json(text)


@pytest.mark.parametrize("was", ['"tiny-why"', '["tiny-why"]', '["tiny-older", "tiny-why"]'])
def test_a_declared_rename_of_an_answer_carries_mark_extra_credit_and_comment(marked, was):
    rename(marked.folder, "tiny-why", "tiny-because", was)
    assignment = release_again(marked)
    assert gradebook.bring_in_line(assignment) == []
    summary = write(assignment, marking.report("ada"), marking.report("bob"))
    assert grades(marked, "ada")["tiny-because"] == (None, 1.0, False)
    assert summary.changed == [] and summary.to_mark == 1
    assert comments(marked, "ada") == {"tiny-because": "Well put.", "tiny-scale": "See me."}
    with opened(marked) as book:
        assert book.find_submission(tiny.NAME, "ada").score == 2.5 + 2 + 1 + 0.5
        assert {cell.name for cell in book.find_notebook("1_scaling", tiny.NAME).grade_cells} == {
            "tiny-scale-check", "tiny-scaler-check", "tiny-because"
        }  # fmt: skip


def test_a_declared_rename_of_an_exercise_carries_them_too(marked):
    rename(marked.folder, "tiny-scale", "tiny-factor", '"tiny-scale"')
    assignment = release_again(marked)
    reports = [under_new_ids(marking.report(name), {"tiny-scale": "tiny-factor"}) for name in ("ada", "bob")]
    write(assignment, *reports)
    assert grades(marked, "ada")["tiny-factor-check"] == (3.0, 2.5, False)
    assert comments(marked, "ada") == {"tiny-why": "Well put.", "tiny-factor": "See me."}


def test_table_shows_the_mark_before_the_next_grading(marked):
    rename(marked.folder, "tiny-why", "tiny-because", '"tiny-why"')
    assignment = release_again(marked)
    (ada, _) = standings(
        assignment.manifest, ResultFolder(marked.root / "results/tinyset", marked.course.state), marked.course.gradebook
    )
    assert [(score.id, score.manual) for score in ada.scores if score.written] == [("tiny-because", 1.0)]


def test_marks_follow_a_notebook_that_has_another_name(marked):
    """A problem that is put before another one renumbers its notebook."""
    tiny.add_problem(marked.folder, "first", "other-")
    tiny.edit(marked.folder, "assignment.toml", 'core = ["scaling"]', 'core = ["first", "scaling"]')
    write(release_again(marked), marking.report("ada"), marking.report("bob"))
    with opened(marked) as book:
        assert book.find_grade("tiny-why", "2_scaling", tiny.NAME, "ada").manual_score == 1.0
        assert {notebook.name for notebook in book.find_assignment(tiny.NAME).notebooks} == {"1_first", "2_scaling"}
    assert comments(marked, "ada") == {"tiny-why": "Well put.", "tiny-scale": "See me."}


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("tiny-why", "tiny-because", ["ada: tiny-why has a mark of 1", "extra credit of 0.5", "a comment"]),
        ("tiny-scale", "tiny-factor", ["ada: tiny-scale has a mark of 2.5", "ada: tiny-scale has a comment"]),
    ],
)
def test_without_the_declaration_nothing_is_changed_and_every_mark_is_named(marked, old, new, what):
    rename(marked.folder, old, new)
    assignment = release_again(marked)
    before = grades(marked, "ada"), comments(marked, "ada")
    with pytest.raises(BadInput) as caught:
        gradebook.bring_in_line(assignment)
    assert all(line in str(caught.value) for line in what) and "bob" not in str(caught.value)
    assert f'write was = "{old}"' in str(caught.value) and f'dropped = ["{old}"]' in str(caught.value)
    assert (grades(marked, "ada"), comments(marked, "ada")) == before


def test_a_rename_that_nobody_was_marked_for_needs_no_declaration(tinyset):
    write(tinyset, marking.report("ada"))
    rename(tinyset.folder, "tiny-why", "tiny-because")
    write(release_again(tinyset), marking.report("ada"))
    assert set(grades(tinyset, "ada")) == {"tiny-scale-check", "tiny-scaler-check", "tiny-because"}


def without_answer(folder):
    tiny.edit(folder, PROBLEM, "[answer.tiny-why]\npoints = 1\n", "")
    tiny.edit(folder, NOTEBOOK, '# %% [markdown] tags=["answer:tiny-why"]\n# *Your answer here.*\n', "")


def test_an_answer_that_is_gone_takes_no_mark_with_it_unless_it_is_dropped(marked):
    without_answer(marked.folder)
    with pytest.raises(BadInput, match="ada: tiny-why has a mark of 1"):
        write(release_again(marked), marking.report("ada"))
    tiny.edit(marked.folder, "assignment.toml", "extra = []\n", 'extra = []\ndropped = ["tiny-why"]\n')
    notes = write(release_again(marked), marking.report("ada"), marking.report("bob")).notes
    assert notes[:2] == ["ada: a mark of 1 for tiny-why, which was dropped",
                         "ada: extra credit of 0.5 for tiny-why, which was dropped"]  # fmt: skip
    assert set(grades(marked, "ada")) == {"tiny-scale-check", "tiny-scaler-check"}


def test_a_problem_that_is_gone_takes_no_mark_with_it(marked):
    tiny.add_problem(marked.folder, "first", "other-")
    tiny.edit(marked.folder, "assignment.toml", 'core = ["scaling"]', 'core = ["first"]')
    with pytest.raises(BadInput, match="ada: tiny-scale has a mark of 2.5"):
        gradebook.bring_in_line(release_again(marked))


def test_two_answers_made_one_lose_neither_mark(marked):
    """The second mark has no place of its own: staff decide."""
    rename(marked.folder, "tiny-scaler", "tiny-both", '["tiny-scaler", "tiny-gone"]')
    write(release_again(marked), under_new_ids(marking.report("ada"), {"tiny-scaler": "tiny-both"}))
    mark(marked, "ada", "tiny-both-check", 2.0)
    with opened(marked) as book:
        cell = book.find_grade_cell("tiny-scale-check", "1_scaling", tiny.NAME)
        cell.name = "tiny-gone-check"
        book.db.commit()
    with pytest.raises(BadInput, match=r"ada: tiny-gone has a mark of 2\.5"):
        gradebook.bring_in_line(load_assignment(tiny.NAME, marked.root))


def test_whose_the_mark_of_a_split_exercise_is_staff_decide(marked):
    rename(marked.folder, "tiny-scale", "tiny-first", '"tiny-scale"')
    rename(marked.folder, "tiny-scaler", "tiny-second", '"tiny-scale"')
    with pytest.raises(BadInput, match=r"ada: tiny-scale has a mark of 2\.5"):
        gradebook.bring_in_line(release_again(marked))
    results = ResultFolder(marked.root / "results/tinyset", marked.course.state)
    (ada, _) = standings(load_assignment(tiny.NAME, marked.root).manifest, results, marked.course.gradebook)
    assert {score.id: score.manual for score in ada.scores if not score.written} == {
        "tiny-first": None,
        "tiny-second": None,
    }
    dropped = 'extra = []\ndropped = ["tiny-scale", "tiny-scaler"]\n'
    tiny.edit(marked.folder, "assignment.toml", "extra = []\n", dropped)
    notes = gradebook.bring_in_line(load_assignment(tiny.NAME, marked.root))
    assert any("tiny-scale" in note for note in notes)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("[answer.tiny-why]\n", '[answer.tiny-why]\nwas = "tiny-scale"\n', "an earlier id has one successor"),
        ("[answer.tiny-why]\n", '[answer.tiny-why]\nwas = ["x", "x"]\n', "an earlier id has one successor"),
        ("[answer.tiny-why]\n", "[answer.tiny-why]\nwas = 3\n", "should be a list of strings"),
        ("[answer.tiny-why]\n", '[answer.tiny-why]\nwere = "x"\n', "unknown setting 'were'"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused(sources, old, new, complaint):
    tiny.edit(sources, PROBLEM, old, new)
    with pytest.raises(CourseError, match=complaint):
        load_assignment(tiny.NAME, sources.parent.parent)


def test_what_is_still_there_cannot_be_dropped(sources):
    tiny.edit(sources, "assignment.toml", "extra = []\n", 'extra = []\ndropped = ["tiny-why"]\n')
    with pytest.raises(CourseError, match="dropped names 'tiny-why', which is still there"):
        load_assignment(tiny.NAME, sources.parent.parent)


def test_a_mark_above_lowered_points_is_told(marked):
    tiny.edit(marked.folder, PROBLEM, "points = 3", "points = 2")
    notes = gradebook.bring_in_line(release_again(marked))
    assert notes == ["ada: tiny-scale-check has a mark of 2.5 by a person, but only 2 points now: look at it"]
    assert grades(marked, "ada")["tiny-scale-check"][1] == 2.5


# --- the gradebook itself ------------------------------------------------------------------------------------------


@functools.cache
def of_another_course():
    with tempfile.TemporaryDirectory() as folder:
        made = marking.without_gradebook(Path(folder))
        write(made, marking.report("zoe"))
        return Path(folder, "gradebook.db").read_bytes()


LOSSES = {
    "emptied": lambda database: database.write_bytes(b""),
    "deleted": lambda database: database.unlink(),
    "fresh": lambda database: database.write_bytes(marking._gradebook()),
    "another course's": lambda database: database.write_bytes(of_another_course()),
    "no database": lambda database: database.write_text("moved to the other disk"),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("evidence", ["backup", "notebooks", "both"])
def test_a_gradebook_that_holds_nobody_any_more_is_not_taken_for_a_new_one(marked, loss, evidence):
    backup = gradebook.back_up(marked.course.gradebook)
    if evidence == "notebooks":
        for path in gradebook_guard.backups(marked.course.gradebook):
            path.unlink()
    if evidence == "backup":
        shutil.rmtree(marked.course.autograded)
    LOSSES[loss](marked.course.gradebook)
    before = marked.course.gradebook.read_bytes() if marked.course.gradebook.exists() else None
    with pytest.raises(BadInput, match="2 students.*emptied or replaced.*Nothing was changed") as caught:
        gradebook.bring_in_line(marked)
    assert (str(backup) in str(caught.value)) == (evidence != "notebooks")
    assert (marked.course.gradebook.read_bytes() if marked.course.gradebook.exists() else None) == before


def test_a_restored_backup_is_taken_again(marked):
    backup = gradebook.back_up(marked.course.gradebook)
    assert backup is not None
    marked.course.gradebook.write_bytes(b"")
    shutil.copy(backup, marked.course.gradebook)
    assert gradebook.bring_in_line(marked) == []
    assert grades(marked, "ada")["tiny-why"] == (None, 1.0, False)


def test_the_way_to_a_new_gradebook_that_the_message_names_works(marked):
    marked.course.gradebook.unlink()
    shutil.move(marked.course.autograded, marked.root / "old")
    for path in gradebook_guard.backups(marked.course.gradebook):
        path.unlink()
    assert gradebook.bring_in_line(marked) == []


def test_a_mark_that_is_gone_since_the_last_backup_is_told_once(marked):
    backup = gradebook.back_up(marked.course.gradebook)
    assert backup is not None
    mark(marked, "ada", "tiny-why", None)
    assert gradebook.bring_in_line(marked) == [f"ada: tiny-why had a mark of 1 in {backup.name} and has none now"]
    assert gradebook.bring_in_line(marked) == []


def test_a_second_set_joins_the_gradebook_without_alarm(marked):
    shutil.copytree(marked.folder, marked.root / "assignments" / "other")
    shutil.copytree(marked.release, marked.root / "release" / "other")
    other = load_assignment("other", marked.root)
    assert gradebook.bring_in_line(other) == [] == gradebook.bring_in_line(marked)


def test_students_who_join_later_raise_no_alarm(marked):
    write(marked, marking.report("cy"))
    assert gradebook.bring_in_line(marked) == []
