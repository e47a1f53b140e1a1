"""The anomaly guard in FreqAI: a step of any pipeline, a setting of ours, an alert live."""

import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from datasieve.pipeline import Pipeline
from datasieve.transforms import SKLearnWrapper
from freqai_stage import stand
from sklearn.preprocessing import MinMaxScaler

from candle_source import candles
from freqpilot.errors import RefuseToStart
from freqpilot.host.alerts import events as alerts
from freqpilot.host.frames import features
from freqpilot.host.freqai import classifier, forecaster, guard
from freqpilot.models.base import runtime
from freqpilot.models.catalogue import MODELS
from freqpilot.settings import GuardSettings, LabelSettings, Settings

pytest.importorskip("torch", reason="the extra freqpilot[deep] is not installed")
ROWS = 1_000
ON = {"enabled": True, "epochs": 8, "hidden": 16, "code": 4}


def frame(seed: int = 1) -> pd.DataFrame:
    source = candles(seed, ROWS)
    data = {name: getattr(source, name) for name in ("open", "high", "low", "close", "volume")}
    dated = pd.DataFrame(data | {"date": pd.to_datetime(source.date, utc=True)})
    return features.add_labels(features.add_features(dated), LabelSettings())


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """Return a pair's labelled frame, read by every test."""
    return frame()


@pytest.fixture(params=["linear", "classifier"])
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Return a door of either base, with the guard on."""
    kind = classifier.PurgedClassifier
    if request.param == "linear":
        kind = type("Door", (forecaster.Forecaster,), {"forecaster": MODELS["linear"]})
    made = stand(kind, tmp_path)
    made.model.config["freqpilot"] = {"models": {"guard": ON}}
    made.model.model_training_parameters = {"n_estimators": 5}
    made.kitchen.find_features(frame().head(2))
    return made


def strange(data: pd.DataFrame, rows: list[int]) -> pd.DataFrame:
    """Return the newest 40 candles with figures at ``rows`` that were never seen."""
    tail = data.tail(40).copy()
    names = [name for name in tail.columns if name.startswith("%-")]
    places = [tail.columns.get_loc(name) for name in names]
    tail.iloc[rows, places] = 1e4 * np.where(np.arange(len(names)) % 2, 1.0, -1.0)
    return tail


def test_a_strange_candle_comes_back_as_not_predicted(door: Any, data: pd.DataFrame) -> None:
    door.model.model = door.model.train(data, "BTC/USDT", door.kitchen)
    usual, before = door.model.predict(data.tail(40), door.kitchen)
    found, kept = door.model.predict(strange(data, [10, 25]), door.kitchen)
    assert kept[[10, 25]].tolist() == [0, 0]
    others = [row for row in range(40) if row not in (10, 25)]
    assert kept[others].tolist() == before[others].tolist()
    assert before.mean() > 0.7
    pd.testing.assert_frame_equal(found.loc[others], usual.loc[others])


def test_live_the_user_is_told_of_the_newest_candle_only(door: Any, data: pd.DataFrame) -> None:
    door.model.model = door.model.train(data, "BTC/USDT", door.kitchen)
    alerts.begin_anew()
    door.kitchen.live = True
    door.model.predict(strange(data, [5]), door.kitchen)
    usual = alerts.BACKLOG.texts()
    _, kept = door.model.predict(strange(data, [39]), door.kitchen)
    assert kept[-1] == 0
    told = alerts.BACKLOG.texts()
    alerts.begin_anew()
    assert len(told) == len(usual) + 1
    assert "BTC/USDT" in told[-1]
    assert "no entry by it" in told[-1]


def test_a_model_trained_without_it_is_not_believed(door: Any, data: pd.DataFrame) -> None:
    door.model.config["freqpilot"] = {}
    door.model.model = door.model.train(data, "BTC/USDT", door.kitchen)
    _, kept = door.model.predict(data.tail(40), door.kitchen)
    assert (kept == 1).all(), "the guard is off by default"
    door.model.config["freqpilot"] = {"models": {"guard": ON}}
    _, kept = door.model.predict(data.tail(40), door.kitchen)
    assert (kept == 0).all()


def test_in_a_stock_pipeline_it_marks_rows_and_changes_nothing(data: pd.DataFrame) -> None:
    names = [name for name in data.columns if name.startswith("%-")]
    known = data[names].dropna()
    step = guard.AutoencoderGuard(GuardSettings(**ON))
    pipe = Pipeline(
        [("scale", SKLearnWrapper(MinMaxScaler(feature_range=(-1, 1)))), ("guard", step)], {}
    )
    plain = Pipeline([("scale", SKLearnWrapper(MinMaxScaler(feature_range=(-1, 1))))], {})
    labels = pd.DataFrame({"&-y": np.zeros(len(known))})
    weights = np.ones(len(known))
    found = pipe.fit_transform(known, labels, weights)
    wanted = plain.fit_transform(known, labels, weights)
    pd.testing.assert_frame_equal(found[0], wanted[0])
    assert len(found[1]) == len(labels)
    tail = strange(data, [3])[names]
    _, marks, _ = pipe.transform(tail, outlier_check=True)
    assert marks[3] < 1
    assert (np.asarray(marks) == 1).mean() > 0.6
    kept = pickle.loads(pickle.dumps(pipe))
    np.testing.assert_array_equal(kept.transform(tail, outlier_check=True)[1], marks)
    parts = {part for _, part, _ in pickletools.genops(pickle.dumps(step)) if part is not None}
    assert not [p for p in parts if isinstance(p, str) and p.startswith("torch")]


def test_asked_before_it_was_fitted_it_accepts_nothing() -> None:
    with pytest.raises(RuntimeError, match="never fitted"):
        guard.AutoencoderGuard().transform(np.zeros((1, 2)), np.ones(1), outlier_check=True)


def test_switched_on_without_torch_the_start_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "find_spec", lambda name: None)
    settings = Settings.from_config({"freqpilot": {"models": {"guard": {"enabled": True}}}})
    with pytest.raises(RefuseToStart, match=r"pip install 'freqpilot\[deep\]'"):
        guard.check(settings)
    guard.check(Settings())
    assert guard.pipeline(Settings()).steps == []
