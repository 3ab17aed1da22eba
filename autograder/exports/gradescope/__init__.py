"""Gradescope: the zip that its harness unpacks, and what runs there for each submission.

Its contract: https://gradescope-autograders.readthedocs.io/en/latest/specs/. How to use it: docs/gradescope.md.
"""
