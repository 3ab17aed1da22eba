"""Binds the tests to the saved notebooks, read as they are at grading."""

from kit.pytest_plugin import pytest_configure

__all__ = ["pytest_configure"]
