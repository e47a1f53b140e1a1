"""The doors to the sequence models: a candle's forecast does not hang on how FreqAI cut it out."""

import pickle
import pickletools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqai_stage import stand
from freqtrade.configuration import TimeRange
from freqtrade.exceptions import OperationalException
from freqtrade.freqai.freqai_interface import IFreqaiModel

from candle_source import candles
from freqpilot.host.boot import resolvers
from freqpilot.host.boot.doors import door_dir
from freqpilot.host.commands import networks
from freqpilot.host.frames import features
from freqpilot.host.freqai import columns, sequences
from freqpilot.models.base import runtime
from freqpilot.models.base.fitted import Fitted
from freqpilot.models.catalogue import SEQUENCES
from freqpilot.settings import LabelSettings

ROWS, LENGTH = 1000, 6
TINY = {"length": LENGTH, "hidden": 8, "epochs": 2, "learning_rate": 0.01}


def frame(seed: int = 1, rows: int = ROWS) -> pd.DataFrame:
    """Return candles with a wave, of which the label's horizon is one and a half."""
    source = candles(seed, rows)
    wave = np.exp(0.05 * np.sin(2 * np.pi * np.arange(rows) / 16))
    data = {name: getattr(source, name) * wave for name in ("open", "high", "low", "close")}
    data["volume"] = source.volume
    dated = pd.DataFrame(data | {"date": pd.to_datetime(source.date, utc=True)})
    return features.add_labels(features.add_features(dated), LabelSettings())


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """Return a pair's labelled frame, read by every test."""
    return frame()


@pytest.fixture
def door(tmp_path: Path) -> Any:
    """Return the door to the quickest of the networks."""
    made = stand(
        type("Door", (sequences.SequenceForecaster,), {"forecaster": SEQUENCES["gru"]}), tmp_path
    )
    made.model.config["freqpilot"] = {"models": {"sequences": TINY}}
    return made


def trained(door: Any, whole: pd.DataFrame) -> Any:
    door.kitchen.find_features(whole)
    door.model.model = door.model.train(whole, "BTC/USDT", door.kitchen)
    return door.model.model


def cut(door: Any, whole: pd.DataFrame, begin: int, stop: int) -> pd.DataFrame:
    """Return a window as FreqAI's backtest cuts it."""
    step = pd.Timedelta(hours=1)
    first = int(whole["date"].iloc[begin].timestamp())
    last = int((whole["date"].iloc[stop - 1] + step).timestamp())
    known = whole.iloc[:stop]
    return door.kitchen.slice_dataframe(TimeRange("date", "date", first, last), known)


def test_a_windows_first_candles_know_those_before_it(door: Any, data: pd.DataFrame) -> None:
    assert isinstance(trained(door, data.head(800)), Fitted)
    sequences.keep_context(door.kitchen, LENGTH)
    long, kept = door.model.predict(cut(door, data, 800, 900), door.kitchen)
    assert (kept == 1).all()
    second, kept = door.model.predict(cut(door, data, 840, 900), door.kitchen)
    assert (kept == 1).all()
    pd.testing.assert_frame_equal(second, long.iloc[40:].reset_index(drop=True))
    assert (long["forecast_mean"].diff().dropna() != 0).any()


def test_without_context_the_first_candles_have_no_forecast(door: Any, data: pd.DataFrame) -> None:
    trained(door, data.head(800))
    alone, kept = door.model.predict(data.iloc[800:840], door.kitchen)
    assert np.flatnonzero(kept == 0).tolist() == list(range(LENGTH - 1))
    assert alone.loc[: LENGTH - 2, ["up", "down", "flat"]].to_numpy().sum() == 0


