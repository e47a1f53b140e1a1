"""Handing freed memory back."""

import ctypes
import gc
import weakref
from pathlib import Path

import numpy as np
import pyarrow
import pytest

from freqpilot.host.boot import setup
from freqpilot.host.freqai import memory
from freqpilot.host.seams import activation


class Frame:
    """Something that holds itself."""

    itself: object


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
    assert memory.give_back()
    assert before - resident() > 40 * 2**20
    assert len(kept) == 20


def test_without_glibc_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    memory._trim.cache_clear()
    try:
        assert not memory.give_back()
    finally:
        memory._trim.cache_clear()


def test_candles_are_read_with_memory_that_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = pyarrow.default_memory_pool()
    threads = pyarrow.cpu_count(), pyarrow.io_thread_count()
    try:
        for there in (["jemalloc", "mimalloc", "system"], ["mimalloc", "system"]):
            backends = pyarrow.supported_memory_backends()
            monkeypatch.setattr(pyarrow, "supported_memory_backends", lambda there=there: there)
            if not {*there} <= {*backends}:
                there.remove("jemalloc")
            assert memory.lean_candles() == there[0 if "jemalloc" in there else -1]
            assert pyarrow.default_memory_pool().backend_name == memory.lean_candles()
            monkeypatch.undo()
        assert (pyarrow.cpu_count(), pyarrow.io_thread_count()) == (1, 1)
    finally:
        pyarrow.set_memory_pool(before)
        pyarrow.set_cpu_count(threads[0])
        pyarrow.set_io_thread_count(threads[1])


def test_what_was_imported_is_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(1))
    monkeypatch.setattr(gc, "get_freeze_count", lambda: len(frozen))
    memory.tidy()
    frame = Frame()
    frame.itself, gone = frame, weakref.ref(frame)
    gc.disable()
    try:
        del frame
        assert gone() is not None
        memory.tidy()
        assert gone() is None, "what only a cycle holds stays"
    finally:
        gc.enable()
    assert frozen == [1]


def test_it_is_done_before_a_candle_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    class Done(Exception):
        pass

    def done() -> None:
        raise Done

    monkeypatch.setattr(memory, "lean_candles", done)
    monkeypatch.setattr(activation, "refusal", lambda: None)
    config = {"freqpilot": {}, "exchange": {"name": "binance"}, "stake_currency": "USDT"}
    with pytest.raises(Done):
        setup.prepare(config)
    assert "digest" not in config["freqpilot"]
