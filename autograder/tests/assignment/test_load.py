from collections import Counter
from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.errors import BadInput, CourseError
from autograder.grading import plan
from autograder.tests import tiny
from kit.manifest import Manifest
from kit.runner import CollectedTests

NOTEBOOK = "scaling/notebook.py"
PROBLEM = "scaling/problem.toml"
HIDDEN = "scaling/test_hidden.py"
PUBLIC = "scaling/test_public.py"


def refusal(sources: Path) -> str:
    with pytest.raises(CourseError) as caught:
        load_assignment(tiny.NAME, sources.parent.parent)
    return str(caught.value)


def refusal_after(sources: Path, file: str, old: str, new: str) -> str:
    load_assignment(tiny.NAME, sources.parent.parent)
    tiny.edit(sources, file, old, new)
    return refusal(sources)


def test_an_assignment_tells_its_problems_exercises_and_answers(sources):
    tinyset = load_assignment(tiny.NAME, sources.parent.parent)
    problem = tinyset.problem("scaling")
    assert [exercise.id for exercise in problem.exercises] == ["tiny-scale", "tiny-scaler"]
    assert [exercise.points for exercise in problem.exercises] == [3, 2]
    assert problem.exercises[1].depends == ("tiny-scale",)
    assert [exercise.names for exercise in problem.exercises] == [("scale",), ("Scaler",)]
    assert [answer.id for answer in problem.answers] == ["tiny-why"]
    assert problem.notebook_file == "1_scaling.ipynb"


def test_parametrized_tests_are_counted_case_by_case(sources):
    scale = load_assignment(tiny.NAME, sources.parent.parent).manifest.exercise("tiny-scale")
    assert (scale.public_tests, scale.hidden_tests) == (2, 2)


def test_cell_kinds_and_ids_follow_the_tags(sources):
    notebook = load_assignment(tiny.NAME, sources.parent.parent).manifest.notebooks[0]
    kinds = [cell.kind for cell in notebook.cells]
    assert kinds == "text show given exercise check given exercise check guess show text answer text show".split()
    graded = [cell.id for cell in notebook.cells if cell.kind not in ("text", "show", "guess")]
    assert graded == "given-1 tiny-scale tiny-scale-check given-2 tiny-scaler tiny-scaler-check tiny-why".split()


def test_the_manifest_holds_stubs_and_no_solution(sources):
    text = load_assignment(tiny.NAME, sources.parent.parent).manifest.to_json()
    assert "scaled_by_the_reference" not in text
    assert "SOLUTION" not in text
    assert text.count("tiny-scaler: write this function") == 2


def test_the_manifest_survives_json(sources):
    manifest = load_assignment(tiny.NAME, sources.parent.parent).manifest
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert manifest.notebook_of("tiny-scale").file == "1_scaling.ipynb"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 99}', '{"schema": 1, "notebooks": 3}'])
def test_a_damaged_manifest_is_refused_by_file_name(tmp_path, text):
    path = tmp_path / "manifest.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"manifest\.json"):
        Manifest.read(path)


def test_references_keep_their_solutions(sources):
    references = load_assignment(tiny.NAME, sources.parent.parent).problem("scaling").references
    assert "scaled_by_the_reference" in references["tiny-scale"]


def test_an_unknown_assignment_names_the_known_ones(sources):
    with pytest.raises(BadInput, match="there are: tinyset"):
        load_assignment("tinysett", sources.parent.parent)


