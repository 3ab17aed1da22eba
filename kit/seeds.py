"""Seeds drawn from a run's secret seed, each for one use, so that none of them tells another."""

from __future__ import annotations

import hashlib


def for_inputs(seed: int, test_id: str) -> int:
    """What a test draws its inputs from."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{test_id}".encode()).digest()[:7])


def for_worker(seed: int, use: str) -> int:
    """What random generators are seeded with where the student's code runs, which can read it there.

    use: a test's id, or the problem whose cells are loaded. 63 bits, which cross the wire as an integer.
    """
    return int.from_bytes(hashlib.sha256(f"worker:{seed}:{use}".encode()).digest()[:8]) >> 1
