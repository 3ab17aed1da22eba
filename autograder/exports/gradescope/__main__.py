"""What Gradescope's harness starts: lets a process of its own grade, and ends it before the harness ends everything.

Imports nothing large: torch is loaded once, by the process that grades.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from autograder.errors import AutograderError
from autograder.exports.gradescope.layout import Harness

GRADER = "autograder.exports.gradescope.grade"


def main() -> None:
    harness = Harness(Path(sys.argv[1]).resolve())
    harness.write_results(_nothing("nothing has been graded yet: the grader did not come that far"))
    try:
        seconds = float(os.environ.get("AUTOGRADER_SECONDS") or harness.settings().seconds)
    except (AutograderError, ValueError) as error:
        harness.write_results(_nothing(str(error)))
        return
    supervise(harness, seconds, [sys.executable, "-s", "-m", GRADER, str(harness.base), str(os.getpid())])


def supervise(harness: Harness, seconds: float, command: Sequence[str]) -> None:
    """Let the grader run so long; results.json says what was reached where it was stopped or died."""
    grader = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        code = grader.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(grader.pid, signal.SIGKILL)
        grader.wait()
        _add(harness, f"The grader stopped itself after {seconds:g} seconds, before Gradescope's limit.")
    else:
        if code < 0:
            _add(harness, f"Something ended the grader (signal {-code}), perhaps for want of memory.")
        elif code == AutograderError.exit_code:
            _add(harness, "The grader itself failed; staff find the error in its output.")


def _nothing(why: str) -> dict[str, object]:
    return {"score": 0.0, "output": f"NOT GRADED, which is not a zero: {why}.", "tests": []}


def _add(harness: Harness, sentence: str) -> None:
    """Before what the last file of the run says. Not everything was reached, and it says so already."""
    data = json.loads(harness.results.read_text(encoding="utf-8"))
    harness.write_results({**data, "output": f"{sentence}\n{data['output']}"})


if __name__ == "__main__":
    main()
