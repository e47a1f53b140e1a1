"""FreqAI's faults are not inherited: NaN rows, missing purge, unchecked model files."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqai_stage import stand

from candle_source import candles
from freqpilot.errors import Degraded
from freqpilot.host.candles import rows as rows_module
from freqpilot.host.frames import decided as frames
from freqpilot.host.frames import features, words
from freqpilot.host.freqai import classifier
from freqpilot.host.freqai import columns as columns_module
from freqpilot.models.training import shelf
from freqpilot.settings import LabelSettings, Settings

ROWS = 1_200


def frame(seed: int = 1, rows: int = ROWS) -> pd.DataFrame:
    source = candles(seed, rows)
    data = {name: getattr(source, name) for name in ("open", "high", "low", "close", "volume")}
    data["date"] = pd.to_datetime(source.date, utc=True)
    return features.add_labels(features.add_features(pd.DataFrame(data)), LabelSettings())


@pytest.fixture
def model(tmp_path: Path) -> Any:
    """Return the pack's classifier."""
    return stand(classifier.PurgedClassifier, tmp_path)


def trained(model: Any, data: pd.DataFrame) -> Any:
    model.kitchen.find_features(data)
    return model.model.train(data, "BTC/USDT", model.kitchen)


def test_training_leaves_the_horizon_out_between_the_parts(model: Any) -> None:
    seen: dict[str, Any] = {}
    original = model.model.fit
    model.model.fit = lambda data, kitchen: seen.update(data) or original(data, kitchen)
    data = frame()
    assert trained(model, data) is not None
    train, valid = seen["train_features"].index, seen["test_features"].index
    labels = LabelSettings()
    assert valid.min() - train.max() > labels.purge + labels.embargo
    assert train.max() + labels.horizon < valid.min()
    assert data.index[-1] - valid.max() == labels.horizon, "the last labels are not known"
    assert (np.asarray(seen["train_weights"]) < 1).all(), "overlapping labels share their weight"


def test_a_row_with_a_missing_figure_never_comes_back_as_predicted(model: Any) -> None:
    data = frame()
    model.model.model = trained(model, data)
    holes = data.tail(100).copy()
    feature = next(name for name in holes.columns if name.startswith("%-"))
    holes.iloc[10, holes.columns.get_loc(feature)] = np.nan
    holes.iloc[20, holes.columns.get_loc(feature)] = np.inf
    predictions, do_predict = model.model.predict(holes, model.kitchen)
    assert np.flatnonzero(do_predict == 0).tolist() == [10, 20]
    assert predictions.loc[[10, 20], ["up", "down", "flat"]].to_numpy().sum() == 0
    whole, _ = model.model.predict(data.tail(100), model.kitchen)
    kept = [i for i in range(100) if i not in (10, 20)]
    pd.testing.assert_frame_equal(predictions.loc[kept], whole.loc[kept])


def test_a_forecast_that_counts_tells_its_reasons(model: Any) -> None:
    data = frame()
    model.model.model = trained(model, data)
    predictions, _ = model.model.predict(data.tail(200), model.kitchen)
    edge = (predictions["up"] - predictions["down"]).abs()
    told = predictions[columns_module.REASONS] != ""
    assert told.any()
    assert not told[edge <= 0.05].any(), "a neutral forecast has no say"
    assert (
        predictions.loc[told, columns_module.REASONS].str.contains(r"at .* \([+-]\d\.\d\d\)").all()
    )
    model.kitchen.live = True
    live, _ = model.model.predict(data.tail(200), model.kitchen)
    assert (live[columns_module.REASONS].iloc[:-1] == "").all(), "live only the last row is taken"
    assert live[columns_module.REASONS].iloc[-1] == predictions[columns_module.REASONS].iloc[-1]


def test_what_predict_sees_is_what_fit_saw(model: Any) -> None:
    data = frame()
    fitted = trained(model, data)
    model.model.model = fitted
    predictions, _ = model.model.predict(data.tail(50), model.kitchen)
    columns = model.kitchen.training_features_list
    direct = fitted.predict_proba(data.tail(50)[columns].to_numpy(dtype=np.float32))
    np.testing.assert_array_equal(predictions[["down", "flat", "up"]].to_numpy(), direct)


def test_two_pairs_interleaved_share_nothing(model: Any) -> None:
    first, second = frame(1), frame(2)
    alone = trained(model, first).text
    trained(model, second)
    assert trained(model, first).text == alone


