"""What the course gives: notebooks import from here."""
