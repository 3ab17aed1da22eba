"""Grades submissions: one, or a class."""
