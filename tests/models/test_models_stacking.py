"""The stack: members speak by what they were worth out of sample, and not by what they remember."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from conformance import LABELS, NAMES, SEED, planted, window

from freqpilot.models import catalogue
from freqpilot.models.base.fitted import Fitted
from freqpilot.models.base.window import Window, known, parts
from freqpilot.models.ensemble import stacking
from freqpilot.models.ensemble.stacking import Stacked
from freqpilot.models.linear import Ridge
from freqpilot.settings import LabelSettings


def stack(*names: str) -> Stacked:
    """Return a stack of models of the catalogue."""
    return Stacked(members=tuple(catalogue.MODELS[name] for name in names))


FAST = stack("linear", "logistic", "last_value")


@dataclass(frozen=True)
class Watched:
    """Ridge regression that notes which windows it was given."""

    name: ClassVar[str] = "watched"
    classes: ClassVar[bool] = False
    seen: tuple[Any, ...] = ()

    def fit(self, given: Window, settings: LabelSettings, seed: int) -> Fitted:
        SEEN.append(given)
        return Ridge().fit(given, settings, seed)


SEEN: list[Window] = []


@pytest.fixture
def watched() -> Stacked:
    SEEN.clear()
    return Stacked(members=(Watched(),))


def by_kind(fitted: Fitted) -> dict[str, float]:
    core: Any = fitted.core
    return {f"{each.core.kind} {each.classes}": each.factor for each in core.members}


def test_folds_go_forward_purged_and_leave_the_calibration_alone(watched: Stacked) -> None:
    given = window(False)
    watched.fit(given, LABELS, SEED)
    *folds, whole = SEEN
    assert len(folds) == stacking.FOLDS
    assert whole.last == given.last
    hold = given.time[parts(given, LABELS).hold[0]]
    lasts = [fold.last for fold in folds]
    assert lasts == sorted(lasts)
    assert lasts[-1] < hold
    for fold in folds:
        assert fold.end.max() <= fold.last
        assert fold.time.max() <= fold.last - LABELS.purge


def test_what_calibrates_moves_no_share() -> None:
    """The newest rows, which alone give the interval, are made absurd."""
    given = window(False)
    hold = parts(given, LABELS).hold
    y = given.y.copy()
    y[hold] = 9.0
    # Neither of these learns again from the whole window.
    fixed = stack("logistic", "last_value")
    one, other = (fixed.fit(each, LABELS, SEED) for each in (given, replace(given, y=y)))
    assert one.core == other.core
    assert one.head != other.head
    models = list(FAST.members)
    found = [
        stacking.shares_of(models, each, parts(given, LABELS), LABELS, SEED).of
        for each in (given, replace(given, y=y))
    ]
    np.testing.assert_array_equal(*found)


def test_members_learn_again_from_the_whole_window_and_errors_stay_honest() -> None:
    given = window(False)
    alone = stack("linear").fit(given, LABELS, SEED)
    core: Any = alone.core
    (member,) = core.members
    plain = Ridge().fit(given, LABELS, SEED)
    whole: Any = Ridge().again(given, plain, LABELS, SEED)
    assert member.core == whole
    assert member.columns == plain.columns
    # What calibrates is the member that has not seen the tail, at the same share.
    train = parts(given, LABELS).train
    lean = plain.core.raw(given.x)
    scaled = member.factor * whole.raw(given.x).std() / lean[train].std() * lean
    hold = parts(given, LABELS).hold
    head: Any = alone.head
    sizes = np.abs(given.y[hold] - head.factor * scaled[hold])
    assert head.scores[99] == pytest.approx(np.quantile(sizes, 100 / 201))


def test_a_member_that_was_wrong_has_no_say() -> None:
    right = by_kind(FAST.fit(window(False), LABELS, SEED))
    assert set(right) == {"linear False", "linear True", "last_value False"}
    assert all(share > 0 for share in right.values())
    wrong = by_kind(FAST.fit(window(False, sign=-1.0), LABELS, SEED))
    assert set(wrong) == {"linear False", "linear True"}, "the last value was wrong on each fold"


def test_the_newer_folds_count_more() -> None:
    """What a feature tells turns around within the folds: the last value was right, then wrong."""
    x, y, end = planted(False, rows=1_600)
    ones = np.ones(len(x))
    turn = int(0.72 * len(x))
    turned = y.copy()
    turned[turn:] *= -1
    assert "last_value False" in by_kind(FAST.fit(known(x, y, end, ones, ones, NAMES), LABELS, 1))
    late = FAST.fit(known(x, turned, end, ones, ones, NAMES), LABELS, 1)
    assert "last_value False" not in by_kind(late)


def test_where_nobody_knows_anything_the_stack_is_silent() -> None:
    x, _, end = planted(False)
    y = np.random.default_rng(3).standard_normal(len(x))
    ones = np.ones(len(x))
    noise = known(x, y, end, ones, ones, NAMES)
    alone = stack("last_value")
    models = [catalogue.MODELS["last_value"]]
    sign = -1.0 if stacking.shares_of(models, noise, parts(noise, LABELS), LABELS, 1).of[0] else 1.0
    silent = alone.fit(replace(noise, y=sign * noise.y), LABELS, SEED)
    forecast = silent.predict(x[:20])
    assert by_kind(silent) == {}
    assert (forecast.mean == 0).all()
    assert (forecast.confidence == 0.5).all()
    assert (silent.leaning(x[:20]) == 0).all()


def test_it_is_no_worse_than_its_best_member_where_they_differ() -> None:
    """A linear relation on two features, of which the last value knows one."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2_500, len(NAMES))).astype(np.float32)
    y = 0.3 * x[:, 0] + 0.3 * x[:, 3] + rng.standard_normal(len(x))
    end, ones = np.arange(len(x)) + 4, np.ones(len(x))
    given = known(x[:2_000], y[:2_000], end[:2_000], ones[:2_000], ones[:2_000], NAMES)

    def worth(model: Any) -> float:
        mean = model.fit(given, LABELS, SEED).predict(x[2_000:]).mean
        return float(np.corrcoef(mean, y[2_000:])[0, 1])

    assert worth(FAST) > worth(catalogue.MODELS["last_value"]) + 0.05
    assert worth(FAST) > worth(catalogue.MODELS["linear"]) - 0.03


