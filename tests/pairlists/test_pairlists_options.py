"""What every pairlist of the pack owes: its form, its messages, the truth about backtests."""

from typing import Any

import pytest
from freqtrade.enums import RunMode
from freqtrade.exceptions import OperationalException
from freqtrade.plugins.pairlist.IPairList import SupportsBacktesting
from pairlist_stage import StubExchange, handler, kept, manager

BACKTESTS = {
    "CorrelationFilter": SupportsBacktesting.NO_ACTION,
    "Liquidity": SupportsBacktesting.NO_ACTION,
    "NewListing": SupportsBacktesting.NO_ACTION,
    "RegimeFilter": SupportsBacktesting.NO_ACTION,
    "SectorCap": SupportsBacktesting.YES,
    "SpreadAtSize": SupportsBacktesting.NO_ACTION,
}
PAIRS = ["BTC/USDT", "DOGE/USDT", "SHIB/USDT", "PEPE/USDT", "WIF/USDT", "XYZ/USDT"]
TYPES: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "string": (str,),
    "option": (str,),
    "boolean": (bool,),
    "list": (list,),
}


def chain(monkeypatch: pytest.MonkeyPatch, name: str, config: Any = None, **options: Any) -> Any:
    exchange = StubExchange(PAIRS)
    return manager(monkeypatch, exchange, [{"method": name, **options}], config)


@pytest.mark.parametrize("name", sorted(BACKTESTS))
def test_the_form_holds_every_option_with_a_default_that_fits(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pairlists = chain(monkeypatch, name)
    form = type(handler(pairlists)).available_parameters()
    for each in form.values():
        assert each["default"] is None or isinstance(each["default"], TYPES[each["type"]])
        assert each["description"]
        assert each["help"].endswith(".")
    given = {option: each["default"] for option, each in form.items()}
    assert chain(monkeypatch, name, **given).short_desc() == pairlists.short_desc()
    assert handler(pairlists).description().endswith(".")
    assert handler(pairlists).short_desc().startswith(f"{name} - Keeping ")


@pytest.mark.parametrize("name", sorted(BACKTESTS))
def test_unknown_options_are_answered_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for option in type(handler(chain(monkeypatch, name))).available_parameters():
        wrong = option[:-2] + option[-1]
        with pytest.raises(OperationalException, match=rf"{wrong}; did you mean {option}"):
            chain(monkeypatch, name, **{wrong: 1})
    with pytest.raises(OperationalException, match=r"it takes .*mend pairlists"):
        chain(monkeypatch, name, zzzz=1)


@pytest.mark.parametrize("name", sorted(BACKTESTS))
@pytest.mark.parametrize("runmode", [RunMode.BACKTEST, RunMode.HYPEROPT])
def test_what_it_says_of_backtests_is_what_it_does(
    monkeypatch: pytest.MonkeyPatch, name: str, runmode: RunMode
) -> None:
    pairlists = chain(monkeypatch, name, {"runmode": runmode})
    said = handler(pairlists).supports_backtesting
    assert said == BACKTESTS[name]
    assert not handler(pairlists).needstickers
    left = kept(pairlists)
    assert pairlists._exchange.asked == {}
    if said == SupportsBacktesting.NO_ACTION:
        assert left == PAIRS
    else:
        assert left == kept(chain(monkeypatch, name)) != PAIRS


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("Liquidity", {"stake": 0}, "stake to be a number above 0"),
        ("Liquidity", {"volume_multiple": -1}, "volume_multiple"),
        ("Liquidity", {"depth_multiple": "10"}, "depth_multiple"),
        ("Liquidity", {"depth_band": 1}, "between 0 and 1"),
        ("Liquidity", {"refresh_period": 0}, "refresh_period"),
        ("SpreadAtSize", {"size": float("nan")}, "size"),
        ("SpreadAtSize", {"max_cost": 5}, "between 0 and 1"),
        ("SectorCap", {"max_per_sector": 0}, "a whole number at least 1"),
        ("SectorCap", {"max_per_class": 1.5}, "a whole number at least 1"),
        ("RegimeFilter", {"regimes": []}, "a list of trending_bullish"),
        ("RegimeFilter", {"regimes": ["bull"]}, "a list of trending_bullish"),
        ("RegimeFilter", {"regimes": "range_bound"}, "a list of trending_bullish"),
        ("RegimeFilter", {"timeframe": "3x"}, "3x"),
        ("RegimeFilter", {"timeframe": 5}, "a text"),
        ("RegimeFilter", {"min_probability": 1.1}, "min_probability"),
        ("NewListing", {"min_days": -1}, "min_days"),
        ("NewListing", {"min_days": 30}, "max_days to be above min_days"),
        ("NewListing", {"max_days": 2000}, "look back 999 days"),
    ],
)
def test_a_bad_option_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(OperationalException, match=text):
        chain(monkeypatch, name, **options)
