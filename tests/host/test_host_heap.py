"""Handing freed memory back."""

import ctypes
from pathlib import Path

import numpy as np
import pytest

from freqpilot.host import heap


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) * 1024


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="no glibc")
def test_holes_go_back_to_the_system() -> None:
    blocks = [np.ones(10_000) for _ in range(1_000)]
    kept = blocks[::50]
    del blocks
    before = resident()
    assert heap.give_back()
    assert before - resident() > 40 * 2**20
    assert len(kept) == 20


def test_without_glibc_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    heap._trim.cache_clear()
    try:
        assert not heap.give_back()
    finally:
        heap._trim.cache_clear()
