"""Text from outside made plain, and copies of it recognised (pure). It is never more than text."""

import re
import unicodedata
from collections import defaultdict, deque
from hashlib import blake2b

import numpy as np

LONGEST = 2_000
"""Characters that are read; the rest of a text is not looked at."""
_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_HANDLE = re.compile(r"(?<![\w@])@\w{1,50}")
_REPEATED = re.compile(r"([!?.,…])\1{3,}")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_SPACE = re.compile(r"\s+")
SHINGLE = 3
BANDS, ROWS = 12, 3
_DRAW = np.random.default_rng(20_260_101)
_FACTOR = _DRAW.integers(0, 1 << 63, BANDS * ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_SHIFT = _DRAW.integers(0, 1 << 63, BANDS * ROWS, dtype=np.uint64)


def plain(text: str) -> str:
    """Return at most ``LONGEST`` characters of a text in NFKC, without control, bidi and other
    invisible characters; lines become spaces."""
    shown = unicodedata.normalize("NFKC", text[: 2 * LONGEST])
    kept = (
        " " if unicodedata.category(sign) in ("Cc", "Zl", "Zp") else sign
        for sign in shown
        if unicodedata.category(sign) not in ("Cf", "Cs", "Co") or sign == "\u200d"
    )
    # Once more: marks that an invisible character kept apart have an order now.
    bare = unicodedata.normalize("NFKC", "".join(kept))
    return _SPACE.sub(" ", bare).strip()[:LONGEST]


def clean(text: str) -> str:
    """Return what a scorer reads: :func:`plain` without addresses and handles; cashtags and emoji
    stay, repeated punctuation is cut to three."""
    bare = _HANDLE.sub(" ", _URL.sub(" ", plain(text)))
    return _SPACE.sub(" ", _REPEATED.sub(r"\1\1\1", bare)).strip()


def words(text: str) -> list[str]:
    """Return the words of a text in lower case."""
    return _WORD.findall(text.lower())


def shingles(text: str) -> frozenset[int]:
    """Return the 31-bit hashes of every three words in a row; of all words where there are fewer;
    empty without words."""
    found = words(clean(text))
    parts = [found[at : at + SHINGLE] for at in range(max(1, len(found) - SHINGLE + 1))]
    return frozenset(_hash(" ".join(part)) for part in parts if part)


def minhash(parts: frozenset[int]) -> tuple[int, ...]:
    """Return the MinHash signature of some hashes (Broder 1997): the share of equal places of two
    signatures estimates the Jaccard index of their sets."""
    values = np.fromiter(parts, np.uint64, len(parts))
    # Multiply-shift (Dietzfelbinger 1997): modulo 2⁶⁴, of which the high half is mixed well.
    mixed = (values[:, None] * _FACTOR + _SHIFT) >> np.uint64(32)
    return tuple(mixed.min(axis=0).tolist())


class Copies:
    """The texts of the last while, to tell which are near-duplicates of an earlier one: Jaccard
    index of their shingles of ``least`` or more.

    Candidates share a band of their signatures; at .7 and 12 bands of 3, one of 130 copies is
    missed, and what is found is compared exactly.
    """

    def __init__(self, least: float = 0.7, most: int = 20_000) -> None:
        self._least, self._most = least, most
        self._bands: dict[tuple[int, ...], list[tuple[int, frozenset[int]]]] = defaultdict(list)
        self._order: deque[tuple[int, list[tuple[int, ...]]]] = deque()

    def seen(self, text: str, time: int, since: int) -> bool:
        """Tell whether a text is a copy of one that was asked about before, and remember it.

        :param time: of the text, not falling.
        :param since: texts of before are forgotten.
        """
        while self._order and (self._order[0][0] < since or len(self._order) >= self._most):
            _, keys = self._order.popleft()
            for key in keys:
                self._bands[key].pop(0)
                if not self._bands[key]:
                    del self._bands[key]
        parts = shingles(text)
        if not parts:
            return False
        signature = minhash(parts)
        keys = [(at, *signature[at * ROWS : (at + 1) * ROWS]) for at in range(BANDS)]
        near = [other for key in keys for _, other in self._bands.get(key, ())]
        copy = any(len(parts & other) >= self._least * len(parts | other) for other in near)
        for key in keys:
            self._bands[key].append((time, parts))
        self._order.append((time, keys))
        return copy


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big") >> 1
