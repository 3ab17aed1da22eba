"""What the documents name exists: tests, modules, other documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

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
    for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", document.read_text()):
        assert (document.parent / target).exists(), target
