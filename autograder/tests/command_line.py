"""Commands as a person types them."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from autograder.cli.main import commands, main


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands, arguments)


def exit_code(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """The exit code of the program, as the shell sees it."""
    monkeypatch.setattr("sys.argv", ["autograder", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code
