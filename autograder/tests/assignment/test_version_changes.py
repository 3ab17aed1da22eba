"""What students are told of two versions: each kind of change, and nothing of a hidden test but that it changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autograder.assignment.version_changes import changes, other_changes
from autograder.tests import tiny, versions
from autograder.tests.kit.test_update import CHANGES
from kit.manifest import Manifest

TOLD = {
    "reworded": ["tiny-scale: text changed"],
    "renamed": ["tiny-stretch: renamed, was tiny-scale"],
    "moved": ["tiny-scaler: moved to 2_turning.ipynb"],
    "split": [
        "tiny-forward: split off tiny-scaler, which is now tiny-forward and tiny-back; text changed",
        "tiny-back: split off tiny-scaler, which is now tiny-forward and tiny-back; text changed",
    ],
    "removed": ["tiny-scale: removed", "tiny-why: removed"],
    "added": ["tiny-new: added"],
}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return versions.write_sources(tmp_path_factory.mktemp("first"), "1.0", second=True)


@pytest.mark.parametrize("kind", CHANGES)
def test_each_kind_of_change_is_told(tmp_path: Path, first: Manifest, kind: str) -> None:
    assert [str(change) for change in changes(first, CHANGES[kind](tmp_path), {}, {})] == TOLD[kind]


def test_points_and_checks_are_told_by_their_exercise(first: Manifest) -> None:
    data = json.loads(first.to_json())
    data["exercises"][0]["points"] = 4.5
    new = Manifest.from_json(json.dumps(data))
    before = {"tiny-scale": {"public": "a", "hidden": "b"}, "tiny-scaler": {"public": "a", "hidden": "b"}}
    after = before | {"tiny-scaler": {"public": "a", "hidden": "c"}}
    assert [str(change) for change in changes(first, new, before, after)] == [
        "tiny-scale: points 3 → 4.5",
        "tiny-scaler: hidden checks changed",
    ]


def test_cells_beside_the_exercises_are_counted_by_notebook(tmp_path: Path, first: Manifest) -> None:
    assert [str(change) for change in other_changes(first, CHANGES["reworded"](tmp_path))] == [
        f"{tiny.NOTEBOOK}: given code changed in 1 cell",
        f"{tiny.NOTEBOOK}: text changed in 1 cell",
    ]
    assert other_changes(first, first) == []


def test_notebooks_that_come_go_and_get_another_name_are_told(first: Manifest) -> None:
    text = first.to_json().replace("2_turning.ipynb", "3_turning.ipynb")
    data = json.loads(text)
    data["notebooks"] = data["notebooks"][1:]
    new = Manifest.from_json(json.dumps(data))
    assert [str(change) for change in other_changes(first, new)] == [
        "1_scaling.ipynb: no longer part of the set",
        "3_turning.ipynb: was 2_turning.ipynb",
    ]
    assert "1_scaling.ipynb: new notebook" in [str(change) for change in other_changes(new, first)]
