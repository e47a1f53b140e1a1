"""Tells compiled code of the same sources from that of others, for what Numba keeps on the disk.

Numba keeps a compiled function until the function's own file changes, although the functions of
other files that it calls, and the constants that it reads there, are compiled into it. So in the
rooms of the engine and its kernels

- a function that takes something from another file is not kept (no ``cache=True``), and
- the one function that the rest of the library calls is kept by a key that has the digest in it.

What is not kept is compiled once, into the one function. Each call from one compiled function to
another has all that is behind it optimised once more, so the calls with most behind them are
written into their caller (``inline="always"``).
"""

import zlib
from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable

ROOMS = ("freqpilot.features.engine", "freqpilot.features.kernels")
"""All that is compiled into a step lies in these packages."""


def digest_of(folders: Iterable[Traversable]) -> int:
    """Return a number that changes with each file of Python in ``folders``."""
    number = 0
    for folder in folders:
        for file in sorted(folder.iterdir(), key=lambda each: each.name):
            if file.name.endswith(".py"):
                number = zlib.crc32(file.name.encode() + file.read_bytes(), number)
    return number


def source_digest() -> int:
    """Return the digest of all files that steps are compiled from."""
    return digest_of(files(room) for room in ROOMS)