def made(door: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the door as Freqtrade makes it, but for FreqAI's own folders."""

    def begin(self: Any, config: dict[str, Any]) -> None:
        self.__dict__.update(CONV_WIDTH=1, config=config, freqai_info=config["freqai"])

    monkeypatch.setattr(IFreqaiModel, "__init__", begin)
    return type(door.model)(config=door.model.config)


def test_live_asks_for_as_many_candles_as_a_row_needs(
    door: Any, data: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(door, data.head(800))
    whole, _ = door.model.predict(data.iloc[780:820], door.kitchen)
    door.kitchen.live = True
    width = made(door, monkeypatch).CONV_WIDTH
    assert width == LENGTH
    last, kept = door.model.predict(data.iloc[780:820].iloc[-width:], door.kitchen)
    assert kept[-1] == 1
    pd.testing.assert_series_equal(last.iloc[-1], whole.iloc[-1], check_names=False)


def test_a_model_keeps_the_context_it_was_trained_with(door: Any, data: pd.DataFrame) -> None:
    trained(door, data.head(800))
    before, _ = door.model.predict(data.iloc[780:820], door.kitchen)
    door.model.config["freqpilot"] = {"models": {"sequences": TINY | {"length": 12}}}
    after, kept = door.model.predict(data.iloc[780:820], door.kitchen)
    assert kept[LENGTH - 1 :].all()
    pd.testing.assert_frame_equal(before, after)


def test_a_gap_is_no_neighbour(door: Any, data: pd.DataFrame) -> None:
    trained(door, data.head(800))
    holed = data.iloc[800:840].drop(index=820)
    _, kept = door.model.predict(holed, door.kitchen)
    refused = [*range(LENGTH - 1), *range(20, 20 + LENGTH - 1)]
    assert np.flatnonzero(kept == 0).tolist() == refused


def test_another_pairs_candles_are_no_context(door: Any, data: pd.DataFrame) -> None:
    trained(door, data.head(800))
    sequences.keep_context(door.kitchen, LENGTH)
    own, _ = door.model.predict(cut(door, data, 820, 840), door.kitchen)
    other = stand(type(door.model), door.model.config["user_data_dir"])
    sequences.keep_context(other.kitchen, LENGTH)
    cut(other, frame(seed=2), 800, 840)
    again, kept = door.model.predict(cut(door, data, 820, 840), door.kitchen)
    assert (kept == 1).all()
    pd.testing.assert_frame_equal(own, again)


def test_a_candle_after_the_window_changes_nothing(door: Any, data: pd.DataFrame) -> None:
    trained(door, data.head(800))
    sequences.keep_context(door.kitchen, LENGTH)
    long, _ = door.model.predict(cut(door, data, 800, 860), door.kitchen)
    short, _ = door.model.predict(cut(door, data, 800, 830), door.kitchen)
    pd.testing.assert_frame_equal(short, long.head(30))


def test_what_freqai_pickles_are_values_and_text(door: Any, data: pd.DataFrame) -> None:
    model = trained(door, data.head(800))
    raw = pickle.dumps(model)
    named = {part for op, part, _ in pickletools.genops(raw) if isinstance(part, str)}
    assert not [name for name in named if name.startswith("torch")]
    assert pickle.loads(raw) == model


def test_a_forecast_that_counts_tells_its_features(door: Any, data: pd.DataFrame) -> None:
    trained(door, data.head(800))
    found, kept = door.model.predict(data.iloc[800:830], door.kitchen)
    speaks = ((found["up"] - found["down"]).abs() > 0.05) & (kept == 1)
    assert speaks.any()
    told = found.loc[speaks, columns.REASONS]
    assert not told.str.contains("@-").any(), "the candles of a context are added up"
    assert (told != "").any()


def test_without_torch_the_start_is_refused(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "find_spec", lambda name: None)
    with pytest.raises(OperationalException, match=r"pip install 'freqpilot\[deep\]'"):
        made(door, monkeypatch)


def test_the_context_is_kept_where_a_backtest_begins(
    door: Any, data: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = SimpleNamespace(kitchen=None)
    monkeypatch.setattr(
        sequences.Forecaster,
        "start_backtesting",
        lambda self, frame, metadata, dk, strategy: setattr(begun, "kitchen", dk),
    )
    door.model.start_backtesting(data, {"pair": "BTC/USDT"}, door.kitchen, None)
    window = cut(door, data, 800, 840)
    before = getattr(begun.kitchen, sequences.CONTEXT)
    assert len(window) == 40
    assert before["date"].tolist() == data["date"].iloc[800 - LENGTH + 1 : 800].tolist()


def test_every_sequence_model_has_a_door() -> None:
    named = resolvers.class_names(door_dir("freqaimodels"))
    assert {*networks.DOORS} <= {*named}
    assert len(networks.DOORS) == len(SEQUENCES)
    files = door_dir("freqaimodels").glob("Freqpilot*.py")
    ours = {f.stem for f in files if "SequenceForecaster" in f.read_text(encoding="utf-8")}
    assert ours == {*networks.DOORS}
