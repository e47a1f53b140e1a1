"""Class and sector of a coin, from the table and from the settings."""

import pytest

from freqpilot.errors import RefuseToStart
from freqpilot.risk.taxonomy import COINS, GROUPS, asset_of, base_of
from freqpilot.settings import RiskSettings, Settings


@pytest.mark.parametrize(
    ("pair", "base", "kind", "sector"),
    [
        ("BTC/USDT:USDT", "BTC", "btc", "other"),
        ("1000PEPE/USDT:USDT", "PEPE", "meme", "meme"),
        ("1MBABYDOGE/USDT", "BABYDOGE", "meme", "meme"),
        ("1INCH/USDT", "1INCH", "small", "defi"),
        ("sol/usdt", "SOL", "top20", "l1"),
        ("NEWCOIN/USDT", "NEWCOIN", "small", "other"),
    ],
)
def test_a_pair_has_a_class_and_a_sector(pair: str, base: str, kind: str, sector: str) -> None:
    asset = asset_of(pair, RiskSettings())
    assert (base_of(pair), asset.kind, asset.sector) == (base, kind, sector)


def test_a_coin_is_in_one_group() -> None:
    assert sum(len(coins.split()) for _, _, coins in GROUPS) == len(COINS)


def test_the_settings_come_first() -> None:
    entry = {"XYZ": {"class": "meme", "sector": "meme"}}
    settings = Settings.from_config({"freqpilot": {"risk": {"taxonomy": entry}}}).risk
    assert asset_of("XYZ/USDT", settings).kind == "meme"


@pytest.mark.parametrize(
    ("risk", "words"),
    [
        ({"taxonomy": {"XYZ": {"class": "mem"}}}, "'mem' is not known; known are 'btc', 'eth'"),
        ({"taxonomy": {"XYZ": {"clas": "meme"}}}, "class"),
        ({"taxonomy": {"XYZ": {"class": "meme", "sektor": "x"}}}, "did you mean 'sector'"),
        ({"sizing": {"method": "kely"}}, "'kely' is not known; known are 'volatility'"),
        ({"sizing": {"kelly_share": 0.6}}, "kelly_share"),
        ({"class_caps": {"bct": 0.1}}, "did you mean 'btc'"),
    ],
)
def test_a_fault_names_what_is_known(risk: dict[str, object], words: str) -> None:
    with pytest.raises(RefuseToStart) as caught:
        Settings.from_config({"freqpilot": {"risk": risk}})
    assert words in str(caught.value)
