"""Reads what the staff wrote: an assignment with its problems, notebooks, tests and answers."""
