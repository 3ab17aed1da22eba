"""nbgrader's own commands and formgrader, started as a TA starts them: by path, no environment activated."""

import csv
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import tornado.httpclient
from nbgrader import api

from autograder.assignment.load import load_assignment
from autograder.build import build
from autograder.course_folders import CourseFolders
from autograder.files import put_interpreter_on_path
from autograder.grading.class_folder import submissions
from autograder.grading.grade_class import grade_class
from autograder.grading.seed import course_seed
from autograder.marks import gradebook
from autograder.results import ResultFolder
from autograder.submission.read import read_submission
from autograder.tests import tiny
from autograder.tests.handing_in import own, png
from autograder.tests.released import SCALE, SCALER
from autograder.verify.made_class import members

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
WRONG_SCALE = SCALE.replace("values * factor", "values + factor")
SCRIPT = "<script>alert(1)</script>\n\n```mermaid\n<script>alert(1)</script>\n```\n\n# tiny-why"


def run(course, *command, **options):
    environment = ENVIRONMENT | {"HOME": str(course)}
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=course, env=environment, text=True, capture_output=True, **options
    )


def solved(course, scale=SCALE, answer="Because autograd follows it."):
    book = json.loads((course / "release" / tiny.NAME / tiny.NOTEBOOK).read_text())
    texts = {"tiny-scale": scale, "tiny-scaler": SCALER, "tiny-why": answer}
    for cell in book["cells"]:
        cell["source"] = texts.get(cell["id"], cell["source"])
    return book


def answered_beside(course):
    """An answer with a picture in a cell of the student's own, behind the one that was meant for it."""
    book = solved(course, answer="*Your answer here.*")
    picture = {"proof.png": {"image/png": png(9, 7)}}
    behind = [cell["id"] for cell in book["cells"]].index("tiny-why") + 1
    book["cells"].insert(behind, own("markdown", "See ![](attachment:proof.png)", id="mine", attachments=picture))
    return book


def submit(course, student, book, name=tiny.NOTEBOOK):
    folder = course / "submitted" / student / tiny.NAME
    folder.mkdir(parents=True)
    (folder / name).write_text(book if isinstance(book, str) else json.dumps(book))
    return folder


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with a class of submissions, as nbgrader's autograde left it."""
    course = tmp_path_factory.mktemp("course")
    tiny.write(course)
    build.build(tiny.NAME, course)
    shutil.copy(ROOT / "nbgrader_config.py", course)
    submit(course, "ada", solved(course))
    submit(course, "bob", solved(course, scale=WRONG_SCALE))
    submit(course, "beside", answered_beside(course))
    submit(course, "mallory", solved(course, answer=SCRIPT))
    for member in members(load_assignment(tiny.NAME, course)):
        member.write(course / "submitted", tiny.NAME)
    submit(course, "renamed", solved(course), "homework (1).ipynb")
    submit(course, "broken", '{"cells": [')
    (course / "staff_secret.txt").write_text("the staff's secret")
    (submit(course, "linked", solved(course)) / "notes.txt").symlink_to(course / "staff_secret.txt")
    (submit(course, "undated", solved(course)) / "timestamp.txt").write_text("yesterday")
    os.mkfifo(submit(course, "piped", solved(course)) / "pipe.ipynb")
    return course


@pytest.fixture(scope="module")
def graded(course):
    done = run(course, "nbgrader", "autograde", tiny.NAME)
    assert "Traceback" not in done.stderr
    return done


def everyone(course, student=None):
    """Student to the folder of the submission."""
    return submissions(course / "submitted", tiny.NAME, CourseFolders(course), student).folders


@pytest.fixture(scope="module")
def clean(course):
    """The students whose folders nbgrader reads as the grader does."""
    manifest = load_assignment(tiny.NAME, course).manifest
    return {student for student, folder in everyone(course).items() if read_submission(folder, manifest).unchanged}


@pytest.fixture(scope="module")
def changed(course, clean):
    """The others."""
    return set(everyone(course)) - clean


def test_the_class_has_both_kinds_of_submissions(clean, changed):
    assert {"ada", "bob", "mallory", "reference", "untouched", "endless-loop"} <= clean
    assert {"renamed", "broken", "linked", "undated", "piped", "duplicated-cell", "deleted-cell"} <= changed


def stored(course):
    """Student to the automatic scores in the gradebook."""
    query = """select student_id, cell.name, auto_score from grade join base_cell cell on cell.id = cell_id
    join submitted_notebook notebook on notebook.id = grade.notebook_id
    join submitted_assignment submission on submission.id = notebook.assignment_id"""
    found: dict[str, dict[str, float | None]] = {}
    with closing(sqlite3.connect(course / "gradebook.db")) as connection:
        for student, cell, score in connection.execute(query):
            found.setdefault(student, {})[cell] = score
    return found


