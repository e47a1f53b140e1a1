"""Each rule of the book: what trips it, what just does not, and what the figures tell."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from freqpilot.risk.book.comovement import View, view
from freqpilot.risk.book.covariance import Returns
from freqpilot.risk.book.positions import figures, fit, lines, max_stress_loss
from freqpilot.risk.book.value_at_risk import draws
from freqpilot.settings import (
    BookSettings,
    ClassShocks,
    ExitSettings,
    MemeExits,
    RiskSettings,
    Settings,
)
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


def days(*rows: list[float], drawn: list[list[float]] | None = None) -> View:
    """Return a view of ADA and SOL, which are not correlated, with these days as they were (a list
    a pair) and as they are drawn: the same ones by default."""
    there = (np.array(rows), np.array(drawn or rows))
    return View(PAIRS[::3], np.full(2, 0.05), np.eye(2), *there, {}, frozenset(PAIRS))


def worst(ada: float, sol: float = 0.0) -> tuple[list[float], list[float]]:
    """Return a hundred days of which one is not quiet."""
    return [ada, *[0.0] * 99], [sol, *[0.0] * 99]


@pytest.mark.parametrize(
    ("move", "loss"),
    [
        ((-0.30, 0.10), 0.2 * 2 * 0.30 + 0.1 * 0.10),
        ((-0.30, -0.10), 0.2 * 2 * 0.30 - 0.1 * 0.10),
        ((0.30, -0.10), 0.0),
        ((0.30, 0.50), 0.0),
    ],
)
def test_a_day_as_it_was_costs_by_sign_share_and_leverage(
    move: tuple[float, float], loss: float
) -> None:
    long, short = held("ADA", stake=200)[0], held("SOL", side="short")[0]
    book = replace(BOOK, positions=(replace(long, leverage=2.0), short))
    tails = figures(book, days(*worst(*move)), RiskSettings()).tails
    assert set(tails) == {"historical", "monte_carlo"}
    for found in tails.values():
        assert list(found) == ["var_95", "cvar_95", "var_99", "cvar_99"]
        assert found["cvar_99"] == pytest.approx(loss)
        assert found["cvar_95"] == pytest.approx(loss / 5)
        assert found["var_95"] == 0.0


def test_two_positions_in_one_pair_add_up() -> None:
    book = replace(BOOK, positions=held("SOL", "SOL"))
    tails = figures(book, days(*worst(0.0, -0.3)), RiskSettings()).tails
    assert tails["historical"]["cvar_99"] == pytest.approx(0.06)


@pytest.mark.parametrize(("leverage", "lost"), [(1.0, 0.03), (2.0, 0.06), (10.0, 0.10)])
def test_a_pair_that_is_not_known_loses_a_crash_day_and_no_more_than_its_money(
    leverage: float, lost: float
) -> None:
    book = replace(BOOK, positions=(replace(held("DOT")[0], leverage=leverage),))
    tails = figures(book, days(*worst(0.5)), RiskSettings()).tails
    assert tails["historical"]["var_95"] == pytest.approx(lost)


ONLY_VAR = RiskSettings(book=BookSettings(cluster_cap=1, max_stress_loss=1))


@pytest.mark.parametrize(
    ("was", "drawn", "stake", "name"),
    [
        (-0.30, -0.10, 400.0, "(historical)"),
        (-0.10, -0.30, 400.0, "(simulated)"),
        (-0.30, -0.24, 400.0, "(historical)"),  # both bind, the tighter counts
        (-0.24, -0.30, 400.0, "(simulated)"),
        (-0.30, -0.30, 400.0, "(historical)"),
    ],
)
def test_the_tighter_of_the_two_tails_is_named(
    was: float, drawn: float, stake: float, name: str
) -> None:
    view_ = days(*worst(0.0, was), drawn=list(worst(0.0, drawn)))
    found = fit(order(stake=600), BOOK, view_, ONLY_VAR)
    assert (found.rule, found.stake) == ("value_at_risk", pytest.approx(stake))
    assert name in found.reason


def test_what_fits_is_limited_by_no_tail() -> None:
    quiet = days(*worst(0.0, -0.2))
    found = fit(order(stake=600), BOOK, quiet, ONLY_VAR)
    assert (found.rule, found.stake) == ("cluster_cap", 1000), "0.6 × 20 % is the limit itself"
    assert fit(order(stake=601), BOOK, quiet, ONLY_VAR).rule == "value_at_risk"


@pytest.mark.parametrize("leverage", [math.nan, 0.0, -0.5])
def test_a_leverage_that_is_none_leaves_no_stake(leverage: float) -> None:
    book = replace(BOOK, positions=(replace(held("ADA")[0], leverage=leverage),))
    found = fit(order(), book, seen(), WIDE)
    assert (found.stake, found.rule) == (0.0, "book_data")
    assert "leverage of ADA/USDT" in found.reason


def test_shorts_fill_a_cluster_as_longs_do_and_longs_make_room() -> None:
    settings = RiskSettings(book=BookSettings(var_limit=1, max_stress_loss=1))
    short = order(side="short", stake=500)
    book = replace(BOOK, positions=held("ADA", "DOT", stake=110, side="short"))
    assert fit(short, book, seen(), settings).stake == pytest.approx(80)
    assert fit(order(stake=900), book, seen(), settings).stake == pytest.approx(520)
    full = replace(BOOK, positions=held("ADA", "DOT", stake=200, side="short"))
    assert fit(short, full, seen(), settings).stake == 0.0
    alone = fit(order(stake=500), BOOK, seen(), settings)
    assert (alone.stake, alone.rule) == (300, "cluster_cap")
    assert "SOL/USDT moves with nothing else" in alone.reason


def test_half_as_correlated_shorts_crowd_nobody() -> None:
    book = replace(BOOK, positions=held("ADA", "DOT", "XRP", side="short"))
    assert fit(order(side="short"), book, seen(common=0.5), WIDE).stake >= 100
    assert fit(order(side="short"), book, seen(), WIDE).rule == "max_correlated"


def test_more_of_what_is_held_is_not_one_more() -> None:
    book = replace(BOOK, positions=held("ADA", "BTC", "DOT", "XRP", stake=50))
    assert fit(order("SOL"), book, seen(), WIDE).rule == "max_correlated"
    assert fit(order("ADA", purpose="add"), book, seen(), WIDE).rule != "max_correlated"


def test_a_book_beyond_its_stress_limit_leaves_nothing() -> None:
    settings = RiskSettings(book=BookSettings(cluster_cap=1, var_limit=1, max_stress_loss=0.1))
    book = replace(BOOK, positions=held("ADA", "DOT", stake=200))
    found = fit(order(), book, seen(), settings)
    assert (found.stake, found.rule) == (0.0, "stress")


def test_an_order_that_adds_to_no_scenario_passes_whatever_the_limit() -> None:
    none = ClassShocks(btc=0, eth=0, top20=0, small=0, meme=0)
    calm = BookSettings(cluster_cap=1, var_limit=1, max_stress_loss=0, depeg=0, exchange_hack=0)
    calm = calm.model_copy(
        update={"crash_day": none, "flash_crash": none, "slippage": none, "rate_shock": none}
    )
    still = replace(days(*worst(0.0)), volatility=np.zeros(2))
    stopped = RiskSettings(book=calm).model_copy(update={"hard_stop": 0.0})
    assert fit(order(), BOOK, still, stopped).stake == 1000
    assert fit(order(), BOOK, still, RiskSettings(book=calm)).stake == 0, "its stop does not fill"


@pytest.mark.parametrize(
    ("risk_stop", "rate", "stop"),
    [
        (95.0, 100.0, 0.05),
        (105.0, 100.0, 0.05),  # a short's, or one that was passed
        (0.475, 0.5, 0.05),
        (90.0, 100.0, 0.10),
        (50.0, 100.0, 0.10),  # the hard stop fills first
        (math.nan, 100.0, 0.10),
        (95.0, math.nan, 0.10),
        (95.0, 0.0, 0.10),
        (-95.0, -100.0, 0.10),
    ],
)
def test_how_far_a_lines_stop_is(risk_stop: float, rate: float, stop: float) -> None:
    position = replace(held("ADA")[0], risk_stop=risk_stop, rate=rate)
    [line] = lines(replace(BOOK, positions=(position,)), seen(), RiskSettings())
    assert line.stop == pytest.approx(stop)


def test_the_deviation_of_a_pair_that_is_not_known_is_half_a_crash_day() -> None:
    book = replace(BOOK, positions=held("ADA", "BTC"))
    known, unknown = lines(book, seen(BTC=48), RiskSettings())
    assert known.volatility == pytest.approx(0.008 * math.sqrt(24), rel=0.1)
    assert unknown.volatility == 0.20 / 2


def test_figures_as_json_are_the_figures() -> None:
    found = figures(replace(BOOK, positions=held("ADA")), seen(), RiskSettings())
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["stress"] == found.stress
    assert plain["clusters"] == [{"pairs": ["ADA/USDT"], "share": 0.1}]
