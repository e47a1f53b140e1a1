"""Memory that the C library keeps for itself after it was freed."""

import ctypes
import gc
from collections.abc import Callable
from functools import cache

POOLS = ("jemalloc", "system")
"""Arrow's sources of memory, the leanest first; jemalloc is not built for every system."""


@cache
def _trim() -> Callable[[int], int] | None:
    """Return glibc's ``malloc_trim``, None where the C library has none (musl, macOS, Windows)."""
    try:
        found = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    found.argtypes, found.restype = (ctypes.c_size_t,), ctypes.c_int
    return lambda pad: int(found(pad))


def give_back() -> bool:
    """Hand freed memory back to the system before something large is taken, and tell whether there
    was any: after large arrays glibc keeps tens of megabytes in holes that the next do not fit."""
    trim = _trim()
    return trim is not None and trim(0) == 1


def lean_candles() -> str:
    """Have Arrow, which reads candle files, take memory from the first of :data:`POOLS` that it was
    built with, by one thread, and return its name.

    Its usual one, mimalloc, keeps what each file was read into: 50 MiB behind eight pairs; and
    every thread has memory of its own.
    """
    import pyarrow

    name: str = next(
        (pool for pool in POOLS if pool in pyarrow.supported_memory_backends()), "system"
    )
    pyarrow.set_cpu_count(1)
    pyarrow.set_io_thread_count(1)
    pyarrow.set_memory_pool(getattr(pyarrow, f"{name}_memory_pool")())
    return name


def tidy() -> None:
    """Free what only cycles hold, then :func:`give_back`: frames of all features are in some, and
    the collector counts objects, not their size.

    Looking through all that was imported takes some 0.2 s, so what the first call leaves is not
    looked at again: for backtests, which come to an end.
    """
    gc.collect()
    if not gc.get_freeze_count():
        gc.freeze()
    give_back()
