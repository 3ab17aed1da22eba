"""Zip files whose bytes depend on nothing but what is in them."""

import io
import zipfile
from collections.abc import Collection, Mapping

_OLDEST = (1980, 1, 1, 0, 0, 0)  # a zip file knows no earlier moment
_UNIX = 3


def archive(
    files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED, *, executable: Collection[str] = ()
) -> bytes:
    """The zip's bytes: path to content, in the order of paths, without dates and owners.

    compression: ZIP_STORED where not even the version of the compressor may matter. executable: paths of programs.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as zipped:
        for name, data in sorted(files.items()):
            info = zipfile.ZipInfo(name, date_time=_OLDEST)
            info.create_system, info.compress_type = _UNIX, compression
            info.external_attr = (0o755 if name in executable else 0o644) << 16
            zipped.writestr(info, data)
    return buffer.getvalue()
