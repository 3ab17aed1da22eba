"""What the documents name exists: tests, modules, other documents."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.cli.main import commands

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
CODE = [*ROOT.glob("autograder/**/*.py"), *ROOT.glob("kit/**/*.py")]
PACKAGES = "kit|cli|verify|marks|grading|build|submission|assignment|sandbox"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_test_that_a_document_names_exists(document: Path) -> None:
    tests = set(re.findall(r"def (test_\w+)", "".join(path.read_text() for path in CODE)))
    tests |= set(re.findall(r"def (test_\w+)", "".join(p.read_text() for p in ROOT.glob("assignments/*/*/test_*.py"))))
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.S)
    named = set(re.findall(r"`(test_\w+)`", text))
    assert named <= tests | {"test_helpers"}, named - tests


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_module_and_function_that_a_document_names_exists(document: Path) -> None:
    for name in re.findall(rf"`((?:{PACKAGES})/[\w/]+(?:\.\w+)*)`", document.read_text()):
        path, _, member = name.removesuffix(".py").partition(".")
        places = [place for place in (ROOT / path, ROOT / "autograder" / path, ROOT / "autograder/tests" / path)]
        modules = [place.with_suffix(".py") for place in places if place.with_suffix(".py").is_file()]
        assert modules or any(place.is_dir() for place in places), name
        last = member.rpartition(".")[2]
        assert not last or any(re.search(rf"(def|class) {last}\b", module.read_text()) for module in modules), name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    text = re.sub(r"```.*?```", "", document.read_text(), flags=re.S)
    for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", text):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_heading_that_a_document_quotes_from_a_lesson_stands_there(document: Path) -> None:
    text = " ".join(document.read_text().split())
    for lesson, quoted in re.findall(r"\]\(([^)]+/notebook\.py)\),((?: \"[^\"]+\",?)+)", text):
        lines = re.findall(r"^# ##? (.+)", (document.parent / lesson).read_text(), re.M)
        headings = {re.sub(r" \(about .*| \{.*", "", line) for line in lines}
        for heading in re.findall(r'"([^"]+?),?"', quoted):
            assert heading in headings, f"{lesson} has no heading {heading!r}; it has {sorted(headings)}"


def test_a_companion_of_the_lecture_leads_to_every_problem() -> None:
    text = (ROOT / "docs" / "lecture.md").read_text()
    led_to = set(re.findall(r"\(\.\./assignments/ps3/(\w+)/notebook\.py\), \"", text))
    assert led_to == {path.parent.name for path in ROOT.glob("assignments/ps3/*/notebook.py")}


def examples() -> Iterator[tuple[str, str]]:
    """Every command line that --help or a document shows: where, and the line."""
    for name, command in commands.commands.items():
        for line in re.findall(r"^ *(autograder .+?)(?: {2,}\(.*\)| > \S+)?$", command.help or "", re.M):
            yield f"autograder {name} --help", line
    for document in DOCUMENTS:
        for block in re.findall(r"```(?:console)?\n(.*?)```", document.read_text(), re.S):
            for line in re.findall(r"^ *\$ (?:\S*bin/)?(autograder .+?)(?: {2,}#.*)?$", block, re.M):
                yield document.name, line


@pytest.mark.parametrize(("where", "line"), [*examples()])
def test_every_example_of_a_command_has_arguments_that_the_command_takes(where: str, line: str) -> None:
    name, *arguments = shlex.split(line, comments=True)[1:]
    commands.commands[name].make_context(name, [argument for argument in arguments if argument not in ("&&", "...")])


def test_every_test_that_an_example_names_exists() -> None:
    known = {
        f"{problem.name}/test_{kind}.py::{case.name}"
        for problem in load_assignment("ps3", ROOT).problems
        for kind, cases in (("public", problem.public_cases), ("hidden", problem.hidden_cases))
        for case in cases
    }
    named = {word for _, line in examples() for word in shlex.split(line, comments=True) if "::" in word}
    assert named and named <= known
