"""Reads what cannot be trusted: a folder as it was handed in, into the notebooks that grading may use."""
