"""Large pages for the zygote's heap, so that a fork copies a few hundred page-table entries, not seventy thousand.

Measured (Linux 6.18, 270 MB of heap): fork and end of an idle worker 20 ms with small pages, 7 ms with large ones.
Where the kernel has none (before 6.1), or no room for one, small pages stay and everything works as before.
"""

import ctypes
import re
from collections.abc import Iterator
from pathlib import Path

# include/uapi/asm-generic/mman-common.h; what it does: madvise(2)
_MADV_COLLAPSE = 25
_LARGE = 2 << 20
_PRIVATE_AND_ANONYMOUS = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw.p \S+ 00:00 0 *(\[heap\])?$")

_libc = ctypes.CDLL(None, use_errno=True)


def use_large_pages() -> int:
    """Gather this process's heap into large pages; returns how many."""
    return sum(_collapse(address) for address in _aligned_blocks())


def _aligned_blocks() -> Iterator[int]:
    for line in Path("/proc/self/maps").read_text().splitlines():
        if found := _PRIVATE_AND_ANONYMOUS.match(line):
            start, end = int(found[1], 16), int(found[2], 16)
            yield from range(-(-start // _LARGE) * _LARGE, end // _LARGE * _LARGE, _LARGE)


def _collapse(address: int) -> bool:
    return bool(_libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(_LARGE), _MADV_COLLAPSE) == 0)
