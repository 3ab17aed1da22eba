"""Builds source and release from an assignment."""
