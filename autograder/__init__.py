"""The engine of the course kit: builds assignments, proves their tests, grades submissions."""

import sys

__version__ = "1.0.0"

# jsonschema (imported by nbformat) would otherwise spend a second on grammars for formats that notebooks never use.
for _grammar in ("rfc3987_syntax", "rfc3986_validator"):
    sys.modules.setdefault(_grammar, None)  # type: ignore[arg-type]
