"""Print the tests of what changed, for `make check`.

The tests mirror the packages, so that the mapping needs no record of what imports what (pytest-testmon keeps one, which
code that runs in forked workers escapes): autograder/<package>/x.py is tested by autograder/tests/<package>/test_x.py,
or by that folder where there is no such file. Changed is what differs from origin/main, committed or not.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = Path("autograder/tests")


def tests_of(path: Path) -> list[Path]:
    """The tests of one file, given relative to the repository; none where it is not code."""
    parts = path.parts
    if path.suffix not in (".py", ".j2"):
        return []
    if path.name.startswith("test_") and ("tests" in parts or "library_tests" in parts):
        return [path]
    if parts[0] == "autograder" and parts[1] == "tests":
        return [path.parent] if len(parts) > 3 else []
    if parts[0] == "autograder":
        return _mirrored(TESTS.joinpath(*parts[1:-1][:1]), path.stem)
    if parts[0] == "kit":
        return _mirrored(TESTS / "kit", path.stem)
    if parts[0] == "data_scripts":
        return [Path("data_scripts/tests")]
    if parts[0] == "assignments" and ("lesson" in parts or len(parts) > 2 and parts[1] == parts[2]):
        return [Path(*parts[:2], "library_tests")]
    return []


def _mirrored(folder: Path, stem: str) -> list[Path]:
    file = folder / f"test_{stem}.py"
    if file.is_file() or folder == TESTS:
        return [file]
    return [folder]


def changed_files() -> list[Path]:
    """Files that differ from where this branch left origin/main, or from the last commit if there is no such branch."""
    base = _git("merge-base", "HEAD", "origin/main") or ["HEAD"]
    names = {*_git("diff", "--name-only", base[0]), *_git("ls-files", "--others", "--exclude-standard")}
    return [Path(name) for name in sorted(names)]


def _git(*arguments: str) -> list[str]:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False).stdout.splitlines()


def main() -> None:
    """Print the existing tests of all changed files; what only `verify` can prove goes to the error stream."""
    changed = changed_files()
    tests = {test for path in changed for test in tests_of(path) if test.exists()}
    print(*sorted(test for test in tests if not any(parent in tests for parent in test.parents)))
    problems = {path.parts[1:3] for path in changed if path.parts[0] == "assignments" and len(path.parts) > 3}
    for name, problem in sorted(problems):
        if Path("assignments", name, problem, "problem.toml").is_file():
            print(f"To prove what changed: .venv/bin/autograder verify {name} --problem {problem}", file=sys.stderr)


if __name__ == "__main__":
    main()
