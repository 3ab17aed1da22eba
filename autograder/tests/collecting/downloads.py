"""Bulk downloads as course systems make them, and what collecting makes of them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from autograder.collecting.collect import Collected, collect
from autograder.course_folders import CourseFolders
from autograder.roster.term import course_term
from autograder.tests.roster.terms import add_assignment

ROSTER = """\
Student,ID,SIS User ID,SIS Login ID,Section
"Lovelace, Ada",4411,0012345,ada@uni.example,A
"O'Neil, Zoë Anne",4412,0012346,zoe@uni.example,A
"Smith, Pat",4413,0012347,pat1@uni.example,A
"Smith, Pat",4414,0012348,pat2@uni.example,A
"""
BOOK = '{"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}'


def course(root: Path, policy: str = "", roster: str = ROSTER) -> Path:
    add_assignment(root, "ps1", policy)
    (root / "roster.csv").write_text(roster)
    return root


def packed(root: Path, files: Mapping[str, str | bytes], name: str = "download.zip") -> Path:
    with zipfile.ZipFile(root / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return root / name


def laid_out(root: Path, files: Mapping[str, str | bytes], name: str = "download") -> Path:
    for path, content in files.items():
        place = root / name / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    return root / name


def collected(root: Path, *paths: Path, dry: bool = False) -> Collected:
    return collect(course_term(CourseFolders(root)), "ps1", paths, dry=dry)


def rows(made: Collected) -> set[tuple[str, str, str]]:
    """Status, student and how matched, of everything but those who handed in nothing."""
    kept = [row for row in made.rows if row.status not in ("nothing handed in", "counts now")]
    return {(row.status, row.person.id if row.person else row.called, row.by) for row in kept}


def tree(root: Path) -> dict[str, bytes]:
    """Everything below submitted/ and attempts/, the report left out."""
    places = [path for part in ("submitted", "attempts") for path in (root / part).rglob("*")]
    return {
        str(path.relative_to(root)): path.read_bytes() for path in places if path.is_file() and path.suffix != ".csv"
    }
