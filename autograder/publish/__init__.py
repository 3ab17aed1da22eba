"""Releasing a version of an assignment: its zip file, what is kept of it, what students read about it."""
