"""The decision from arrays alone: what each input adds, no future, no memory of an earlier call."""

import sys
from typing import Any

import numpy as np
import pytest

import regime_source
from freqpilot.features.bank.workspace import Workspace
from freqpilot.settings import Settings, SignalSettings
from freqpilot.shapes import Candles
from freqpilot.signals import analysts, composite, decision, scorecards
from freqpilot.signals.decision import TRUST, DecisionInputs, ModelColumns, decide, weight_moves

ROWS = 1_000
QUICK = {"enabled": True, "horizon": 4, "opinions": 20, "step_hours": 6, "prior": 5}
OFF = {"enabled": False}
TRENDS = ("trending_bullish", "trending_bearish")


def settings(**signals: Any) -> SignalSettings:
    return Settings.from_config({"freqpilot": {"signals": signals}}).signals


@pytest.fixture(scope="module")
def candles() -> Candles:
    return regime_source.market(4, ROWS)


def forecast(trust: float | None = None, rows: int = ROWS) -> ModelColumns:
    waves = np.sin(np.arange(rows) / 20)
    given = np.arange(rows) % 7 != 0
    factor = None if trust is None else np.full(rows, trust)
    return ModelColumns(0.4 + waves / 4, 0.4 - waves / 4, given, factor)


def equal(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert list(one) == list(other)
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name], err_msg=name)


def test_every_column_is_as_long_as_the_candles_and_in_one_order(candles: Candles) -> None:
    found = decide(
        candles, settings(scorecards=QUICK), "major", DecisionInputs(model=forecast(0.5))
    )
    assert {len(values) for values in found.values()} == {ROWS}
    names = [analyst.name for analyst in analysts.TECHNICAL if analyst.name != "volatility_squeeze"]
    scored = [f"score_{name}" for name in (*names, "model_forecast")]
    assert list(found) == [
        *("regime", "regime_probability", "size_factor", "stop_factor"),
        *("allow_long", "allow_short"),
        *scored,
        *("bias", TRUST, "composite", "confidence", "coverage"),
        *(f"contrib_{name}" for name in sorted((*names, "model_forecast"))),
    ]


def test_contributions_sum_to_the_composite(candles: Candles) -> None:
    found = decide(candles, settings(), "major", DecisionInputs(model=forecast()))
    parts = [values for name, values in found.items() if name.startswith("contrib_")]
    np.testing.assert_allclose(np.sum(parts, axis=0), found["composite"], atol=1e-12)


def test_a_part_of_the_candles_has_the_same_decisions(candles: Candles) -> None:
    chosen = settings(scorecards=QUICK)
    whole = decide(candles, chosen, "alt", DecisionInputs(model=forecast(0.5)))
    for rows in (700, 901):
        part = decide(
            candles.window(0, rows), chosen, "alt", DecisionInputs(model=forecast(0.5, rows))
        )
        equal(part, {name: values[:rows] for name, values in whole.items()})


def test_the_same_arguments_give_the_same_columns_and_stay_as_they_were(candles: Candles) -> None:
    facts = {"sentiment": np.linspace(-1, 1, ROWS)}
    inputs = DecisionInputs(facts, forecast(0.5))
    before = {name: values.copy() for name, values in facts.items()}
    first = decide(candles, settings(), "major", inputs)
    decide(candles, settings(regimes=OFF), "meme", DecisionInputs())
    equal(decide(candles, settings(), "major", inputs), first)
    equal(facts, before)
    equal(inputs.model._asdict() if inputs.model else {}, forecast(0.5)._asdict())


def test_what_is_switched_off_has_no_column(candles: Candles) -> None:
    found = decide(candles, settings(regimes=OFF, confluence=OFF), "major", DecisionInputs())
    assert [name for name in found if not name.startswith("contrib_")] == [
        "composite",
        "confidence",
        "coverage",
    ]
    signals = analysts.opinions(
        Workspace(candles), names=decision.asked_analysts(settings(), "major")
    )
    plain = composite.combine(signals, settings(), "major", rows=ROWS)
    np.testing.assert_array_equal(found["composite"], plain.value)
    np.testing.assert_array_equal(found["confidence"], plain.confidence)


