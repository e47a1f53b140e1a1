"""Which coins a text is about (pure). Better none than a wrong one: *near*, *link* and *sui* are
words first."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from freqpilot.facts.text.assets import BEHIND, COINS, CRYPTO, Coin
from freqpilot.facts.text.clean import plain

REACH = 8
"""Words around a proper name in which something of crypto has to stand."""
_TOKEN = re.compile(r"[$#]?[^\W_]+")
_EVM = re.compile(r"(?<![0-9A-Za-z])0x[0-9a-fA-F]{40}(?![0-9A-Za-z])")
_BASE58 = re.compile(r"(?<![0-9A-Za-z])[1-9A-HJ-NP-Za-km-z]{32,44}(?![0-9A-Za-z])")
_HANDLE = re.compile(r"(?<![\w@])@\w+|(?:https?://|www\.)\S+")
_ARTICLES = frozenset(
    ("a", "an", "the", "this", "that", "my", "your", "our", "his", "her", "their", "no", "any")
)


class Link(NamedTuple):
    """A coin in a text: where its name begins (of :func:`plain`), and by what it was known."""

    asset: str
    begin: int
    why: str


class Taxonomy:
    """The coins that are looked for.

    :param extra: more names or contract addresses of a coin, which count in any case.
    """

    def __init__(self, extra: Mapping[str, Sequence[str]] | None = None) -> None:
        self._names: dict[tuple[str, ...], str] = {}
        self._proper: dict[str, str] = {}
        self._addresses: dict[str, str] = {}
        self._coins: dict[str, Coin] = dict(COINS)
        for asset, coin in COINS.items():
            self._names |= {tuple(name.split()): asset for name in coin.names}
            self._proper |= dict.fromkeys(coin.proper, asset)
            self._addresses |= {_address(text): asset for text in coin.addresses}
        for asset, texts in (extra or {}).items():
            ticker = asset.upper()
            self._coins.setdefault(ticker, Coin())
            for text in texts:
                if _EVM.fullmatch(text) or _BASE58.fullmatch(text):
                    self._addresses[_address(text)] = ticker
                else:
                    found = tuple(token.lower() for token in _TOKEN.findall(plain(text)))
                    self._names |= {found: ticker} if found else {}
        self._longest = max(map(len, self._names))

    def link(self, text: str) -> tuple[Link, ...]:
        """Return the coins that a text names, each once, in their order."""
        shown = plain(text)
        links = [
            Link(asset, found.start(), "address")
            for pattern in (_EVM, _BASE58)
            for found in pattern.finditer(shown)
            if (asset := self._addresses.get(_address(found[0])))
        ]
        # Handles and addresses of sites name accounts, not coins; their places stay.
        bare = _HANDLE.sub(lambda found: " " * len(found[0]), shown)
        tokens = [(found[0], found.start()) for found in _TOKEN.finditer(bare)]
        tokens = [each for each in tokens if each[0] not in ("s", "S")]
        links += self._named(tokens)
        firsts: dict[str, Link] = {}
        for each in sorted(links, key=lambda link: link.begin):
            firsts.setdefault(each.asset, each)
        return tuple(firsts.values())

    def _named(self, tokens: list[tuple[str, int]]) -> list[Link]:
        lower = [token.lower().lstrip("$#") for token, _ in tokens]
        letters = [token for token, _ in tokens if len(token) > 1 and token.isalpha()]
        capitals = sum(token.isupper() for token in letters)
        shouts = len(letters) > 3 and capitals > 0.6 * len(letters)
        links, at = [], 0
        while at < len(tokens):
            token, begin = tokens[at]
            named = self._whole_name(lower, at)
            asset, size, why = (*named, "name") if named else (None, 1, "")
            if asset is None:
                asset, why = self._ticker(tokens, lower, at, shouts=shouts)
            if asset:
                links.append(Link(asset, begin, f"{why} {token}"))
            at += size
        return links

    def _whole_name(self, lower: list[str], at: int) -> tuple[str, int] | None:
        for size in range(min(self._longest, len(lower) - at), 0, -1):
            if asset := self._names.get(tuple(lower[at : at + size])):
                return asset, size
        return None

    def _ticker(
        self, tokens: list[tuple[str, int]], lower: list[str], at: int, *, shouts: bool
    ) -> tuple[str | None, str]:
        token, word = tokens[at][0], lower[at]
        before = lower[at - 1] if at else ""
        behind = lower[at + 1] if at + 1 < len(lower) else ""
        coin = self._coins.get(word.upper())
        if coin is not None:
            if token.startswith("$"):
                return word.upper(), "cashtag"
            if not coin.word and (len(word) > 3 or token.isupper() or word in LOWER):
                return word.upper(), "ticker"
            if behind in BEHIND and before not in ("one", "each"):
                return word.upper(), f"before {behind!r}:"
            loud = token.isupper() and coin.capitals and not shouts
            if loud and before not in _ARTICLES:
                return word.upper(), "capitals"
        asset = self._proper.get(word)
        if asset and token[:1].isupper() and behind not in ("effect", "effects"):
            near = lower[max(0, at - REACH) : at] + lower[at + 1 : at + 1 + REACH]
            if any(self._of_crypto(each) for each in near):
                return asset, "proper name"
        return None, ""

    def _of_crypto(self, word: str) -> bool:
        coin = self._coins.get(word.upper())
        return word in CRYPTO or (word,) in self._names or (coin is not None and not coin.word)


LOWER = frozenset(("btc", "eth", "xrp", "bnb", "ltc", "bch", "xlm", "xmr", "trx"))
"""Tickers of three letters that mean nothing else, also in small letters."""


@lru_cache(maxsize=1)
def default() -> Taxonomy:
    """Return the coins of the table alone."""
    return Taxonomy()


def _address(text: str) -> str:
    # Base58 tells capitals from small letters, hexadecimal digits do not.
    return text.lower() if text.startswith("0x") else text
