"""Each rule of the book: what trips it, what just does not, and what the figures tell."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from freqpilot.risk.book import figures, fit, lines, max_stress_loss
from freqpilot.risk.comovement import View, view
from freqpilot.risk.covariance import Returns
from freqpilot.risk.value_at_risk import draws
from freqpilot.settings import BookSettings, ExitSettings, MemeExits, RiskSettings, Settings
from freqpilot.shapes import Book, OrderRequest, Position

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
BOOK = Book(stamp=NOW, equity=1000, peak=1000, start=1000, day_start=1000, week_start=1000)
PAIRS = ("ADA/USDT", "BTC/USDT", "DOT/USDT", "SOL/USDT", "XRP/USDT")
NOISE = draws(3, 8, 10_000, 4)
WIDE = RiskSettings(book=BookSettings(cluster_cap=1, var_limit=1, max_stress_loss=1))


def seen(hourly: float = 0.008, common: float = 0.95, days: int = 30, **missing: int) -> View:
    """Return a view of pairs with this deviation an hour, of whose variance a share is common."""
    random = np.random.default_rng(5)
    shared = math.sqrt(common) * random.standard_normal((days * 24, 1))
    own = math.sqrt(1 - common) * random.standard_normal((days * 24, len(PAIRS)))
    values = hourly * (shared + own)
    for name, rows in missing.items():
        values[: len(values) - rows, PAIRS.index(f"{name}/USDT")] = np.nan
    return view(Returns(PAIRS, values), 24, NOISE)


def held(*coins: str, stake: float = 100, side: str = "long") -> tuple[Position, ...]:
    return tuple(
        Position(f"{c}/USDT", "short" if side == "short" else "long", stake, stake) for c in coins
    )


def order(coin: str = "SOL", stake: float = 100.0, **more: object) -> OrderRequest:
    asked = OrderRequest(
        time=NOW, pair=f"{coin}/USDT", side="long", purpose="entry", stake=stake, rate=1.0
    )
    return replace(asked, **more)  # type: ignore[arg-type]


def test_a_view_knows_the_market_it_saw() -> None:
    found = seen(hourly=0.01, common=0.5)
    assert found.known == PAIRS
    assert found.volatility == pytest.approx([0.01 * math.sqrt(24)] * 5, rel=0.1)
    off = found.correlation[~np.eye(5, dtype=bool)]
    assert off == pytest.approx([0.5] * 20, abs=0.1)
    assert found.history.shape == (5, 30 * 24 - 23)


def test_the_fourth_that_moves_with_three_is_refused_by_name() -> None:
    book = replace(BOOK, positions=held("ADA", "DOT", "XRP"))
    found = fit(order(), book, seen(), WIDE)
    assert (found.stake, found.rule) == (0.0, "max_correlated")
    assert all(pair in found.reason for pair in ("ADA/USDT", "DOT/USDT", "XRP/USDT"))
    assert "+0.9" in found.reason
    assert fit(order(), book, seen(common=0.5), WIDE).stake >= 100
    assert fit(order(), replace(BOOK, positions=held("ADA", "DOT")), seen(), WIDE).stake >= 100
    assert fit(order(side="short"), book, seen(), WIDE).stake >= 100  # a hedge
    assert fit(order("ADA", purpose="add"), book, seen(), WIDE).stake >= 100


def test_a_pair_with_a_short_history_counts_as_one_that_moves_with_all() -> None:
    book = replace(BOOK, positions=held("ADA", "DOT", "XRP"))
    assert fit(order(), book, seen(SOL=300), WIDE).rule == "max_correlated"
    apart = seen(common=0.0, SOL=300)  # the others do not move together
    assert apart.known == tuple(pair for pair in PAIRS if pair != "SOL/USDT")
    assert fit(order(), book, apart, WIDE).stake >= 100


def test_without_candles_of_the_last_day_there_is_no_entry() -> None:
    found = fit(order(), BOOK, seen(SOL=0), RiskSettings())
    assert (found.stake, found.rule) == (0.0, "book_data")
    book = replace(BOOK, positions=(replace(held("ADA")[0], leverage=math.nan),))
    assert fit(order(), book, seen(), WIDE).rule == "book_data"


def test_a_cluster_holds_no_more_than_its_cap() -> None:
    settings = RiskSettings(book=BookSettings(var_limit=1, max_stress_loss=1))
    book = replace(BOOK, positions=held("ADA", "DOT", stake=110))
    found = fit(order(), book, seen(), settings)
    assert (found.rule, found.stake) == ("cluster_cap", pytest.approx(80))
    assert "ADA/USDT" in found.reason
    assert fit(order(), book, seen(common=0.5), settings).stake >= 100


def test_an_ordinary_book_at_full_exposure_passes_and_three_alts_in_a_crash_do_not() -> None:
    spread = held("BTC", "ADA", "DOT", stake=133)
    full = replace(BOOK, positions=spread)
    settings = RiskSettings(book=BookSettings(cluster_cap=1, max_correlated=9))
    assert fit(order(), full, seen(hourly=0.007, common=0.7), settings).stake >= 100
    alts = replace(BOOK, positions=held("ADA", "DOT", stake=150))
    crash = fit(order(stake=150), alts, seen(hourly=0.025), settings)
    assert crash.rule == "value_at_risk"
    assert crash.stake < 110
    assert "limit 12.0%" in crash.reason


def test_the_stake_that_is_left_by_value_at_risk_is_at_its_limit() -> None:
    settings = RiskSettings(book=BookSettings(cluster_cap=1, max_stress_loss=1))
    book, wild = replace(BOOK, positions=held("ADA")), seen(hourly=0.025)
    found = fit(order(stake=500), book, wild, settings)
    assert found.rule == "value_at_risk"
    after = replace(book, positions=(*held("ADA"), *held("SOL", stake=found.stake)))
    tails = figures(after, wild, settings).tails
    worst = max(tails["historical"]["cvar_99"], tails["monte_carlo"]["cvar_99"])
    assert 0.119 < worst <= 0.12 + 1e-9
    assert fit(order(stake=found.stake), book, wild, settings).stake >= found.stake
    hedge = fit(order(stake=100, side="short"), book, wild, settings)
    assert hedge.stake >= 100  # what lowers the risk is never refused for it


def test_stress_leaves_what_the_total_loss_leaves() -> None:
    assert max_stress_loss(BOOK, RiskSettings()) == pytest.approx(0.20)
    assert max_stress_loss(replace(BOOK, equity=2000), RiskSettings()) == pytest.approx(0.20)
    low = replace(BOOK, equity=900)
    assert max_stress_loss(low, RiskSettings()) == pytest.approx(1 - 800 / 900)
    assert max_stress_loss(replace(BOOK, equity=790), RiskSettings()) == 0
    settings = RiskSettings(book=BookSettings(cluster_cap=1, var_limit=1))
    book = replace(low, positions=held("ADA", "DOT"))
    found = fit(order(stake=150), book, seen(), settings)
    assert found.rule == "stress"
    assert found.stake == pytest.approx((0.1111 * 900 - 0.4 * 200) / 0.4, abs=0.1)
    assert "flash_crash" in found.reason


def test_where_nothing_is_known_a_crash_day_counts() -> None:
    short = seen(**{pair.partition("/")[0]: 48 for pair in PAIRS})
    assert short.known == ()
    settings = RiskSettings(book=BookSettings(cluster_cap=1, max_stress_loss=1))
    found = fit(order(stake=500), BOOK, short, settings)
    assert (found.rule, found.stake) == ("value_at_risk", pytest.approx(0.12 * 1000 / 0.30))


def test_the_figures_of_a_book() -> None:
    shorts = held("XRP", side="short", stake=50)
    book = replace(BOOK, positions=(*held("ADA", "BTC"), *shorts))
    found = figures(book, seen(XRP=100), RiskSettings())
    assert found.classes == pytest.approx({"top20": 0.15, "btc": 0.10})
    assert found.sectors == pytest.approx({"l1": 0.10, "other": 0.15})
    assert found.unknown == ["XRP/USDT"]
    assert set(found.clusters[0]["pairs"]) == {"ADA/USDT", "BTC/USDT", "XRP/USDT"}
    assert found.clusters[0]["share"] == pytest.approx(0.25)
    assert found.tails["historical"]["var_99"] > 0.05 * 0.30  # the unknown pair's crash day
    assert found.stress["crash_day"] == pytest.approx(0.10 * 0.30 + 0.10 * 0.20 - 0.05 * 0.30)
    assert found.limits["max_stress_loss"] == pytest.approx(0.20)
    json.dumps(found.to_dict(), allow_nan=False)


def test_an_empty_book_has_figures_too() -> None:
    found = figures(BOOK, view(Returns((), np.empty((720, 0))), 24, NOISE), RiskSettings())
    assert found.classes == {}
    assert {each for tail in found.tails.values() for each in tail.values()} == {0.0}


def test_a_bad_setting_is_named() -> None:
    for section, words in (
        ({"max_corelated": 3}, "max_correlated"),
        ({"timeframe": "7m"}, "7m"),
        ({"crash_day": {"btc": 0.2}}, "crash_day.eth"),
    ):
        with pytest.raises(Exception, match=words):
            Settings.from_config({"freqpilot": {"risk": {"book": section}}})


def test_a_memes_line_counts_its_wider_stop_where_memes_have_a_plan() -> None:
    memes = replace(BOOK, positions=(*held("DOGE"), *held("SOL"), *held("PEPE", side="short")))
    for enabled, expected in ((False, [0.10] * 3), (True, [0.30, 0.10, 0.10])):
        chosen = RiskSettings(exits=ExitSettings(meme=MemeExits(enabled=enabled)))
        assert [line.stop for line in lines(memes, seen(), chosen)] == expected
