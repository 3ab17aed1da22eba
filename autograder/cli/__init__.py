"""The command line, and nbgrader's commands on this engine."""
