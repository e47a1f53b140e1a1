"""Autopilot on SYNTHETIC candles, with the sentiment of texts as nearly its only opinion."""

from pathlib import Path
from typing import Any, get_args

import pytest
from fact_stage import CALM, Child, Stage, by_coin, flat, hours

from freqpilot.settings import AnalystName
from freqpilot.shapes import Fact

pytestmark = pytest.mark.slow

WEIGHTS = {
    **dict.fromkeys(get_args(AnalystName), 0.0),
    "sentiment_score": 1.0,
    "technical_trend": 0.05,
}
FACTS = {"sentiment": "text/sentiment", "mentions": "text/mentions"}


def text(coin: str, event: float, known: float, value: float, source: str = "text") -> list[Fact]:
    given = {"sentiment": value, "mentions": 90.0}
    return [
        Fact(source, coin, name, figure, hours(event), hours(known))
        for name, figure in given.items()
    ]


def opened(stage: Stage, **facts: Any) -> dict[str, float]:
    """Return how many hours after the entry each coin was bought."""
    off = {"enabled": False}
    signals = {"weights": WEIGHTS, "regimes": off, "confluence": off, **facts}
    found = stage.backtest(
        "Autopilot", freqpilot={"signals": signals}, stake_amount=100, dry_run_wallet=100_000
    )["Autopilot"]
    return {
        coin: (trade["open_timestamp"] / 1000 - hours(0).timestamp()) / 3600
        for coin, trade in by_coin(found).items()
    }


def test_autopilot_trades_on_facts_as_they_were_known(freqtrade: Child, tmp_path: Path) -> None:
    made = Stage(tmp_path, freqtrade)
    rows = [CALM, *flat(*[100.0] * 3)]
    made.candles(dict.fromkeys(("BTC", "ETH", "SOL", "XRP", "ADA"), rows), 40)
    made.know(
        [
            *text("BTC", 0.25, 0.5, 0.9),
            *text("ETH", 0.25, 4.5, 0.9),  # told late
            *text("SOL", 0.25, 8, 0.9),  # too old when it came to be known
            *text("XRP", 0.25, 100, 0.9),  # known after the end
            *text("ADA", 0.25, 0.5, 0.9, source="other"),
        ]
    )
    assert opened(made) == {}, "nobody asked for facts"
    assert opened(made, facts=FACTS) == {"BTC": 1.0, "ETH": 5.0}
