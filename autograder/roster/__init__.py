"""Who is in the course, and when their work counts: roster, groups, extensions, lateness, attempts."""
