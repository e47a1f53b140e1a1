"""Learning again from the whole window: newer relations are known, errors stay honest."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conformance import LABELS, SEED, ModelContract, window

from freqpilot.models.base.window import parts
from freqpilot.models.ensemble.whole import Learner, Whole
from freqpilot.models.linear import PENALTIES, Autoregression, Ridge, _ridges
from freqpilot.models.trees.boosting import TreesRegressor

LEARNERS: list[Any] = [Ridge(), Autoregression(), TreesRegressor(), TreesRegressor(selected=False)]


class TestWholeLinear(ModelContract):
    model = Whole(Ridge())


class TestWholeTrees(ModelContract):
    model = Whole(TreesRegressor(selected=False))


@pytest.mark.parametrize("model", LEARNERS, ids=str)
def test_what_the_newest_rows_say_is_learnt_and_the_head_stays(model: Learner) -> None:
    """A relation that turned round where the part begins that measures errors."""
    given = window(False)
    y = given.y.copy()
    newest = given.time >= given.time[parts(given, LABELS).hold[0]]
    y[newest] *= -1
    turned = replace(given, y=y)
    plain, whole = model.fit(turned, LABELS, SEED), Whole(model).fit(turned, LABELS, SEED)
    assert whole.head == plain.head, "errors are those of candles that it had not seen"
    assert whole.columns == plain.columns

    def slope(fitted: Any) -> float:
        x = np.zeros((2, len(given.names)), np.float32)
        x[:, 0] = -1, 1
        low, high = fitted.core.raw(x[:, list(fitted.columns)])
        return float(high - low)

    assert slope(whole) < slope(plain) - 0.05


def test_as_many_trees_are_grown_as_the_tail_let_stand() -> None:
    params = (("n_estimators", 7),)
    given = window(False)
    plain = TreesRegressor(params=params).fit(given, LABELS, SEED)
    whole = Whole(TreesRegressor(), params).fit(given, LABELS, SEED)
    count, core = (fitted.core.text.count("Tree=") for fitted in (plain, whole))  # type: ignore[attr-defined]
    assert count == core <= 7


@pytest.mark.parametrize("strength", [0.0, 0.3])
def test_the_penalty_is_the_one_that_the_tail_chose(strength: float) -> None:
    given = window(False)
    noise = np.random.default_rng(4).standard_normal(len(given.y))
    given = replace(given, y=strength * given.x[:, 0] + 0.05 * noise)
    columns, everything = tuple(range(len(given.names))), np.arange(len(given.y))
    plain = Ridge().fit(given, LABELS, SEED)
    train = parts(given, LABELS).train
    of_train = list(_ridges(given, train, columns, PENALTIES))
    place = of_train.index(plain.core)  # type: ignore[arg-type]
    assert (place < 2) == (strength > 0)
    of_all = list(_ridges(given, everything, columns, PENALTIES))
    assert Ridge().again(given, plain, LABELS, SEED) == of_all[place]


def test_a_column_that_was_left_out_stays_out() -> None:
    model = Autoregression()
    given = window(False)
    assert Whole(model).fit(given, LABELS, SEED).columns == (0,)
