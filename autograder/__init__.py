"""The engine of the course kit: builds assignments, proves their tests, grades submissions."""

__version__ = "1.0.0"
