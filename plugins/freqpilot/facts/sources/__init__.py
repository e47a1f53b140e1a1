"""Sources of facts, by name: one file each."""

import difflib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from freqpilot.errors import RefuseToStart
from freqpilot.facts.sources.alternative_me import AlternativeMe
from freqpilot.facts.sources.base import Source
from freqpilot.facts.sources.blockchain import Blockchain
from freqpilot.facts.sources.coingecko import CoinGecko
from freqpilot.facts.sources.coinmetrics import CoinMetrics
from freqpilot.facts.sources.cryptopanic import CryptoPanic
from freqpilot.facts.sources.defillama import DefiLlama
from freqpilot.facts.sources.derivatives import Derivatives
from freqpilot.facts.sources.etherscan import Etherscan
from freqpilot.facts.sources.exports import Exports
from freqpilot.facts.sources.glassnode import Glassnode
from freqpilot.facts.sources.liquidations import Liquidations
from freqpilot.facts.sources.lunarcrush import LunarCrush
from freqpilot.facts.sources.mempool import Mempool
from freqpilot.facts.sources.newsapi import NewsApi
from freqpilot.facts.sources.premium import Premium
from freqpilot.facts.sources.reddit import Reddit
from freqpilot.facts.sources.rss import Rss
from freqpilot.facts.sources.santiment import Santiment
from freqpilot.facts.sources.x import X

CLASSES: tuple[type[Source], ...] = (
    AlternativeMe,
    Blockchain,
    CoinGecko,
    CoinMetrics,
    CryptoPanic,
    DefiLlama,
    Derivatives,
    Etherscan,
    Exports,
    Glassnode,
    Liquidations,
    LunarCrush,
    Mempool,
    NewsApi,
    Premium,
    Reddit,
    Rss,
    Santiment,
    X,
)
SOURCES: dict[str, type[Source]] = {each.spec.name: each for each in CLASSES}


def make(name: str, options: Mapping[str, Any] | None = None) -> Source:
    """Return a source with its options.

    :raises RefuseToStart: for an unknown source or option, with the nearest known one.
    """
    where = f"freqpilot.facts.sources.{name}"
    if name not in SOURCES:
        raise RefuseToStart(f"config: {where} is no source; {_near(name, SOURCES)}")
    kind: Any = SOURCES[name]
    known = [each.name for each in fields(kind)]
    for option in options or {}:
        if option not in known:
            raise RefuseToStart(
                f"config: {where}.options.{option} is not known; {_near(option, known)}"
            )
    try:
        source: Source = TypeAdapter(kind).validate_python(dict(options or {}))
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise RefuseToStart(f"config: {where}.options.{place}: {fault['msg']}") from None
    return source


def _near(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, [*known], n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"
