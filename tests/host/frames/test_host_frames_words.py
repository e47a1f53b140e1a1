"""A decision in words: regime, weights, and the edge of a model."""

from collections.abc import Iterator

import pandas as pd
import pytest
from regime_stage import HOUR, NOW, frame, settings

from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.frames import decided as frames
from freqpilot.host.frames import words
from freqpilot.host.frames.words import regime_words
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.settings import RegimeSettings

COLUMNS = ["regime", "regime_probability", "size_factor", "stop_factor", "allow_long"]
TABLE = RegimeSettings()


@pytest.fixture(autouse=True)
def run() -> Iterator[Run]:
    begun = begin(
        {"freqpilot": {"risk": {"book": {"enabled": False}}}, "stake_currency": "USDT"}, live=False
    )
    observe(current(), NOW, 1_000.0)
    yield begun
    end()


@pytest.mark.parametrize(
    ("name", "probability", "size", "stop", "expected"),
    [
        (
            "range_bound",
            0.812,
            1.0,
            0.75,
            "regime range bound (0.81), mean reversion ×1.4, technical momentum ×0.6, stop ×0.75",
        ),
        ("capitulation", 0.6, 0.5, 1.5, "regime capitulation (0.60), not sure enough to act, size"),
        ("", 0.0, 1.0, 1.0, "no regime"),
    ],
)
def test_the_regime_in_words(
    name: str, probability: float, size: float, stop: float, expected: str
) -> None:
    figures = [name, probability, size, stop, True]
    row = pd.Series(figures, index=COLUMNS, dtype=object)
    said = regime_words(row, TABLE)
    assert said is not None
    assert said.startswith(expected)
    assert regime_words(row.drop("regime"), TABLE) is None


def test_the_decision_tells_the_regime() -> None:
    decided = frames.add_decisions(frame(), settings(), "BTC/USDT")
    decision = words.decision_of("BTC/USDT", decided.iloc[-1], "long", HOUR, TABLE)
    assert "regime" in decision.reasons[-2]
    assert decision.reasons[-1] == f"bias of longer timeframes {decided['bias'].iloc[-1]:+.2f}"
    assert sum(decision.contributions.values()) == pytest.approx(decision.composite)
