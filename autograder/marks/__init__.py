"""Gradebook, class table, feedback: everything after grading."""
