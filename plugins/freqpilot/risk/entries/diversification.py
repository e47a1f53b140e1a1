"""How much of the equity may be in one class of assets, one sector, one memecoin."""

from collections.abc import Callable
from typing import NamedTuple

from freqpilot.risk.soundness import reached
from freqpilot.risk.taxonomy import asset_of, base_of
from freqpilot.settings import Asset, RiskSettings, Tier
from freqpilot.shapes import Book


class Share(NamedTuple):
    """A cap: its rule, what it holds together, its limit as a share of equity, and what is in there
    already in stake currency."""

    rule: str
    what: str
    limit: float
    held: float


def shares(pair: str, book: Book, tier: Tier, settings: RiskSettings) -> list[Share]:
    """Return the caps that an order in ``pair`` has to keep. Own money counts, longs and shorts
    together. From the drawdown that halves sizes on there are no memecoins."""
    asset, base = asset_of(pair, settings), base_of(pair)

    def held(belongs: Callable[[str, Asset], bool]) -> float:
        return sum(
            position.stake
            for position in (*book.positions, *book.others)
            if belongs(position.pair, asset_of(position.pair, settings))
        )

    limit = float(getattr(settings.class_caps, asset.kind))
    found: list[Share] = []
    if asset.kind == "eth":
        limit = _eth_cap(held(lambda _, it: it.kind == "btc") / book.equity, settings)
    if asset.kind == "meme":
        limit = min(limit, tier.meme_cap)
        if reached(book.drawdown, settings.drawdown_half):
            limit = 0.0
        own = held(lambda other, _: base_of(other) == base)
        found.append(
            Share("max_meme_position", f"the memecoin {base}", settings.meme_position, own)
        )
    found.append(
        Share("max_class", f"class {asset.kind}", limit, held(lambda _, it: it.kind == asset.kind))
    )
    sector = asset.sector
    most = float(getattr(settings.sector_caps, sector))
    found.append(
        Share("max_sector", f"sector {sector}", most, held(lambda _, it: it.sector == sector))
    )
    return found


def _eth_cap(btc: float, settings: RiskSettings) -> float:
    """Return the cap of ETH where so much of the equity is in BTC, both as fractions: each point
    above ``btc_free`` takes one, down to ``eth_least``."""
    caps = settings.class_caps
    return max(min(caps.eth, caps.eth_least), caps.eth - max(0.0, btc - caps.btc_free))
