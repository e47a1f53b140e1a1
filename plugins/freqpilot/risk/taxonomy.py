"""Class and sector of coins: a judgement, written by hand and checked against no ranking.

``top20`` are the large coins beside BTC and ETH; a large memecoin is a memecoin. BTC and coins made
to pay with are in no sector that has a cap. A coin that is not here is a small cap of sector
``other``; the setting ``freqpilot.risk.taxonomy`` adds coins and moves them.
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from freqpilot.settings import Asset, AssetClass, RiskSettings, Sector

GROUPS: tuple[tuple[AssetClass, Sector, str], ...] = (
    ("btc", "other", "BTC WBTC BTCB CBBTC"),
    ("eth", "l1", "ETH WETH STETH WSTETH WBETH"),
    ("top20", "l1", "BNB SOL ADA TRX AVAX SUI TON DOT HBAR"),
    ("top20", "defi", "LINK HYPE UNI"),
    ("top20", "other", "XRP XLM LTC BCH XMR"),
    ("small", "l1", "ALGO APT ATOM BERA EGLD EOS ETC FLOW FTM S ICP INJ KAS NEAR QTUM SEI TIA VET"),
    ("small", "l1", "XTZ IOTA NEO ZIL ONE KAVA CFX MINA ROSE CELO GLMR"),
    ("small", "l2", "ARB OP POL MATIC STRK ZK MNT IMX METIS MANTA SCROLL LRC STX BLAST TAIKO ZRO"),
    ("small", "defi", "AAVE MKR SKY CRV COMP SNX LDO DYDX GMX PENDLE SUSHI 1INCH CAKE YFI BAL JUP"),
    ("small", "defi", "RAY RUNE ENA ETHFI EIGEN ONDO UMA BNT KNC CVX FXS JTO MORPHO"),
    ("small", "ai", "FET TAO RENDER RNDR GRT OCEAN AGIX AKT WLD ARKM FIL AR THETA IO VIRTUAL AIOZ"),
    ("meme", "meme", "DOGE SHIB PEPE WIF BONK FLOKI MEME BOME TURBO BRETT POPCAT MOG MEW NEIRO"),
    ("meme", "meme", "PNUT TRUMP FARTCOIN PENGU DOGS BABYDOGE PEOPLE CAT ACT GOAT SPX PUMP"),
)

COINS: dict[str, Asset] = {
    coin: Asset(kind=kind, sector=sector)
    for kind, sector, coins in GROUPS
    for coin in coins.split()
}
UNKNOWN = Asset(kind="small", sector="other")

_MULTIPLE = re.compile(r"^(?:10{3,}|1M)(?=[A-Z])")


@lru_cache(maxsize=4096)
def base_of(pair: str) -> str:
    """Return the coin that a pair trades: ``PEPE`` for ``1000PEPE/USDT:USDT``."""
    return _MULTIPLE.sub("", pair.partition("/")[0].upper())


def asset_of(pair: str, settings: RiskSettings) -> Asset:
    """Return class and sector of a pair's coin; the settings come before the table."""
    base = base_of(pair)
    return settings.taxonomy.get(base) or COINS.get(base, UNKNOWN)


def capped(
    pairs: Sequence[str], per_sector: int | None, per_class: int | None, settings: RiskSettings
) -> tuple[list[str], dict[str, str]]:
    """Return the pairs that are kept, in their order, and why each of the others is not.

    A pair goes when ``per_sector`` pairs of its sector, or ``per_class`` of its class, that were
    kept stand before it; ``other`` is no sector. None is no limit.
    """
    kept: list[str] = []
    dropped: dict[str, str] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for pair in pairs:
        asset = asset_of(pair, settings)
        groups: list[tuple[str, str, int | None]] = [("class", asset.kind, per_class)]
        if asset.sector != "other":
            groups.append(("sector", asset.sector, per_sector))
        full = [g for g in groups if g[2] is not None and counts[g[:2]] >= g[2]]
        if full:
            name, group, most = full[0]
            dropped[pair] = f"{most} pairs of {name} {group} stand before it"
            continue
        kept.append(pair)
        counts.update(group[:2] for group in groups)
    return kept, dropped
