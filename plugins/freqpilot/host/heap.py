"""Memory that the C library keeps for itself after it was freed."""

import ctypes
import gc
from collections.abc import Callable
from functools import cache


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


def tidy() -> None:
    """Free what only cycles hold, then :func:`give_back`: frames of all features are in some, and
    the collector counts objects, not their size. It takes some 0.2 s."""
    gc.collect()
    give_back()
