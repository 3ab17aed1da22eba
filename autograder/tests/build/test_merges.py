"""Two people change a set on branches of their own: what git makes of it, with git itself, and what a build does."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.build import as_built, build
from autograder.errors import CourseError, EditedByHand, Stale
from autograder.tests import tiny
from kit.manifest import Manifest

REPOSITORY = Path(__file__).parents[3]
OTHER = "turning"
UNION = ".gitattributes"
HANDOUT = Path("release", tiny.NAME, "handout.md")
MANIFEST = Path("release", tiny.NAME, as_built.MANIFEST)
PRODUCTS = (
    "source/tinyset.build.json", f"source/tinyset/{tiny.NOTEBOOK}", f"release/tinyset/{tiny.NOTEBOOK}",
    "release/tinyset/requirements.txt", str(HANDOUT), str(MANIFEST),
)  # fmt: skip


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a set of two problems, built and committed, as this one keeps ps3."""
    root = tmp_path_factory.mktemp("template")
    folder = tiny.write(root)
    tiny.add_problem(folder, OTHER, "turn-")
    tiny.edit(folder, "assignment.toml", f'core = ["{tiny.PROBLEM}"]', f'core = ["{tiny.PROBLEM}", "{OTHER}"]')
    for file in (UNION, ".gitignore"):
        shutil.copy(REPOSITORY / file, root)
    build.build(tiny.NAME, root)
    git(root, "init", "--quiet", "--initial-branch=main")
    commit(root, "a set of two problems")
    return root


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path / "course")
    return tmp_path / "course"


