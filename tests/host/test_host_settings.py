"""The freqpilot section: bad input is named with the nearest known key."""

import pytest

from freqpilot.errors import RefuseToStart
from freqpilot.settings import Settings

WEIGHTS = Settings().signals.weights


def test_defaults_are_valid_and_those_of_the_specification() -> None:
    settings = Settings.from_config({})
    weights = settings.signals.weights
    blueprint = list(weights.values())[:8]
    assert sum(blueprint) == pytest.approx(1)
    assert sum(weights.values()) == pytest.approx(1.45)
    assert settings.signals.threshold == 0.5
    assert settings.signals.min_confidence == 0.6
    assert [tier.max_open_trades for tier in settings.risk.tiers] == [3, 4, 5, 6]


def test_weights_are_merged_over_the_table() -> None:
    section = {"weights": {"events": 0.2}, "class_weights": {"meme": {"sentiment_velocity": 0.3}}}
    signals = Settings.from_config({"freqpilot": {"signals": section}}).signals
    assert signals.weights == {**WEIGHTS, "events": 0.2}
    assert signals.table("alt") == signals.weights
    assert signals.table("meme") == {**signals.weights, "sentiment_velocity": 0.3}
    again = Settings.from_config({"freqpilot": {"signals": signals.model_dump()}})
    assert again.signals == signals


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"risk": {"max_exposur": 0.4}}, "risk.max_exposur is not known; did you mean 'max_expos"),
        ({"risks": {}}, "freqpilot.risks is not known; did you mean 'risk'"),
        ({"signals": {"weights": {"technical_trend": 1.5}}}, "weights.technical_trend: Input shou"),
        ({"signals": {"weights": dict.fromkeys(WEIGHTS, 0)}}, "class major has weight 0"),
        ({"signals": {"class_weights": {"mem": {}}}}, "did you mean 'meme'"),
        ({"signals": {"class_weights": {"alt": {"event": 1}}}}, "did you mean 'events'"),
        ({"signals": {"weights": {"tecnical_trend": 1}}}, "did you mean 'technical_trend'"),
        ({"signals": {"threshold": float("nan")}}, "signals.threshold"),
        ({"labels": {"purge": 3}}, "purge is 3 candles, below the label horizon of 12"),
        ({"risk": {"tiers": []}}, "tiers must begin at equity_from 0"),
        ({"risk": {"drawdown_cut": 0.3}}, "drawdown_cut < drawdown_half"),
        ({"seed": "x"}, "freqpilot.seed: Input should be a valid integer"),
    ],
)
def test_a_fault_is_a_sentence(section: dict[str, object], words: str) -> None:
    with pytest.raises(RefuseToStart) as caught:
        Settings.from_config({"freqpilot": section})
    assert words in str(caught.value)


def test_a_section_that_is_no_object_is_refused() -> None:
    with pytest.raises(RefuseToStart, match="must be an object, not list"):
        Settings.from_config({"freqpilot": []})
