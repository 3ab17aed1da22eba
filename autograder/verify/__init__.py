"""Proves an assignment: its tests on right and wrong answers, its notebooks, the whole on a made class."""
