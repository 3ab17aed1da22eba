"""Figures of the lesson on language supervision."""
