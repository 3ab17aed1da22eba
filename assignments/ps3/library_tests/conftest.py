"""Puts the library on the path and loads the pack once."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


@pytest.fixture(scope="session")
def pack():
    """The small pack, loaded."""
    from ps3 import data

    return data.load()
