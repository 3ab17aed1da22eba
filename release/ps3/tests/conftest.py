"""Binds the tests to the saved notebooks, read as they are at grading."""

from kit.saved import pytest_configure

__all__ = ["pytest_configure"]
