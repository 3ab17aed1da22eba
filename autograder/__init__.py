"""The engine of the course kit: builds assignments, proves their tests, grades submissions."""

import sys

__version__ = "1.0.0"

# jsonschema (imported by nbformat) would otherwise spend a second on a grammar for a format that notebooks never use.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