def grade(course, out, student=None):
    """What `autograder grade` does; student to report."""
    tinyset = load_assignment(tiny.NAME, course)
    folders = everyone(course, student)
    grade_class(tinyset, folders, course / out, seed=course_seed(tinyset), workers=2)
    return {report.student: report for report in ResultFolder(course / out, CourseFolders(course).state).all()}


@pytest.mark.usefixtures("one_sandbox")
def test_autograde_agrees_with_autograder_grade_on_what_reading_leaves_unchanged(course, graded, clean, changed):
    theirs = grade(course, "theirs")
    assert set(theirs) == clean | changed
    for student in clean:
        mine = {name: score for name, score in stored(course)[student].items() if name.endswith("-check")}
        assert mine == {f"{exercise.id}-check": exercise.score for exercise in theirs[student].exercises}
    assert stored(course)["ada"]["tiny-scale-check"] == 3.0
    assert stored(course)["bob"]["tiny-scale-check"] < 3.0


def test_autograde_leaves_what_reading_changes_not_graded_and_names_the_command(course, graded, clean, changed):
    assert graded.returncode == 1
    for student in changed:
        assert set(stored(course)[student].values()) == {None}
        assert f"autograder grade {tiny.NAME} --student {student}" in graded.stderr
    assert not [student for student in clean if f"--student {student}\n" in graded.stderr]


def test_autograde_copies_nothing_that_was_not_accepted(course, graded, clean):
    found = {path.relative_to(course / "autograded").as_posix() for path in (course / "autograded").rglob("*.*")}
    assert found == {f"{student}/{tiny.NAME}/{tiny.NOTEBOOK}" for student in clean}


def test_generate_feedback_writes_our_pages_under_nbgraders_names(course, graded):
    done = run(course, "nbgrader", "generate_feedback", tiny.NAME, "--student", "bob", "--force")
    assert done.returncode == 0, done.stderr
    page = (course / "feedback/bob" / tiny.NAME / "1_scaling.html").read_text()
    assert "multiplies every entry" in page and "Which entries should change?" in page
    assert "Content-Security-Policy" in page
    for secret in ("test_hidden", "test_scale_on_drawn_numbers", "Rubric"):
        assert secret not in page