def test_a_label_beyond_the_window_changes_no_model(model: Any) -> None:
    """A canary: prices after the window's end are made absurd."""
    source = candles(1, ROWS + 200)
    data = {name: getattr(source, name) for name in ("open", "high", "low", "close", "volume")}
    data["date"] = pd.to_datetime(source.date, utc=True)
    plain, absurd = pd.DataFrame(data), pd.DataFrame(data)
    for name in ("open", "high", "low", "close"):
        absurd.loc[ROWS:, name] *= 100

    def window(whole: pd.DataFrame) -> pd.DataFrame:
        return features.add_labels(features.add_features(whole).head(ROWS), LabelSettings())

    assert trained(model, window(plain)).text == trained(model, window(absurd)).text


def test_too_short_a_window_gives_no_model(model: Any) -> None:
    assert trained(model, frame(rows=410)) is None


def test_a_changed_model_file_is_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "cb_model.joblib").write_bytes(b"model")
    (tmp_path / "cb_feature_pipeline.pkl").write_bytes(b"pipeline")
    with pytest.raises(Degraded, match="carries no readable digest"):
        shelf.verify(tmp_path)
    shelf.stamp(tmp_path)
    shelf.verify(tmp_path)
    (tmp_path / "cb_model.joblib").write_bytes(b"evil")
    with pytest.raises(Degraded, match=r"cb_model.joblib is corrupt or was changed"):
        shelf.verify(tmp_path)
    assert (tmp_path / "cb_model.joblib").read_bytes() == b"evil", "it is left for the person"


def test_labels_in_words_are_missing_where_unknown() -> None:
    labels = frame()[columns_module.LABEL]
    assert set(labels.dropna()) == {"up", "down", "flat"}
    assert labels.tail(LabelSettings().horizon).isna().all()


def test_decisions_read_the_model_only_where_it_spoke() -> None:
    data = frame().assign(up=0.6, down=0.1, flat=0.3, do_predict=1)
    data.loc[ROWS - 5 :, "do_predict"] = 0
    decided = frames.add_decisions(data, Settings())
    assert decided["contrib_model_forecast"].iloc[-6] > 0.2
    assert (decided["contrib_model_forecast"].tail(5) == 0).all()
    assert decided["coverage"].iloc[-6] == pytest.approx(0.80 / 1.45)
    assert decided["coverage"].iloc[-1] == pytest.approx(0.60 / 1.45)
    ready = frames.model_ready(decided)
    assert ready.iloc[-6]
    assert not ready.tail(5).any()


def test_the_last_closed_candle_is_found_whatever_the_dates_are_made_of() -> None:
    data = frame()
    step = pd.Timedelta(hours=1)
    data["date"] = data["date"].astype(object)  # what Freqtrade's live candles become
    row = rows_module.closed_row(data, data["date"].iloc[-1] + step, step.to_pytimedelta())
    assert row is not None
    assert row["date"] == data["date"].iloc[-1]
    early = rows_module.closed_row(data, datetime(2000, 1, 1, tzinfo=UTC), step.to_pytimedelta())
    assert early is None
    assert "%-hour_sin" in features.add_calendar(data)


def test_a_decision_explains_itself() -> None:
    decided = frames.add_decisions(frame(), Settings())
    place = int(decided["composite"].abs().argmax())
    step = pd.Timedelta(hours=1).to_pytimedelta()
    told = decided.iloc[place].copy()
    told["model_reasons"] = "rsi 14 at 71 (+0.31)"
    told["contrib_model_forecast"] = 0.1
    said = words.decision_of("BTC/USDT", told, "long", step)
    assert "the model by rsi 14 at 71 (+0.31)" in said.reasons
    for column, value in (("model_reasons", 0), ("contrib_model_forecast", 0.0)):
        silent = told.copy()
        silent[column] = value  # FreqAI fills a gap with a number
        said = words.decision_of("BTC/USDT", silent, "long", step)
        assert not any(reason.startswith("the model by") for reason in said.reasons)
    decision = words.decision_of(
        "BTC/USDT", decided.iloc[place], "long", pd.Timedelta(hours=1).to_pytimedelta()
    )
    assert sum(decision.contributions.values()) == pytest.approx(decision.composite)
    assert decision.reasons[0].startswith("technical")
    assert decision.time > decided["date"].iloc[place]
