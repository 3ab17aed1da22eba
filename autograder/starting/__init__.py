"""Starts a problem set: a skeleton, or what a notebook made for nbgrader holds."""
