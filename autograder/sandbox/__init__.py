"""Runs students' code in confined processes."""