def git(root: Path, *words: str, fails: bool = False) -> str:
    person = ("-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *person, *words], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout


def commit(root: Path, subject: str) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", subject)


def change(root: Path, branch: str, file: str, old: str, new: str) -> None:
    """On a branch that leaves main: a change of a source, built and committed."""
    git(root, "checkout", "--quiet", "-b", branch, "main")
    tiny.edit(root / "assignments" / tiny.NAME, file, old, new)
    build.build(tiny.NAME, root)
    commit(root, f"change {file}")


def change_two_problems(root: Path) -> None:
    change(root, "text", f"{OTHER}/notebook.py", "Two exercises", "A pair of exercises")
    change(root, "points", f"{tiny.PROBLEM}/problem.toml", "points = 3", "points = 30")


def without_union(root: Path) -> None:
    """As in a course whose .gitattributes do not say how products are merged."""
    git(root, "rm", "--quiet", UNION)
    commit(root, "no attributes")


def assert_merged(root: Path) -> None:
    """Both changes are in the products; the total is that of the sources: 39 = 30 + 2 + 1 + 3 + 2 + 1."""
    build.check(tiny.NAME, root)
    assert "| all | 39 | |" in (root / HANDOUT).read_text() and (root / HANDOUT).read_text().count("| all |") == 1
    assert "A pair of exercises" in (root / "release" / tiny.NAME / f"2_{OTHER}.ipynb").read_text()
    assert as_built.load_built(tiny.NAME, root).manifest.exercise("tiny-scale").points == 30


@pytest.mark.parametrize("way", ["merge", "rebase", "cherry-pick", "merge --squash"])
def test_changes_of_different_problems_come_together_without_a_conflict(root: Path, way: str) -> None:
    change_two_problems(root)
    git(root, *way.split(), "text")
    if "squash" in way:
        commit(root, "squashed")
    with pytest.raises(Stale, match="Run: autograder build tinyset"):
        as_built.load_built(tiny.NAME, root)
    with pytest.raises(Stale, match="Run: autograder build tinyset"):
        build.check(tiny.NAME, root)
    build.build(tiny.NAME, root)
    assert_merged(root)


def test_where_products_conflict_a_build_settles_all_of_it(root: Path) -> None:
    without_union(root)
    change_two_problems(root)
    git(root, "merge", "text", fails=True)
    told = f"release/tinyset/{tiny.NOTEBOOK} holds a merge conflict"
    with pytest.raises(Stale, match=rf"{told}. Run: autograder build tinyset, then git add"):
        build.check(tiny.NAME, root)
    with pytest.raises(Stale, match=rf"{told} \(line \d+\)(.*\n)+Run: autograder build tinyset"):
        as_built.load_built(tiny.NAME, root)
    build.build(tiny.NAME, root)
    assert_merged(root)
    git(root, "add", "source", "release")
    git(root, "commit", "--quiet", "--no-edit")
    assert git(root, "status", "--porcelain") == ""


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_conflict_in_any_product_is_named_and_built_over(root: Path, product: str) -> None:
    path = root / product
    before = path.read_text()
    path.write_text(f"{before}<<<<<<< HEAD\nmine\n=======\ntheirs\n>>>>>>> other\n")
    with pytest.raises(Stale, match=f"^{product} holds a merge conflict. Run: autograder build tinyset, then git add"):
        build.check(tiny.NAME, root)
    build.build(tiny.NAME, root)
    assert path.read_text() == before


def test_a_manifest_with_a_conflict_is_named_as_that_where_it_is_read(root: Path) -> None:
    path = root / MANIFEST
    path.write_text(f"<<<<<<< HEAD\n{path.read_text()}=======\n{{}}\n>>>>>>> other\n")
    with pytest.raises(Stale, match=r"manifest\.json: it holds a merge conflict \(line 1\)(.*\n)+Run: autograder"):
        as_built.load_built(tiny.NAME, root)
    with pytest.raises(ValueError, match=r"manifest\.json: it holds a merge conflict \(line 1\)"):
        Manifest.read(path)


@pytest.mark.parametrize("side", ["--ours", "--theirs"])
def test_taking_one_side_of_every_product_does_no_harm(root: Path, side: str) -> None:
    without_union(root)
    change_two_problems(root)
    git(root, "merge", "text", fails=True)
    conflicting = git(root, "diff", "--name-only", "--diff-filter=U").split()
    git(root, "checkout", side, "--", *conflicting)
    build.build(tiny.NAME, root)
    assert_merged(root)


def test_the_same_problem_changed_twice_conflicts_in_its_source_alone(root: Path) -> None:
    file = f"{tiny.PROBLEM}/problem.toml"
    change(root, "one", file, "points = 3", "points = 30")
    change(root, "two", file, "points = 3", "points = 4")
    git(root, "merge", "one", fails=True)
    assert git(root, "diff", "--name-only", "--diff-filter=U").split() == [f"assignments/{tiny.NAME}/{file}"]
    with pytest.raises(CourseError, match=rf"{file}:4: a merge conflict begins here: keep what is right .* git add"):
        build.build(tiny.NAME, root)
    git(root, "checkout", "--ours", "--", f"assignments/{tiny.NAME}/{file}")
    build.build(tiny.NAME, root)
    assert load_assignment(tiny.NAME, root).manifest.exercise("tiny-scale").points == 4
    build.check(tiny.NAME, root)


@pytest.mark.parametrize("moment", ["before the merge", "after the merge"])
def test_what_a_person_wrote_into_a_product_is_not_taken_for_a_merge(root: Path, moment: str) -> None:
    change_two_problems(root)
    if moment == "after the merge":
        git(root, "merge", "text")
    (root / HANDOUT).write_text((root / HANDOUT).read_text() + "By hand.\n")
    with pytest.raises(EditedByHand, match=r"handout\.md"):
        build.build(tiny.NAME, root)


@pytest.mark.parametrize(
    "file",
    [
        "assignment.toml", "handout.md", "requirements.txt", "data/SHA256SUMS", f"{tiny.LIBRARY}/shapes.py",
        f"{tiny.PROBLEM}/notebook.py", f"{tiny.PROBLEM}/test_public.py", f"{tiny.PROBLEM}/rubric.md",
        f"{tiny.PROBLEM}/wrong/tiny-scale.toml", "releases/1.0.json",
    ],
)  # fmt: skip
@pytest.mark.parametrize("base", ["", "||||||| 1a2b3c\nwas\n"])
def test_a_conflict_in_any_source_is_named_with_its_line(sources: Path, file: str, base: str) -> None:
    path = sources / file
    path.parent.mkdir(exist_ok=True)
    before = path.read_text() if path.is_file() else "{}\n"
    path.write_text(f"{before}<<<<<<< HEAD\nmine\n{base}=======\ntheirs\n>>>>>>> other\n")
    with pytest.raises(CourseError) as refused:
        load_assignment(tiny.NAME, sources.parents[1])
    line = before.count("\n") + 1
    assert str(refused.value).startswith(f"assignments/{tiny.NAME}/{file}:{line}: a merge conflict begins here")
    assert str(refused.value).count("\n") == 0


def test_lines_that_only_look_like_one_are_no_conflict(sources: Path) -> None:
    path = sources / "handout.md"
    path.write_text(f"{path.read_text()}\nHeading\n=======\n\n>>>>>>> quoted\n\nin code: <<<<<<< HEAD\n")
    assert load_assignment(tiny.NAME, sources.parents[1]).title
