"""What a reader of a course's tests would stumble over, in words: ruff finds it, this says what to do.

python -m autograder.verify.tidy_tests ps3
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from autograder.course_folders import CourseFolders

LINE_LENGTH = 120
# Rules of ruff that matter in a test; {0} is what ruff's own message names.
RULES = {
    "ARG001": "asks for {0} and does not use it: leave it out of the test's arguments",
    "B006": "shares one {0} between all calls: write None, and make it inside",
    "B007": "does not use {0}, which its loop counts: call it _{0}, or loop over what is used",
    "B011": "assert False says nothing: write what should hold, or raise AssertionError with a text",
    "B015": "compares and throws the outcome away: put assert before it, or use assert_same",
    "B017": "takes any exception, also a slip's: name the one that is meant, as in assert_raises(ValueError, …)",
    "B018": "computes a value and throws it away: compare it, or drop the line",
    "B023": "uses {0} of the loop after it has changed: bind it, as in lambda {0}={0}: …",
    "B905": "zip stops at the shorter one, which hides what is missing: write zip(…, strict=True)",
    "E501": f"is longer than {LINE_LENGTH} characters: wrap it (`ruff format` does)",
    "E711": "compares with None by ==, which a tensor answers entry by entry: write is None",
    "E722": "catches every exception, also those that end a test: name the one that is meant",
    "F401": "imports {0} and does not use it: drop the import",
    "F541": "has an f-string without a value in it: drop the f, or name the value",
    "F631": "asserts a tuple, which always holds: drop the brackets",
    "F632": "compares with a value by `is`, which depends on the memory: write ==",
    "F811": "defines {0} again: the first one never runs; rename one",
    "F821": "uses {0}, which is defined nowhere: import it, or mend its spelling",
    "F841": "gives {0} a value and does not use it: compare it, or drop the line",
}


def complaints(paths: Sequence[Path], root: Path) -> list[str]:
    """A line for each passage of these files that breaks one of RULES; none where ruff is not installed."""
    if not paths or importlib.util.find_spec("ruff") is None:
        return []
    options = ("--isolated", "--no-cache", "--line-length", str(LINE_LENGTH), "--select", ",".join(RULES))
    command = [sys.executable, "-m", "ruff", "check", *options, "--output-format", "json", "--exit-zero"]
    found = subprocess.run([*command, *map(str, paths)], capture_output=True, check=True, text=True).stdout
    return [_in_words(row, root) for row in json.loads(found)]


def of_assignment(name: str, root: Path) -> list[Path]:
    """Every test file of an assignment's problems, read from the folders alone."""
    return sorted((CourseFolders(root).assignments / name).glob("*/test_*.py"))


def _in_words(row: dict[str, object], root: Path) -> str:
    path, place, code = Path(str(row["filename"])), row["location"], str(row["code"])
    assert isinstance(place, dict)
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    named = re.findall(r"`([^`]+)`", str(row["message"]))
    if code not in RULES:  # no Python at all
        return f"{shown}:{place['row']}: {row['message']}"
    return f"{shown}:{place['row']}: {RULES[code].format(*named or ['it'])} ({code})"


if __name__ == "__main__":
    here = Path.cwd()
    lines = complaints([p for p in of_assignment(sys.argv[1], here) if p.parent.name != "library_tests"], here)
    sys.exit("\n".join(lines) or None)
