"""Cells that had another id in an earlier release count for the exercise or answer that they are now."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any

import pytest

from autograder.tests import tiny
from autograder.tests.handing_in import with_source
from autograder.tests.released import SCALE
from kit.manifest import CellKind, Manifest, check_id
from kit.notebooks import which_notebook
from kit.reading import read_notebook

NAMES = {"tiny-scale": "tiny-factor", "tiny-why": "tiny-because"}


@pytest.fixture(scope="module")
def renamed(manifest: Manifest) -> Manifest:
    """The manifest of a later release, with new ids for an exercise and an answer."""
    was = NAMES | {check_id(old): check_id(new) for old, new in NAMES.items()}
    text = manifest.to_json()
    for old, new in was.items():
        text = text.replace(f'"{old}"', f'"{new}"')
    text = text.replace("tiny-scale: ", "tiny-factor: ")
    later = Manifest.from_json(text)
    old_ids = {new: old for old, new in was.items()}
    cells = tuple(
        dataclasses.replace(cell, was=("tiny-oldest", old_ids[cell.id])) if cell.id in old_ids else cell
        for cell in later.notebooks[0].cells
    )
    return dataclasses.replace(later, notebooks=(dataclasses.replace(later.notebooks[0], cells=cells),))


def test_the_manifest_carries_earlier_ids_and_says_nothing_of_cells_without(renamed: Manifest) -> None:
    assert Manifest.from_json(renamed.to_json()) == renamed
    cells = json.loads(renamed.to_json())["notebooks"][0]["cells"]
    assert {cell["id"] for cell in cells if "was" in cell} == {
        "tiny-factor", "tiny-factor-check", "tiny-because"
    }  # fmt: skip


def read(manifest: Manifest, notebook: dict[str, Any]) -> Any:
    assert which_notebook(manifest, notebook) is manifest.notebooks[0]
    return read_notebook(manifest.notebooks[0], notebook)


def test_an_old_submission_counts_for_the_new_ids(renamed: Manifest, released: dict[str, Any]) -> None:
    book = with_source(with_source(released, "tiny-scale", SCALE), "tiny-why", "Autograd.")
    reading = read(renamed, book)
    assert reading.solutions["tiny-factor"].source.strip() == SCALE.strip()
    assert reading.answers["tiny-because"].source == "Autograd."
    assert not reading.extraction.missing and "tiny-factor" not in reading.extraction.stubs


def test_an_old_stub_is_still_a_stub(renamed: Manifest, released: dict[str, Any]) -> None:
    reading = read(renamed, released)
    assert "tiny-factor" in reading.extraction.stubs
    assert reading.answers["tiny-because"].source == tiny.FILES["scaling/notebook.py"].strip().rsplit("# ", 1)[1]


def test_the_id_of_an_even_earlier_release_counts_too(renamed: Manifest, released: dict[str, Any]) -> None:
    book = json.loads(json.dumps(with_source(released, "tiny-why", "Oldest.")).replace('"tiny-why"', '"tiny-oldest"'))
    assert read(renamed, book).answers["tiny-because"].source == "Oldest."


def test_a_notebook_of_old_ids_alone_is_known(renamed: Manifest, released: dict[str, Any]) -> None:
    book = copy.deepcopy(released)
    book["cells"] = [cell for cell in book["cells"] if cell["id"] == "tiny-why"]
    assert which_notebook(renamed, book) is renamed.notebooks[0]


def test_today_s_id_is_preferred_to_nothing(renamed: Manifest) -> None:
    kinds = {name: cell.kind for name, cell in renamed.notebooks[0].by_id.items()}
    assert kinds["tiny-because"] is kinds["tiny-why"] is CellKind.ANSWER
    assert kinds["tiny-factor-check"] is kinds["tiny-scale-check"] is CellKind.CHECK