def test_export_leaves_scores_empty_where_a_result_is_missing(course, graded):
    done = run(course, "nbgrader", "export", "--to", "grades.csv")
    assert done.returncode == 0, done.stderr
    with open(course / "grades.csv", newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert (rows["ada"]["score"], rows["ada"]["max_score"], rows["ada"]["status"]) == ("5.0", "6.0", "to be marked")
    assert (rows["broken"]["raw_score"], rows["broken"]["score"], rows["broken"]["status"]) == ("", "", "not graded")


def free_port():
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Formgrader:
    """A running Jupyter server with formgrader, spoken to over HTTP."""

    def __init__(self, course, port):
        self.base = f"http://127.0.0.1:{port}"
        self.client = tornado.httpclient.HTTPClient()
        self.headers = {}

    def get(self, path):
        return self.client.fetch(self.base + path, headers=self.headers, request_timeout=60)

    def text(self, path):
        answer = self.get(path)
        for cookie in answer.headers.get_list("Set-Cookie"):
            if cookie.startswith("_xsrf="):
                token = cookie.partition(";")[0]
                self.headers = {"Cookie": token, "X-XSRFToken": token.removeprefix("_xsrf=")}
        return answer.body.decode()

    def json(self, path):
        return json.loads(self.text(path))

    def send(self, method, path, body):
        answer = self.client.fetch(
            self.base + path, method=method, headers=self.headers, body=json.dumps(body), request_timeout=120
        )
        return json.loads(answer.body)


@pytest.fixture(scope="module")
def formgrader(course, graded):
    port = free_port()
    command = [str(BIN / "jupyter"), "server", "--no-browser", f"--port={port}", "--IdentityProvider.token="]
    command += ["--ServerApp.allow_root=True", "--ServerApp.port_retries=0"]
    environment = ENVIRONMENT | {"HOME": str(course), "JUPYTER_PREFER_ENV_PATH": "1"}
    process = subprocess.Popen(command, cwd=course, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "is running at" in line:
            break
    else:
        pytest.fail("".join(lines))
    with open(course / "server.log", "w") as log:
        drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=log)
    server = Formgrader(course, port)
    yield server
    server.client.close()
    process.terminate()
    process.wait()
    process.stderr.close()
    drain.wait()


def submission_id(course, student):
    with api.Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        return book.find_submission_notebook("1_scaling", tiny.NAME, student).id


def test_formgrader_lists_who_is_graded_and_who_is_not(formgrader, clean, changed):
    listed = {row["student"]: row for row in formgrader.json(f"/formgrader/api/submissions/{tiny.NAME}")}
    assert set(listed) == clean | changed
    assert (listed["ada"]["score"], listed["ada"]["autograded"], listed["ada"]["needs_manual_grade"]) == (5, True, True)
    assert (listed["broken"]["autograded"], listed["broken"]["submitted"]) == (False, True)
    (shown,) = formgrader.json("/formgrader/api/assignments")
    assert (shown["name"], shown["status"], shown["max_score"]) == (tiny.NAME, "draft", 6.0)


def test_formgraders_page_has_the_boxes_the_rubric_and_the_outcomes(course, formgrader):
    page = formgrader.text(f"/formgrader/submissions/{submission_id(course, 'bob')}/?index=0")
    for box in ("tiny-scale-check", "tiny-scaler-check", "tiny-why"):
        assert page.count(f'id="{box}"') == 1
    for box in ("tiny-scale-comment", "tiny-why-comment"):
        assert page.count(f'id="{box}"') == 1
    assert page.index("Rubric</strong> (markers only)") < page.index('id="tiny-why"')
    assert "multiplies every entry. Which entries should change?" in page


def test_formgraders_page_shows_an_answer_and_its_picture_that_stand_beside_the_cell(course, formgrader):
    assert stored(course)["beside"]["tiny-why"] is None
    page = formgrader.text(f"/formgrader/submissions/{submission_id(course, 'beside')}/?index=0")
    (picture,) = re.findall(r'src="data:image/png;base64,[^"]*"\s*alt="picture 1"|alt="picture 1"\s*src="data:', page)
    assert page.index("From cell 13, a cell of the student") < page.index(picture) < page.index('id="tiny-why-comment"')


def test_a_students_script_and_headings_stay_out_of_formgraders_page(course, formgrader):
    page = formgrader.text(f"/formgrader/submissions/{submission_id(course, 'mallory')}/?index=0")
    assert "alert(1)" in page
    assert "<script>alert(1)" not in page
    assert page.count('id="tiny-why"') == 1
    assert re.search(r'<input[^>]*id="tiny-why"', page)


def test_marks_made_in_formgrader_survive_a_regrade_there(course, formgrader):
    number = submission_id(course, "ada")
    formgrader.text(f"/formgrader/submissions/{number}/?index=0")
    grades = {row["name"]: row for row in formgrader.json(f"/formgrader/api/grades?submission_id={number}")}
    comments = {row["name"]: row for row in formgrader.json(f"/formgrader/api/comments?submission_id={number}")}
    body = {"manual_score": 0.5, "extra_credit": 0.25}
    marked = formgrader.send("PUT", f"/formgrader/api/grade/{grades['tiny-why']['id']}", body)
    assert (marked["manual_score"], marked["needs_manual_grade"]) == (0.5, False)
    comment = {"manual_comment": "Say which parameter."}
    formgrader.send("PUT", f"/formgrader/api/comment/{comments['tiny-why']['id']}", comment)
    done = formgrader.send("POST", f"/formgrader/api/submission/{tiny.NAME}/ada/autograde", {})
    assert done["success"], done
    grades = {row["name"]: row for row in formgrader.json(f"/formgrader/api/grades?submission_id={number}")}
    assert [grades["tiny-why"][key] for key in ("manual_score", "extra_credit", "needs_manual_grade")] == [
        0.5,
        0.25,
        False,
    ]
    done = formgrader.send("POST", f"/formgrader/api/assignment/{tiny.NAME}/ada/generate_feedback", {})
    assert done["success"], done
    page = (course / "feedback/ada" / tiny.NAME / "1_scaling.html").read_text()
    assert "Say which parameter." in page and "Extra credit: 0.25." in page


@pytest.mark.usefixtures("one_sandbox")
def test_formgraders_autograde_names_the_command_for_what_it_cannot_grade_and_keeps_that_result(course, formgrader):
    formgrader.text("/formgrader/manage_assignments")
    button = f"/formgrader/api/submission/{tiny.NAME}/renamed/autograde"
    done = formgrader.send("POST", button, {})
    assert not done["success"]
    assert f"autograder grade {tiny.NAME} --student renamed" in done["log"]
    grade(course, f"results/{tiny.NAME}", "renamed")
    results = ResultFolder(course / "results" / tiny.NAME, CourseFolders(course).state)
    gradebook.write(load_assignment(tiny.NAME, course), results, students=["renamed"])
    done = formgrader.send("POST", button, {})
    assert done["success"], done
    assert stored(course)["renamed"]["tiny-scale-check"] == 3.0


def test_formgraders_generate_button_builds_the_whole_release(course, formgrader):
    formgrader.text("/formgrader/manage_assignments")
    done = formgrader.send("POST", f"/formgrader/api/assignment/{tiny.NAME}/assign", {})
    assert done["success"], done
    assert (course / "release" / tiny.NAME / "kit").is_dir()
    assert stored(course)["ada"]["tiny-scale-check"] == 3.0


def test_the_config_needs_no_command_on_the_path(course, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    put_interpreter_on_path()
    assert os.environ["PATH"].split(os.pathsep)[0] == str(BIN)
