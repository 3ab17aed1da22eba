"""Public tests of Problem2."""