@pytest.mark.parametrize("trust", [1.0, 0.5, 0.0])
def test_trust_multiplies_the_models_confidence(candles: Candles, trust: float) -> None:
    chosen = settings(regimes=OFF)
    whole = decision.model_opinion(forecast())
    given = decision.model_opinion(forecast(trust))
    np.testing.assert_array_equal(given.confidence, whole.confidence * trust)
    np.testing.assert_array_equal(given.value, whole.value)
    found = decide(candles, chosen, "major", DecisionInputs(model=forecast(trust)))
    full = decide(candles, chosen, "major", DecisionInputs(model=forecast()))
    assert (found[TRUST] == trust).all()
    assert TRUST not in full
    # A model that is not trusted at all has no opinion, and others share its weight.
    wanted = trust * full["contrib_model_forecast"]
    np.testing.assert_allclose(found["contrib_model_forecast"], wanted, atol=1e-12)


def test_a_model_without_a_weight_is_not_asked(candles: Candles) -> None:
    weights = {str(name): weight for name, weight in settings().weights.items()}
    chosen = settings(weights={**weights, "model_forecast": 0.0})
    asked = decide(candles, chosen, "major", DecisionInputs(model=forecast(0.5)))
    equal(asked, decide(candles, chosen, "major", DecisionInputs()))
    assert "model_forecast" not in decision.asked_analysts(chosen, "major")


def test_the_bias_joins_what_the_regime_allows(candles: Candles) -> None:
    closed = {"adaptation": {name: {"entries": "none"} for name in TRENDS}}
    both = decide(candles, settings(regimes=closed), "major", DecisionInputs())
    regime = decide(candles, settings(regimes=closed, confluence=OFF), "major", DecisionInputs())
    bias = decide(candles, settings(regimes=OFF), "major", DecisionInputs())
    for side in ("allow_long", "allow_short"):
        assert both[side].any()
        assert (bias[side] & ~regime[side]).any()
        assert (regime[side] & ~bias[side]).any()
        np.testing.assert_array_equal(both[side], regime[side] & bias[side])


def test_the_moves_of_weights_are_those_of_the_last_step(candles: Candles) -> None:
    chosen = settings(scorecards=QUICK)
    columns = decide(candles, chosen, "major", DecisionInputs())
    moved = 0
    for rows in range(ROWS - 12, ROWS):
        part = {name: values[:rows] for name, values in columns.items()}
        for move in weight_moves(part, candles.window(0, rows)):
            factor = columns[f"score_{move.analyst}"]
            assert (move.old, move.new) == (factor[rows - 2], factor[rows - 1])
            assert abs(move.new - move.old) > 4e-5
            assert move.date == candles.date[rows - 1]
            moved += 1
    last = {name: values for name, values in columns.items() if name.startswith("score_")}
    steps = np.abs(np.diff(np.column_stack([*last.values()])[ROWS - 14 : ROWS - 1], axis=0))
    assert moved >= (steps > 1e-4).sum() > 0
    assert weight_moves(columns, candles.window(0, 1)) == []
    assert weight_moves({"composite": np.zeros(ROWS)}, candles) == []


def test_scorecards_move_the_weights_within_their_bounds(candles: Candles) -> None:
    chosen = settings(scorecards=QUICK, regimes=OFF)
    found = decide(candles, chosen, "major", DecisionInputs())
    signals = analysts.opinions(Workspace(candles), names=decision.asked_analysts(chosen, "major"))
    wanted = scorecards.factors(signals, candles, chosen.scorecards)
    equal(
        {name: values for name, values in found.items() if name.startswith("score_")},
        {f"score_{name}": values for name, values in wanted.items()},
    )
    plain = decide(candles, settings(regimes=OFF), "major", DecisionInputs())
    assert (found["composite"] != plain["composite"]).any()
    np.testing.assert_array_equal(found["coverage"], plain["coverage"])


def test_candles_alone_are_enough_and_none_at_all_is_no_error() -> None:
    nothing = regime_source.market(4, 10).window(0, 0)
    found = decide(nothing, settings(), "major", DecisionInputs())
    assert {len(values) for values in found.values()} == {0}


def test_it_needs_neither_pandas_frames_nor_freqtrade() -> None:
    names = vars(sys.modules[decide.__module__])
    assert not {"pd", "pandas", "logging", "logger"} & names.keys()
