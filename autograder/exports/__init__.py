"""Grades and graders for other systems."""
