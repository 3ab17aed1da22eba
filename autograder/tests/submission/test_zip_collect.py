"""What nbgrader's own zip_collect makes of packs, and what of that counts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.submission.read import read_submission
from autograder.tests import tiny
from autograder.tests.handing_in import FILE, with_source
from kit.archive import archive

PACK = "tinyset-submission.zip"
SCALE = "def scale(values, factor):\n    return values * factor\n"
SCALER = "class Scaler:\n    pass\n"
LATEST = "# of the latest attempt\n" + SCALE
PATTERNS = {
    "the latest attempt alone": r".*/extracted/(?P<student_id>[a-z]+)_(?P<timestamp>[0-9-]+)_(?P<file_id>.+)",
    "every attempt": r".*/extracted/(?P<file_id>(?P<student_id>[a-z]+)_(?P<timestamp>[0-9-]+)_.+)",
}


def collected(root: Path, attempts: dict, pattern: str) -> Path:
    """The folder that zip_collect makes of one student's packs, given by the time of each attempt."""
    arrived = root / "downloaded" / tiny.NAME / "archive"
    arrived.mkdir(parents=True)
    for moment, notebook in attempts.items():
        files = {FILE: json.dumps(notebook).encode(), "submission.json": b"{}"}
        (arrived / f"ada_{moment}_{PACK}").write_bytes(archive(files))
    (root / "nbgrader_config.py").write_text(f"c.FileNameCollectorPlugin.named_regexp = r'{pattern}'\n")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [sys.executable, "-m", "nbgrader", "zip_collect", tiny.NAME]
    done = subprocess.run(command, cwd=root, env=os.environ | {"PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return root / "submitted" / "ada" / tiny.NAME


@pytest.mark.slow
@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_of_collected_packs_the_latest_counts(tmp_path, manifest, released, pattern):
    (tmp_path / "release" / tiny.NAME).mkdir(parents=True)
    (tmp_path / "release" / tiny.NAME / FILE).write_text(json.dumps(released))
    attempts = {
        "2026-11-27-10-00-00": with_source(with_source(released, "tiny-scale", SCALE), "tiny-scaler", SCALER),
        "2026-11-28-10-00-00": with_source(released, "tiny-scale", LATEST),
    }
    taken = read_submission(collected(tmp_path, attempts, pattern), manifest)
    assert taken.problems == {}
    assert LATEST in [cell.source for cell in taken.notebooks[FILE].reading.cells]
