"""Regimes by a model: filtered and never smoothed, the same names whoever numbers the states, and
the rules wherever no model may speak."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import regime_source
from candle_source import HOUR, MUTATIONS, candles, shuffled_after
from freqpilot.features.bank.workspace import Workspace
from freqpilot.features.labels import sampling
from freqpilot.models.regimes import RegimeModel
from freqpilot.settings import RegimeSettings
from freqpilot.shapes import Candles, Floats
from freqpilot.signals import hmm, regimes
from freqpilot.signals.hmm import MEMORY, STARTUP, detect
from freqpilot.signals.regimes import NAMES, NONE, Regimes
from regime_source import BEGIN, market, model, relabelled

HMM = RegimeSettings(method="hmm")
LENGTH = 1_000


def series() -> list[RegimeModel]:
    """Return two models that differ, the later one from candle 700 of the market on."""
    later = replace(relabelled(model(), (3, 1, 2, 0, 5, 4)), fitted_until=BEGIN + 700 * HOUR)
    return [replace(model(), fitted_until=0), replace(later, means=later.means + 0.1)]


def found(source: Candles, models: Any = None, **settings: Any) -> Regimes:
    settings = {"method": "hmm", "max_model_days": 730, **settings}
    used = series() if models is None else models
    used = [replace(m, fitted_until=max(m.fitted_until, BEGIN - HOUR)) for m in used]
    return detect(Workspace(source), RegimeSettings(**settings), used)[0]


def hmmlearn_of(of: RegimeModel) -> Any:
    from hmmlearn.hmm import GaussianHMM

    same = GaussianHMM(len(of.names), covariance_type="full")
    same.startprob_, same.transmat_ = of.stationary, of.transition
    same.means_, same.covars_ = of.means, of.covariances
    return same


def figures(seed: int = 9, rows: int = 600) -> Floats:
    return regime_source.rows(seed, rows)[0]


def test_the_filter_is_the_last_row_of_each_prefix() -> None:
    x = figures()[:MEMORY]
    got, reference = hmm.filtered(model(), x), hmmlearn_of(model())
    z = (x - model().center) / model().scale
    for end in range(1, MEMORY + 1, 7):
        np.testing.assert_allclose(
            got[end - 1], reference.predict_proba(z[:end])[-1], atol=1e-9, err_msg=str(end)
        )
    same = sampling.forward_filter(
        np.log(hmm._densities(model(), x)), model().transition, model().stationary
    )
    np.testing.assert_allclose(got, same, atol=1e-9)
    smoothed = reference.predict_proba(z)
    assert np.abs(smoothed - got).max() > 0.2, "which the future would have told"


def test_what_is_older_than_the_memory_hardly_counts() -> None:
    x = figures(rows=1_200)
    z = (x - model().center) / model().scale
    got, reference = hmm.filtered(model(), x), hmmlearn_of(model())
    for end in (300, 500, 700):
        np.testing.assert_allclose(got[end - 1], reference.predict_proba(z[:end])[-1], atol=1e-3)


def test_a_smoothed_filter_would_fail_the_test_of_prefixes(monkeypatch: pytest.MonkeyPatch) -> None:
    def smoothed(of: RegimeModel, x: Floats) -> Floats:
        out = np.full((len(x), len(of.names)), np.nan)
        whole = np.isfinite(x).all(axis=1)
        if whole.any():
            z = (x[whole] - of.center) / of.scale
            out[whole] = hmmlearn_of(of).predict_proba(z)
        return out

    monkeypatch.setattr(hmm, "filtered", smoothed)
    whole = market(7, LENGTH)
    full = found(whole)
    cuts = [found(whole.window(0, cut)) for cut in range(800, LENGTH, 20)]
    assert any(
        not np.array_equal(part.place, full.place[: len(part.place)])
        or not np.allclose(part.probability, full.probability[: len(part.place)])
        for part in cuts
    )


sources = st.builds(
    lambda seed, mutation: (
        market(seed, LENGTH) if mutation == "regimes" else candles(seed, LENGTH, mutation)
    ),
    st.integers(0, 10_000),
    st.sampled_from(("regimes", *MUTATIONS)),
)


@given(source=sources, cut=st.integers(1, LENGTH), seed=st.integers(0, 99))
def test_no_candle_sees_a_later_one(source: Candles, cut: int, seed: int) -> None:
    full = found(source)
    for other in (source.window(0, cut), shuffled_after(source, cut, seed)):
        part = found(other)
        np.testing.assert_array_equal(part.place[:cut], full.place[:cut])
        np.testing.assert_array_equal(part.probability[:cut], full.probability[:cut])


@given(source=sources, begin=st.integers(1, 300))
def test_nothing_is_remembered_beyond_the_startup(source: Candles, begin: int) -> None:
    full, late = found(source), found(source.window(begin))
    np.testing.assert_array_equal(late.place[STARTUP:], full.place[begin + STARTUP :])
    np.testing.assert_allclose(
        late.probability[STARTUP:], full.probability[begin + STARTUP :], atol=1e-6
    )


@given(order=st.permutations(range(6)), seed=st.integers(0, 99))
def test_the_number_of_a_state_means_nothing(order: list[int], seed: int) -> None:
    other = relabelled(model(), order)
    assert hmm.state_names(other) == other.names
    source = market(seed, 800)
    one, same = found(source, [model()]), found(source, [other])
    np.testing.assert_array_equal(one.place, same.place)
    np.testing.assert_allclose(one.probability, same.probability, atol=1e-9)


def test_names_outlast_a_refit() -> None:
    """Fitted on other pairs, in another order and over other candles: the same regimes."""
    parts = [regime_source.rows(seed, 3_000) for seed in (3, 1, 4)]
    other = regime_source.named(parts, 0)
    assert set(other.names) == set(model().names) == set(NAMES)
    source = market(11, 3_000)
    one, again = found(source, [model()]), found(source, [other])
    assert (one.place == again.place)[STARTUP:].mean() > 0.95


def test_two_states_of_a_name_are_one_regime() -> None:
    doubled = relabelled(model(), (0, 1, 2, 3, 4, 5, 2))
    split = doubled.transition.copy()
    split[:, [2, 6]] /= 2
    split = split / split.sum(axis=1, keepdims=True)
    x = figures()
    one, two = (hmm.by_name(each, x) for each in (model(), replace(doubled, transition=split)))
    np.testing.assert_allclose(two.sum(axis=1), 1.0)
    assert (one.argmax(axis=1) == two.argmax(axis=1)).mean() > 0.98


def test_a_regime_is_told_where_it_was_planted() -> None:
    crash = market(3, 900)
    fall = np.exp(np.concatenate([np.zeros(860), -0.02 * np.arange(1, 41)]))
    prices = (each * fall for each in (crash.open, crash.high, crash.low, crash.close))
    got = found(Candles(crash.date, *prices, crash.volume), [model()])
    assert got.names()[-1] == "capitulation"
    assert got.probability[-1] > 0.7


@pytest.mark.parametrize(
    "models",
    [
        [],
        [replace(model(), fitted_until=BEGIN + LENGTH * HOUR)],
        [replace(model(), timeframe=15)],
        [replace(model(), fitted_until=BEGIN - 800 * 24 * HOUR)],
    ],
    ids=["none", "later", "another timeframe", "stale"],
)
def test_without_a_model_the_rules_tell(models: list[RegimeModel]) -> None:
    work = Workspace(market(5, LENGTH))
    got, told = detect(work, HMM, models)
    assert not told.any()
    rules = regimes.detect(work, HMM.min_dwell)
    np.testing.assert_array_equal(got.place, rules.place)
    np.testing.assert_array_equal(got.probability, rules.probability)


def test_the_method_of_rules_asks_no_model() -> None:
    got, told = detect(Workspace(market(5, LENGTH)), RegimeSettings(), [model()])
    assert not told.any()
    np.testing.assert_array_equal(got.place, regimes.detect(Workspace(market(5, LENGTH)), 6).place)


def test_each_candle_asks_the_newest_model_before_its_open() -> None:
    until = BEGIN + 700 * HOUR
    source = market(5, LENGTH)
    first, second = replace(model(), fitted_until=BEGIN), series()[1]
    _, told = detect(Workspace(source), HMM, [second, first])
    assert told[-300:].all()
    both = found(source, [second, first])
    alone = found(source, [first])
    np.testing.assert_array_equal(both.probabilities[:700], alone.probabilities[:700])
    assert (both.probabilities[700:] != alone.probabilities[700:]).any()
    x = hmm.observations(regimes.gauges(Workspace(source)))
    seen = hmm.by_name(second, x[701 - MEMORY : 701])[-1]
    np.testing.assert_allclose(both.probabilities[700], seen, atol=1e-12)
    assert source.date[700] == until


def test_a_model_gets_too_old_in_the_middle() -> None:
    source = market(5, LENGTH)
    settings = RegimeSettings(method="hmm", max_model_days=30)
    _, told = detect(Workspace(source), settings, [replace(model(), fitted_until=BEGIN)])
    assert told[600 : 30 * 24 + 1].all()
    assert not told[30 * 24 + 1 :].any()


def test_a_missing_figure_is_no_regime() -> None:
    source = market(5, LENGTH)
    source.close[900:] = np.nan
    got = found(source)
    assert (got.place[910:] == NONE).all()
    x = figures()
    x[200] = np.nan
    each = hmm.filtered(model(), x)
    assert np.isnan(each[200]).all()
    assert np.isfinite(each[[199, 201]]).all()
    np.testing.assert_allclose(each[201:], hmm.filtered(model(), x[201:]))


def test_the_index_counts_where_it_is_known() -> None:
    rng = np.random.default_rng(4)
    parts = []
    for seed in (1, 2):
        x, said = regime_source.rows(seed, 2_500)
        mood = 50 + 30 * (said[:, 0] - said[:, 1]) - 40 * said[:, 5] + rng.normal(0, 8, len(x))
        parts.append((np.column_stack([x, mood / 50 - 1]), said))
    knows = regime_source.named(parts, 0, hmm.FEAR_GREED)
    assert knows.inputs[-1] == hmm.FEAR_GREED
    x = parts[0][0]
    blind = x.copy()
    blind[:, -1] = np.nan
    without = replace(
        knows,
        inputs=knows.inputs[:-1],
        center=knows.center[:-1],
        scale=knows.scale[:-1],
        means=knows.means[:, :-1],
        covariances=knows.covariances[:, :-1, :-1],
    )
    plain = hmm.filtered(without, x[:, :-1])
    np.testing.assert_allclose(hmm.filtered(knows, blind), plain, atol=1e-9)
    np.testing.assert_allclose(hmm.filtered(knows, x[:, :-1]), plain, atol=1e-9)
    np.testing.assert_array_equal(hmm.filtered(without, x), plain)
    assert np.abs(hmm.filtered(knows, x) - plain).max() > 0.2


@pytest.mark.parametrize("length", [0, 1, 2, 10])
def test_tiny_inputs(length: int) -> None:
    got = found(market(1, 20).window(0, length))
    assert (got.place == NONE).all()
    assert got.place.shape == (length,)
