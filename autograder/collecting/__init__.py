"""Bulk downloads of course systems, and folders as people make them, into submitted/."""