def test_an_exercise_without_points_is_refused_with_its_line(sources):
    text = refusal_after(sources, PROBLEM, '[exercise.tiny-scaler]\npoints = 2\ndepends = ["tiny-scale"]\n', "")
    assert "notebook.py:37: exercise tiny-scaler has no points: add [exercise.tiny-scaler]" in text


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (PROBLEM, "[answer.tiny-why]", "[exercise.tiny-new]\npoints = 1\n[answer.tiny-why]", "tiny-new] has no cell"),
        (PROBLEM, "[answer.tiny-why]\npoints = 1\n", "", "answer tiny-why has no points"),
        (PROBLEM, "points = 3", "points = 0", "problem.toml:4: [exercise.tiny-scale] points = 0 should be"),
        (PROBLEM, "points = 3", "points = true", "above 0"),
        (PROBLEM, "points = 3", "points = nan", "above 0"),
        (PROBLEM, "points = 3\n", "", "problem.toml:3: [exercise.tiny-scale] points is missing"),
        (PROBLEM, "points = 3", "points = 3\nmistake_limit = 1.5", "mistake_limit = 1.5 should be a share, at most 1"),
        (PROBLEM, "[answer.tiny-why]", "[answer.tiny-why]\nmistake_limit = 0.5", "unknown setting 'mistake_limit'"),
        (PROBLEM, 'title = "Scaling"', 'title = "Scaling"\nmistake_limit = 0', "should be a number above 0"),
        (PROBLEM, "points = 3", "points = 3\npionts = 4", "unknown setting 'pionts'; known are depends"),
        (PROBLEM, '["tiny-scale"]', '["tiny-skale"]', "depends on 'tiny-skale'"),
        (PROBLEM, "points = 3", 'points = 3\ndepends = ["tiny-scaler"]', "no earlier exercise"),
        (PROBLEM, 'title = "Scaling"', "title = Scaling", "problem.toml: not TOML"),
        (NOTEBOOK, '# %% tags=["check:tiny-scale"]\ncheck("tiny-scale")\n', "", "no check cell: add one"),
        (NOTEBOOK, 'check("tiny-scale")\n', 'check("tiny-scaler")\n', "a check cell holds exactly"),
        (NOTEBOOK, "tags=[\"guess\"]", 'tags=["check:tiny-x"]', "exactly check"),
        (NOTEBOOK, 'tags=["guess"]', 'tags=["guesses"]', 'unknown tag "guesses": known are'),
        (NOTEBOOK, ' tags=["guess"]', "", "a code cell with 0 tags"),
        (NOTEBOOK, 'tags=["guess"]', 'tags=["guess", "show"]', "a code cell with 2 tags"),
        (NOTEBOOK, 'tags=["answer:tiny-why"]', 'tags=["given"]', "only answers may be text, all else is code"),
        (NOTEBOOK, "exercise:tiny-scaler", "exercise:tiny scaler", "an id is 1 to 58 letters, digits"),
        (NOTEBOOK, "exercise:tiny-scaler", "exercise:tiny-scale", "'tiny-scale' stands a second time"),
        (NOTEBOOK, "exercise:tiny-scaler", "exercise:given-3", "a name that the builder uses itself"),
        (NOTEBOOK, "class Scaler(ScalerBase):", "class Scaler(ScalerBase:", "tiny-scaler: not Python"),
        (NOTEBOOK, "class ScalerBase(nn.Module):", "class ScalerBase(:", "given-2: not Python"),
        (HIDDEN, '"tiny-scaler"', '"tiny-skaler"', "unknown exercise 'tiny-skaler'"),
        (HIDDEN, 'exercise("tiny-scaler")', 'str("tiny-scaler")', "names no exercise: write name = exercise"),
        (HIDDEN, "@scaler_class(", "@scaler_klass(", "names no exercise"),
        (HIDDEN, "test_scaler_inverse_undoes_forward", "test_scaler_uses_its_factor", "also a public test"),
        (HIDDEN, "[(1, 1), (4, 7)]", "sizes()", "parametrize with a plain list"),
        (PUBLIC, "scale_rejects_negative_factors", "scale_multiplies_every_entry", "defined twice"),
        (PUBLIC, "def test_scaler_uses_its_factor", "def check_factor", "no test for tiny-scaler"),
        (PUBLIC, "def test_scaler_uses_its_factor(", "def test_scaler_uses_its_factor((", "not Python"),
        ("scaling/rubric.md", "## tiny-why", "## tiny-why-not", "no heading for the answer tiny-why"),
        ("assignment.toml", 'title = "A tiny set"\n', "", "title is missing"),
        ("assignment.toml", "extra = []", 'extra = ["scaling"]', "listed twice"),
        ("assignment.toml", "extra = []", 'extra = ["shearing"]', "names problem 'shearing'"),
        ("assignment.toml", "extra = []", "extra = 3", "assignment.toml:6: extra = 3 should be a list"),
        ("assignment.toml", 'library = "tinylib"', 'library = "hugelib"', "hugelib/ is no package"),
        ("assignment.toml", 'library = "tinylib"', 'library = "../x"', "should be a string like"),
        ("assignment.toml", "due = 2020-01-01T00:00:00Z", "due = 2020-01-01", "with its offset"),
        ("assignment.toml", "submission_seconds = 60", "submission_seconds = -1", "above 0"),
        ("assignment.toml", tiny.CANARY, "short", "canary = 'short'"),
    ],
)  # fmt: skip
def test_a_contradiction_is_refused_with_its_mend(sources, file, old, new, expected):
    assert expected in refusal_after(sources, file, old, new)


