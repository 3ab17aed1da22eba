"""The course's secret key: made once, kept in the state folder, readable by its owner alone.

What a name is derived from says what for, so that nothing which is made of the key for one use serves another.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path

from autograder.errors import BadInput

KEY_BYTES = 32


def keyed_digest(state: Path, use: str, data: bytes) -> str:
    """HMAC-SHA256 (RFC 2104) of `data` for one use, in hexadecimal. Makes the key where there is none yet."""
    return hmac.new(course_key(state), use.encode() + b"\0" + data, hashlib.sha256).hexdigest()


def course_key(state: Path) -> bytes:
    """The key in this state folder; of several processes that make it at once, all get the same one."""
    path = state / "key"
    if not path.exists():
        _make(path)
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise BadInput(f"{path} is damaged: restore it, or delete it; every result is then graded again")
    return key


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".writing-", dir=path.parent)  # mode 600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(name, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(name)