def test_its_scale_is_that_of_the_outcome() -> None:
    x, y, _ = planted(False, seed=2)
    mean = FAST.fit(window(False), LABELS, SEED).predict(x).mean[:-4]
    slope = float(np.dot(mean, y[:-4]) / np.dot(mean, mean))
    assert slope == pytest.approx(1.0, abs=0.15)


def test_a_window_too_short_for_a_fold_gives_equal_parts() -> None:
    rows = next(n for n in range(60, 200) if _accepts(n))
    given = window(False, rows=rows)
    models = list(FAST.members)
    shares = stacking.shares_of(models, given, parts(given, LABELS), LABELS, SEED)
    np.testing.assert_allclose(shares.of, 1 / 3)
    assert not shares.scaled


def test_it_is_scaled_once() -> None:
    usual: Any = FAST.fit(window(False), LABELS, SEED).head
    assert usual.factor == 1.0, "the folds have scaled it"
    rows = next(n for n in range(60, 200) if _accepts(n))
    short: Any = FAST.fit(window(False, rows=rows), LABELS, SEED).head
    assert short.factor != 1.0, "without a fold the tail has to"


def _accepts(rows: int) -> bool:
    try:
        parts(window(False, rows=rows), LABELS)
    except ValueError:
        return False
    return True


def test_lightgbms_parameters_reach_the_members_that_take_them() -> None:
    made = replace(stack("trees_regressor", "linear"), params=(("n_estimators", 2),))
    fitted: Any = made.fit(window(False), LABELS, SEED).core
    texts = {
        each.core.kind: each.core.text for each in fitted.members if hasattr(each.core, "text")
    }
    assert texts["trees_mean"].count("Tree=") == 2


def test_its_trees_read_every_feature() -> None:
    fitted: Any = stack("trees_regressor").fit(window(False), LABELS, SEED).core
    (member,) = fitted.members
    assert member.columns == tuple(range(len(NAMES)))


def test_a_file_with_members_of_both_kinds_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = stack("linear", "logistic").fit(window(False), LABELS, SEED)
    assert set(by_kind(made)) == {"linear False", "linear True"}
    made.save(tmp_path / "model.json")
    found = Fitted.load(tmp_path / "model.json", catalogue.CORES)
    x = window(False).x[:30]
    assert found == made
    np.testing.assert_array_equal(found.predict(x).mean, made.predict(x).mean)


def test_the_file_holds_each_members_kind_content_columns_classes_and_factor() -> None:
    made: Any = stack("linear").fit(window(False), LABELS, SEED).core
    (member,) = made.members
    (written,) = made.content()["members"]
    text = json.dumps(member.core.content(), sort_keys=True)
    assert written == ("linear", text, member.columns, False, member.factor)


def test_without_a_past_return_the_others_speak() -> None:
    given = replace(window(False), names=tuple(f"f{k}" for k in range(len(NAMES))))
    assert set(by_kind(FAST.fit(given, LABELS, SEED))) == {"linear False", "linear True"}


@pytest.mark.parametrize(
    ("candles", "moves"),
    [((0, LABELS.embargo - 1), False), ((LABELS.embargo, LABELS.embargo), True)],
    ids=["embargo", "behind it"],
)
def test_rows_of_the_embargo_measure_nobody(
    watched: Stacked, candles: tuple[int, int], moves: bool
) -> None:
    """The newest fold's first candles overlap the labels that its members were trained on."""
    given = window(False)
    watched.fit(given, LABELS, SEED)
    begin = max(fold.last for fold in SEEN[:-1]) + 1
    absurd = (given.time >= begin + candles[0]) & (given.time <= begin + candles[1])
    assert absurd.any()
    y = np.where(absurd, -9.0 * np.sign(given.y), given.y)
    models = list(FAST.members)
    found = [
        stacking.shares_of(models, each, parts(given, LABELS), LABELS, SEED).of
        for each in (given, replace(given, y=y))
    ]
    assert (found[0] != found[1]).any() == moves


def test_folds_leave_out_the_purge_and_labels_that_end_in_them(watched: Stacked) -> None:
    given = window(False)
    watched.fit(given, LABELS, SEED)
    before = [(fold.time.max(), fold.last) for fold in SEEN[:-1]]
    assert all(newest == last - LABELS.purge for newest, last in before)
    SEEN.clear()
    long = replace(given, end=np.minimum(given.time + 40, given.last))
    watched.fit(long, LABELS, SEED)
    for fold in SEEN[:-1]:
        assert fold.end.max() == fold.last
