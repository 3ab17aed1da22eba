"""Puts the library on the path and loads the pack once."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

torch.set_num_threads(1)  # these tensors are tiny: more threads only wait for each other


@pytest.fixture(scope="session")
def pack():
    """The small pack, loaded."""
    from ps3 import data

    return data.load()