def test_all_contradictions_are_told_at_once(sources):
    tiny.edit(sources, PROBLEM, "[answer.tiny-why]\npoints = 1\n", "")
    tiny.edit(sources, HIDDEN, '"tiny-scaler"', '"tiny-skaler"')
    text = refusal(sources)
    assert "tiny-why has no points" in text
    assert "tiny-skaler" in text


@pytest.mark.parametrize("name", ["notebook.py", "test_public.py", "test_hidden.py", "rubric.md", "problem.toml"])
def test_a_missing_file_is_named(sources, name):
    (sources / "scaling" / name).unlink()
    assert name in refusal(sources)


def test_two_problems_may_not_share_an_id(sources):
    second = sources / "scaling_again"
    second.mkdir()
    for name in ("notebook.py", "problem.toml", "test_public.py", "test_hidden.py", "rubric.md"):
        (second / name).write_text((sources / "scaling" / name).read_text())
    tiny.edit(sources, "assignment.toml", "extra = []", 'extra = ["scaling_again"]')
    assert "id 'tiny-scale' is also used by scaling" in refusal(sources)


SOLUTION = """\
    ### BEGIN SOLUTION
    if factor < 0:
        raise ValueError(f"the factor should not be negative, but it is {factor}")
    scaled_by_the_reference = values * factor
    return scaled_by_the_reference
    ### END SOLUTION
"""


@pytest.mark.parametrize(
    ("replacement", "expected"),
    [
        (SOLUTION.replace("    ### END SOLUTION\n", ""), "never closed"),
        (SOLUTION.replace("    ### BEGIN SOLUTION\n", ""), "a region ends that never began"),
        ("    ### BEGIN SOLUTION\n" + SOLUTION, "a region begins inside another"),
        ("    return values * factor\n", "exercise tiny-scale has no solution region"),
        (SOLUTION + "    return values\n", "cannot be reached"),
    ],
)
def test_a_crooked_solution_region_is_refused(sources, replacement, expected):
    text = refusal_after(sources, NOTEBOOK, SOLUTION, replacement)
    assert expected in text
    assert "notebook.py:" in text


def test_a_solution_region_in_a_given_cell_is_refused(sources):
    text = refusal_after(sources, NOTEBOOK, "import torch\n", "### BEGIN SOLUTION\nimport torch\n### END SOLUTION\n")
    assert "notebook.py:7: a solution region in a given cell" in text


REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize("name", [path.parent.name for path in REPOSITORY.glob("assignments/*/assignment.toml")])
def test_tests_counted_without_running_are_those_that_pytest_collects(name, monkeypatch):
    assignment = load_assignment(name, REPOSITORY)
    monkeypatch.syspath_prepend(assignment.folder)
    files = [file for problem in assignment.problems for file in plan.test_files(problem)]
    collected = Counter((info.mark.exercise, plan.visibility(info.id)) for info in CollectedTests(files).infos)
    counted = {(item.id, "public"): item.public_tests for item in assignment.manifest.exercises}
    counted |= {(item.id, "hidden"): item.hidden_tests for item in assignment.manifest.exercises}
    assert counted == collected


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('packages = ["scikit-learn"]', "'scikit-learn' should be the name by which code imports it"),
        ("packages = 3", "should be a list of strings"),
        ('python = "4.0"', "python = '4.0' should be"),
        ('torch = "newest"', "torch = 'newest' should be"),
    ],
)
def test_what_the_grader_has_is_stated_in_a_form_that_can_be_compared(sources, line, said):
    path = sources / "assignment.toml"
    path.write_text(f"{line}\n{path.read_text()}")
    assert said in refusal(sources)


def test_a_course_that_states_nothing_has_the_oldest_python_and_no_further_packages(sources):
    manifest = load_assignment(tiny.NAME, sources.parent.parent).manifest
    assert (manifest.python, manifest.torch, manifest.packages) == ("3.11", "", ())
