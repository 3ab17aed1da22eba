"""Imports the library with the lessons of all problems, released or not, and loads the pack once."""

from pathlib import Path

import pytest
import torch

from autograder.assignment.library import import_library
from autograder.build import copies
from autograder.build.every_problem import with_every_problem

ASSIGNMENT = with_every_problem("ps3", Path(__file__).resolve().parents[3])
copies.refresh(ASSIGNMENT)
import_library(ASSIGNMENT.release, ASSIGNMENT.library)

torch.set_num_threads(1)  # these tensors are tiny: more threads only wait for each other


@pytest.fixture(scope="session")
def pack():
    """The small pack, loaded."""
    from ps3 import data

    return data.load()
