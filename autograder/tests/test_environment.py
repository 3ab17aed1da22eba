"""Versions stand in one place, and everything that mentions them agrees."""

import ast
import re
import subprocess
import sys
import tempfile
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PACKAGES = {"PIL": "pillow", "dateutil": "python-dateutil", "IPython": "ipython", "yaml": "pyyaml"}
OPTIONAL = {"google"}  # Colab's own


def requirements(path: Path) -> dict[str, Requirement]:
    lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
    parsed = [Requirement(line) for line in lines if line]
    return {canonicalize_name(item.name): item for item in parsed}


PINNED = requirements(ROOT / "requirements.txt")
STUDENT_FILES = sorted(ROOT.glob("assignments/*/requirements.txt"))


def settings() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def conda() -> list:
    return yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]


def test_every_requirement_is_pinned_exactly():
    assert {name for name, item in PINNED.items() if not re.fullmatch(r"==[^*]+", str(item.specifier))} == set()


@pytest.mark.parametrize("name", sorted(PINNED))
def test_the_installed_version_is_the_pinned_one(name):
    assert version(name).partition("+")[0] == str(PINNED[name].specifier).removeprefix("==")


def test_conda_installs_the_same_file_with_pip_and_nothing_else():
    [by_pip] = [item["pip"] for item in conda() if isinstance(item, dict)]
    assert by_pip == ["-r requirements.txt", "-e ."]
    assert "dependencies" not in settings()["project"]


def test_pip_takes_the_lines_that_conda_hands_to_it():
    """Conda writes them to a file beside environment.yml: what is an option of the command may be none there."""
    [by_pip] = [item["pip"] for item in conda() if isinstance(item, dict)]
    with tempfile.NamedTemporaryFile("w", dir=ROOT, suffix=".txt") as file:
        file.write("\n".join(by_pip))
        file.flush()
        offline = ["--dry-run", "--no-index", "--no-build-isolation", "--requirement", file.name]
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", *offline], cwd=ROOT, text=True, capture_output=True
        )
    assert done.returncode == 0, done.stderr
    assert {re.split("[=<>]", item)[0] for item in conda() if isinstance(item, str)} == {"python", "pip"}


def test_pyproject_names_no_second_set_of_versions():
    assert "dependencies" not in settings()["project"]


def test_conda_ruff_and_this_interpreter_meet_the_python_that_pyproject_asks_for():
    wanted = SpecifierSet(settings()["project"]["requires-python"])
    [python] = [item for item in conda() if str(item).startswith("python=")]
    assert python.removeprefix("python=") in wanted
    assert f"{sys.version_info.major}.{sys.version_info.minor}" in wanted
    assert settings()["tool"]["ruff"]["target-version"] == "py" + str(wanted).removeprefix(">=").replace(".", "")


@pytest.mark.parametrize("path", STUDENT_FILES, ids=lambda path: path.parent.name)
def test_students_are_asked_for_nothing_that_the_staff_does_not_test_with(path):
    for name, item in requirements(path).items():
        assert name in PINNED, f"{path}: {name} is not in requirements.txt"
        assert str(PINNED[name].specifier).removeprefix("==") in item.specifier


def third_party(folder: Path) -> set[str]:
    """Top-level packages that the Python files of a folder import, without the standard library and our own."""
    own = {path.stem for path in folder.rglob("*.py")} | {path.name for path in ROOT.glob("assignments/*/*")}
    own |= {path.parent.name for path in folder.rglob("__init__.py")} | {"autograder", "kit", "worker"}
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names.append(node.module or "")
            found |= {name.partition(".")[0] for name in names}
    return found - set(sys.stdlib_module_names) - own - OPTIONAL


@pytest.mark.parametrize("folder", ["autograder", "assignments", "data_scripts"])
def test_every_imported_package_is_required(folder):
    wanted = {canonicalize_name(PACKAGES.get(name, name)) for name in third_party(ROOT / folder)}
    assert wanted - set(PINNED) == set()


def test_a_library_that_students_get_imports_only_what_students_install():
    for path in STUDENT_FILES:
        have = set(requirements(path)) | {"ipython"}  # JupyterLab brings IPython
        data = tomllib.loads((path.parent / "assignment.toml").read_text())
        for folder in (path.parent / data["library"], *path.parent.glob("*/lesson"), ROOT / "kit"):
            wanted = {canonicalize_name(PACKAGES.get(name, name)) for name in third_party(folder)}
            assert wanted - have == set(), folder


def test_make_and_ci_call_what_the_readme_promises():
    makefile = (ROOT / "Makefile").read_text()
    assert {"demo", "test", "bench"} <= set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
    assert "make test" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("path", STUDENT_FILES, ids=lambda path: path.parent.name)
def test_what_students_are_told_of_the_grader_is_what_is_pinned(path):
    told = tomllib.loads((path.parent / "assignment.toml").read_text())
    assert {canonicalize_name(PACKAGES.get(name, name)) for name in told["packages"]} <= set(PINNED)
    assert str(PINNED["torch"].specifier).startswith(f"=={told['torch']}.")
    assert f"python={told['python']}" in conda()
