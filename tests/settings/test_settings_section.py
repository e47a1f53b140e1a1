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
        ({"risk": {"exits": {"mem": {}}}}, "exits.mem is not known; did you mean 'meme'"),
        ({"risk": {"exits": {"meme": {"flat_hour": 1}}}}, "did you mean 'flat_hours'"),
        ({"risk": {"exits": {"meme": {"hard_stop": 1}}}}, "meme.hard_stop: Input should be less"),
        (
            {"risk": {"exits": {"meme": {"tiers": [{"gain": 1, "share": 2}]}}}},
            "meme.tiers.0.share: Input should be less",
        ),
        (
            {"risk": {"exits": {"meme": {"tiers": [{"gain": 1, "share": 0.6}] * 2}}}},
            "meme.tiers: tiers must rise in gain",
        ),
        (
            {"risk": {"exits": {"tiers": [{"gian": 1}]}}},
            "tiers.0.gian is not known; did you mean",
        ),
        ({"risk": {"exits": {"tiers": []}}}, "exits.tiers: tiers must rise in gain"),
        ({"risk": {"exits": {"regimes": {"range": {}}}}}, "did you mean 'range_bound'"),
        (
            {"risk": {"exits": {"regimes": {"range_bound": {"target": 2}}}}},
            "range_bound.target is not known; did you mean 'target_factor'",
        ),
        (
            {"risk": {"exits": {"regimes": {"range_bound": {"target_factor": 0}}}}},
            "target_factor: Input should be greater",
        ),
        ({"signals": {"regimes": {"min_dwel": 6}}}, "did you mean 'min_dwell'"),
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


def test_regimes_of_exits_are_merged_over_the_table() -> None:
    rows = {"range_bound": {"target_factor": 0.5}, "trending_bullish": {}}
    section = {"risk": {"exits": {"regimes": rows}}}
    exits = Settings.from_config({"freqpilot": section}).risk.exits
    assert exits.regimes["range_bound"].target_factor == 0.5
    assert not exits.regimes["trending_bullish"].trailing
    assert exits.regimes["trending_bearish"].trailing
    again = Settings.from_config({"freqpilot": {"risk": {"exits": exits.model_dump()}}})
    assert again.risk.exits == exits
