"""MemeMomentum on SYNTHETIC candles with planted facts: a coin a rule."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from fact_stage import (
    BREAK,
    GOOD,
    PRICE,
    USUAL,
    Child,
    Row,
    Stage,
    Told,
    by_coin,
    ended,
    flat,
    hours,
    settings,
)

from freqpilot.shapes import Fact

pytestmark = pytest.mark.slow

HELD = flat(PRICE, PRICE * 1.2)


def told(**changed: list[tuple[float, float]]) -> Told:
    return {**GOOD, **changed}


CASES: dict[str, tuple[list[Row], Told]] = {
    # none of these may be entered
    "NOBREAK": ([(100.0, 101.0, 99.9, 100.9, 10_000.0), *HELD], GOOD),
    "QUIET": ([(100.0, 104.0, 99.9, PRICE, 5_000.0), *HELD], GOOD),
    "NOCOUNT": ([*BREAK, *HELD], told(mentions=[])),
    "FEW": ([*BREAK, *HELD], told(mentions=[*USUAL[-15:], (-2, 100)])),
    "USUAL": ([*BREAK, *HELD], told(mentions=[*USUAL, (-2, 11)], listing=[(-3, 1)])),
    "CALM": ([*BREAK, *HELD], told(mentions=[*USUAL, (-2, 20)])),
    "BIG": ([*BREAK, *HELD], told(market_cap=[(-3, 100e6)])),
    "NOCAP": ([*BREAK, *HELD], told(market_cap=[])),
    "STALE": ([*BREAK, *HELD], told(market_cap=[(-30, 50e6)])),
    "NOCHECK": ([*BREAK, *HELD], told(honeypot=[])),
    "HELDBYTEN": ([*BREAK, *HELD], told(top10_share=[(-3, 0.6)])),
    "LATE": ([*BREAK, *HELD], told(honeypot=[(0.1, 0)])),
    "FALLING": ([*BREAK, *HELD], told(sentiment=[(-30, 0.5), (-2, 0.4)])),
    "PLAIN": ([*BREAK, *HELD], GOOD),
    # these may
    "LISTED": ([*BREAK, *HELD], told(mentions=[*USUAL, (-2, 20)], listing=[(-3, 1)])),
    "YOUNG": (
        [*BREAK, *HELD],
        told(
            mentions=[*USUAL, (-2, 20)],
            token_age_days=[(-3, 10)],
            holders=[(-27, 100), (-3, 120)],
        ),
    ),
    "TIERS": ([*BREAK, *flat(*(PRICE * x for x in (1, 2.01, 2.01, 5.01, 10.01, 4, 2)))], GOOD),
    "STOP": ([*BREAK, *flat(PRICE), (PRICE, PRICE, PRICE * 0.699, PRICE, 1e3), *HELD], GOOD),
    "NEAR": ([*BREAK, *flat(PRICE), (PRICE, PRICE, PRICE * 0.701, PRICE, 1e3), *HELD], GOOD),
    "IDLE": ([*BREAK, *flat(PRICE)], GOOD),
    "FAILED": ([*BREAK, *flat(PRICE, PRICE, 100.9, 110, 120)], GOOD),
    "MOOD": ([*BREAK, *HELD], told(sentiment=[(-30, 0.4), (-2, 0.5), (4.5, 0.3)])),
    "SILENT": ([*BREAK, *HELD], told(influencers=[(-2, 3), (4.5, 0)])),
    "SOLD": ([*BREAK, *HELD], told(influencer_sales=[(4.5, 1)])),
    "INFLOW": ([*BREAK, *HELD], told(exchange_inflow=[*USUAL, (4.5, 100)])),
}
REFUSED = tuple(CASES)[: tuple(CASES).index("LISTED")]


def facts(cases: Mapping[str, tuple[list[Row], Told]]) -> list[Fact]:
    return [
        Fact("test", coin, metric, value, hours(hour), hours(hour))
        for coin, (_, known) in cases.items()
        for metric, rows in known.items()
        for hour, value in rows
    ]


def stage(folder: Path, child: Child, cases: Mapping[str, tuple[list[Row], Told]]) -> Stage:
    made = Stage(folder, child)
    made.candles({coin: table for coin, (table, _) in cases.items()}, 75)
    made.know(facts(cases))
    return made


def test_it_enters_on_all_and_leaves_on_any(freqtrade: Child, tmp_path: Path) -> None:
    memes = [coin for coin in CASES if coin != "PLAIN"]
    config = settings(*memes, supervisor=False)
    (found,) = stage(tmp_path, freqtrade, CASES).backtest("MemeMomentum", **config).values()
    trades = by_coin(found)
    assert sorted(trades) == sorted(set(CASES) - set(REFUSED))
    for trade in trades.values():
        assert trade["open_timestamp"] == int(hours(0).timestamp() * 1000)
        assert trade["open_rate"] == pytest.approx(PRICE)
        assert trade["enter_tag"] == "meme"
    bought = trades["TIERS"]["orders"][0]["amount"]
    sold = [o for o in trades["TIERS"]["orders"] if not o["ft_is_entry"]]
    assert [o["ft_order_tag"] for o in sold[:3]] == ["target_1", "target_2", "target_3"]
    assert [o["amount"] / bought for o in sold] == pytest.approx([0.25] * 4, abs=0.001)
    assert [o["safe_price"] / PRICE for o in sold[:3]] == pytest.approx([2.01, 5.01, 10.01])
    assert ended(trades["STOP"]) == ("stop_loss", 1)
    assert trades["STOP"]["close_rate"] == pytest.approx(PRICE * 0.7, rel=1e-3)
    assert ended(trades["IDLE"]) == ("time_flat", 60)
    assert ended(trades["FAILED"]) == ("failed_breakout", 3)
    why = {"MOOD": "sentiment", "SILENT": "influencers", "SOLD": "influencers", "INFLOW": "inflow"}
    for coin, reason in why.items():
        assert ended(trades[coin]) == (reason, 5), coin
    for coin in ("LISTED", "YOUNG", "NEAR"):
        assert trades[coin]["exit_reason"] == "force_exit", coin


SAFE = {coin: CASES[coin] for coin in ("LISTED", "IDLE", "NOCHECK")}


def test_supervised_a_meme_is_a_fiftieth_of_the_account(freqtrade: Child, tmp_path: Path) -> None:
    made = stage(tmp_path, freqtrade, SAFE)
    (trades,) = made.backtest("MemeMomentum", **settings(*SAFE)).values()
    assert sorted(by_coin(trades)) == sorted(set(SAFE) - {"NOCHECK"})
    for trade in trades:
        assert 0.015 * 100_000 < trade["stake_amount"] <= 0.02 * 100_000
