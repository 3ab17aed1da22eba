"""Large pages for the zygote's heap: what is gathered, and that nothing in it changes."""

import subprocess
import sys

# In a process of its own: the heap of the tests' process is left as it is.
_GATHER = """
from autograder.sandbox.worker import pages
held = bytearray(b"kept") * (8 << 20)
pages.use_large_pages()
blocks = list(pages._aligned_blocks())
assert held == bytearray(b"kept") * (8 << 20), "the heap's content changed"
assert all(block % (2 << 20) == 0 for block in blocks), "a block that is not aligned"
import ctypes
start = ctypes.addressof(ctypes.c_char.from_buffer(held))
inside = [block for block in blocks if start <= block < start + len(held) - (2 << 20)]
assert len(inside) >= 14, f"{len(inside)} blocks found in 32 MiB of heap"
print("fine")
"""


def test_the_heap_is_found_in_aligned_blocks_and_keeps_its_content_when_it_is_gathered() -> None:
    done = subprocess.run([sys.executable, "-c", _GATHER], capture_output=True, text=True)
    assert done.stdout == "fine\n", done.stderr
