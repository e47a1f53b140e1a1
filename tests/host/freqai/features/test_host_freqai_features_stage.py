"""FreqAI's features are the same bit by bit with the seam, and a kept feature is never a wrong one.
Candles are SYNTHETIC."""

import copy
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.freqai.data_kitchen import FreqaiDataKitchen
from freqtrade.templates.FreqaiExampleStrategy import FreqaiExampleStrategy

from candle_source import candles
from freqpilot.host.freqai import columns
from freqpilot.host.freqai.features import stage as featurestage

# Freqtrade's example strategy uses what pandas has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:Series.dt.dayofweek is deprecated")

PAIRS = ("BTC/USDT", "ETH/USDT:USDT", "SOL/USDT")
STEPS = {"5m": 1, "15m": 3, "1h": 12}
ROWS = 1_500
WRAPPED = ("populate_features", "use_strategy_to_populate_indicators")
STOCK = {n: getattr(getattr(FreqaiDataKitchen, n), "__wrapped__", None) for n in WRAPPED}
STOCK = {n: f or getattr(FreqaiDataKitchen, n) for n, f in STOCK.items()}

Frames = dict[tuple[str, str], pd.DataFrame]


def make_frames() -> Frames:
    """Candles with holes: in the main ones, in the longer ones, and starts that do not agree."""
    rule = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    frames: Frames = {}
    for seed, pair in enumerate(PAIRS):
        source = candles(seed + 1, ROWS)
        data: dict[str, Any] = {
            "date": pd.date_range("2026-01-01 00:25", periods=ROWS, freq="5min", tz="UTC")
        }
        data |= {name: getattr(source, name) for name in ("open", "high", "low", "close", "volume")}
        base = pd.DataFrame(data)
        for timeframe, step in STEPS.items():
            frame = base.set_index("date").resample(f"{5 * step}min").agg(rule).reset_index()
            if step > 1:
                frame = frame.drop(index=[9, 10, 40])
            first = 30 if step == 1 and seed == 0 else 2 * seed
            frame = frame.iloc[first:]
            if step == 1:
                frame = frame[(frame.index < 700) | (frame.index > 717)]
            frames[pair, timeframe] = frame.reset_index(drop=True)
    return frames


def configuration(**more: Any) -> dict[str, Any]:
    return {
        "timeframe": "5m",
        "exchange": {"pair_whitelist": [*PAIRS]},
        "user_data_dir": Path(),
        "freqai": {
            "enabled": True,
            "identifier": "test",
            "feature_parameters": {
                "include_timeframes": [*STEPS],
                "include_corr_pairlist": [*PAIRS[:2]],
                "include_shifted_candles": 2,
                "indicator_periods_candles": [10, 20],
                "label_period_candles": 24,
            },
        },
        **more,
    }


class Counting(FreqaiExampleStrategy):
    """Counts how often its features are computed."""

    calls = 0

    def feature_engineering_expand_all(self, dataframe, period, metadata, **kwargs):
        self.calls += 1
        assert set(metadata) == {"pair", "tf"}
        return super().feature_engineering_expand_all(dataframe, period, metadata, **kwargs)


class Stage:
    """The feature stage of one strategy with its candles."""

    def __init__(self, kind: type = Counting, **more: Any) -> None:
        self.frames, self.config = make_frames(), configuration(**more)
        self.strategy = kind(copy.deepcopy(self.config))
        self.strategy.freqai_info = self.config["freqai"]
        self.strategy.dp = SimpleNamespace(
            get_pair_dataframe=lambda pair, timeframe: self.frames[pair, timeframe].copy()
        )

    def run(self, pair: str, live: bool = False, **more: Any) -> pd.DataFrame:
        kitchen = FreqaiDataKitchen(self.config, live=True, pair=pair)
        kitchen.live = live
        if not more.get("base_dataframes"):
            more.setdefault("prediction_dataframe", self.frames[pair, "5m"].copy())
        result = kitchen.use_strategy_to_populate_indicators(self.strategy, pair=pair, **more)
        assert isinstance(result, pd.DataFrame)
        return result

    def stock(self, pair: str, **more: Any) -> pd.DataFrame:
        """Run what Freqtrade defines."""
        with pytest.MonkeyPatch.context() as patch:
            for name, method in STOCK.items():
                patch.setattr(FreqaiDataKitchen, name, method)
            return self.run(pair, **more)


@pytest.fixture
def own_path(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test that compares Freqtrade with itself."""
    with caplog.at_level(logging.DEBUG, logger=featurestage.__name__):
        yield
    said = [record.getMessage() for record in caplog.get_records("call")]
    assert said, "nothing was computed"
    assert not any("own path" in line for line in said)


@pytest.fixture(autouse=True)
def seam() -> Iterator[None]:
    before = {name: getattr(FreqaiDataKitchen, name) for name in WRAPPED}
    featurestage.store.clear()
    for seam in featurestage.SEAMS:
        seam.check()
        seam.apply()
        seam.apply()
    yield
    for name, method in before.items():
        setattr(FreqaiDataKitchen, name, method)
    featurestage.store.clear()


def assert_same(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    assert ours.columns.tolist() == theirs.columns.tolist()
    assert ours.columns.dtype == theirs.columns.dtype
    assert type(ours.index) is type(theirs.index)
    assert ours.index.equals(theirs.index)
    assert ours.dtypes.tolist() == theirs.dtypes.tolist()
    for name in ours.columns:
        a, b = ours[name].to_numpy(), theirs[name].to_numpy()
        if a.dtype.kind == "f":
            assert (np.isnan(a) == np.isnan(b)).all(), name
            known = ~np.isnan(a)
            assert a[known].tobytes() == b[known].tobytes(), name
        else:
            pd.testing.assert_series_equal(ours[name], theirs[name], check_exact=True)


@pytest.mark.usefixtures("own_path")
@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("pair", PAIRS)
def test_the_frame_is_freqtrades_bit_by_bit(pair: str, live: bool) -> None:
    stage = Stage()
    for more in ({}, {"do_corr_pairs": False}):
        theirs = stage.stock(pair, live=live, **more)
        assert_same(stage.run(pair, live=live, **more), theirs)
        assert_same(stage.run(pair, live=live, **more), theirs)
    assert sum(name.startswith("%") for name in theirs.columns) == 191


@pytest.mark.usefixtures("own_path")
@pytest.mark.usefixtures("own_path")
@pytest.mark.parametrize("pair", PAIRS)
def test_a_model_of_the_pack_gets_the_same_features_as_float32(pair: str) -> None:
    stage = Stage(internals={columns.NARROW: True})
    theirs, ours = stage.stock(pair), stage.run(pair)
    made = [n for n in theirs.columns if n.startswith("%") and n.endswith((*STEPS,))]
    small = [n for n in theirs.columns if ours[n].dtype == np.float32]
    assert len(small) > 100
    assert small == [n for n in made if theirs[n].dtype == np.float64]
    assert_same(ours, theirs.astype(dict.fromkeys(small, np.float32)))
    others = [n for n in theirs.columns if not n.startswith("%") and theirs[n].dtype.kind == "f"]
    assert others
    assert all(ours[name].dtype == np.float64 for name in others)


def test_a_training_uses_the_frames_it_is_given() -> None:
    stage = Stage(reduce_df_footprint=True)

    def given() -> dict[str, Any]:
        cut = {key: frame.iloc[3:-40].reset_index(drop=True) for key, frame in stage.frames.items()}
        corr = {p: {tf: cut[p, tf] for tf in STEPS} for p in PAIRS[:2]}
        return {
            "base_dataframes": {tf: cut["SOL/USDT", tf] for tf in STEPS},
            "corr_dataframes": corr,
        }

    ours, theirs = stage.run("SOL/USDT", **given()), stage.stock("SOL/USDT", **given())
    assert_same(ours, theirs)
    assert len(ours) == len(stage.frames["SOL/USDT", "5m"]) - 43


@pytest.mark.usefixtures("own_path")
def test_a_single_candle_tells_the_names() -> None:
    stage = Stage()
    tail = stage.frames["SOL/USDT", "5m"].tail(1)
    assert_same(
        stage.run("SOL/USDT", prediction_dataframe=tail),
        stage.stock("SOL/USDT", prediction_dataframe=tail),
    )


def test_each_pair_and_timeframe_is_computed_once() -> None:
    stage = Stage()
    results = {pair: stage.run(pair) for pair in PAIRS}
    assert stage.strategy.calls == len(PAIRS) * len(STEPS) * 2
    for pair in PAIRS:
        assert_same(stage.run(pair), results[pair])
    assert stage.strategy.calls == len(PAIRS) * len(STEPS) * 2


@pytest.mark.usefixtures("own_path")
def test_what_a_reader_does_to_its_frame_stays_with_it() -> None:
    stage = Stage()
    first = stage.run("SOL/USDT")
    before = first.copy()
    for name in first.columns:
        if name.startswith("%-") and first[name].dtype == np.float64:
            first.loc[:, name] = 1e9
    first.iloc[5:50, 1:] = -1.0
    assert_same(stage.run("SOL/USDT"), before)


@pytest.mark.usefixtures("own_path")
def test_what_a_strategy_does_to_its_copy_stays_with_it() -> None:
    class Spoiling(Counting):
        def feature_engineering_expand_all(self, dataframe, period, metadata, **kwargs):
            frame = super().feature_engineering_expand_all(dataframe, period, metadata)
            frame["close"] = frame["close"].rolling(3).mean()
            frame.loc[:, "volume"] = 0.0
            return frame

    stage = Stage(Spoiling)
    assert_same(stage.run("SOL/USDT"), stage.stock("SOL/USDT"))


@pytest.mark.usefixtures("own_path")
def test_a_changed_last_candle_is_computed_anew() -> None:
    stage = Stage()
    stage.run("BTC/USDT")
    calls = stage.strategy.calls
    frame = stage.frames["BTC/USDT", "5m"]
    frame.loc[frame.index[-1], "close"] *= 1.0 + 1e-9
    ours = stage.run("BTC/USDT")
    assert stage.strategy.calls == calls + 2
    assert_same(ours, stage.stock("BTC/USDT"))


@pytest.mark.usefixtures("own_path")
def test_another_strategy_or_parameter_is_not_mixed_up() -> None:
    class Other(Counting):
        def feature_engineering_expand_basic(self, dataframe, metadata, **kwargs):
            dataframe["%-raw_price"] = dataframe["close"] * 2
            dataframe["%-pct-change"] = dataframe["close"].pct_change()
            dataframe["%-raw_volume"] = dataframe["volume"]
            return dataframe

    one, two = Stage(), Stage(Other)
    assert_same(one.run("SOL/USDT"), one.stock("SOL/USDT"))
    assert_same(two.run("SOL/USDT"), two.stock("SOL/USDT"))
    two.config["freqai"]["feature_parameters"]["indicator_periods_candles"] = [7]
    assert_same(two.run("SOL/USDT"), two.stock("SOL/USDT"))
    two.strategy._ft_hyper_params = {"buy": {"x": SimpleNamespace(name="x", value=1)}}
    calls = two.strategy.calls
    two.run("SOL/USDT", do_corr_pairs=False)
    assert two.strategy.calls == calls + len(STEPS)


class Mixed(Counting):
    """Features of all types, own columns, values that are missing or infinite."""

    def feature_engineering_expand_all(self, dataframe, period, metadata, **kwargs):
        mean = dataframe["close"].rolling(period).mean()
        dataframe["%-above-period"] = dataframe["close"] > mean
        dataframe["%-sign-period"] = np.sign(dataframe["close"].diff().fillna(0)).astype("int32")
        dataframe["%-mean-period"] = mean.astype("float32")
        dataframe["%-ratio-period"] = dataframe["close"] / mean
        dataframe["note-period"] = np.where(dataframe["close"] > mean, "high", "low")
        return dataframe

    def feature_engineering_expand_basic(self, dataframe, metadata, **kwargs):
        dataframe["%-count"] = np.arange(len(dataframe))
        dataframe["%-zero"] = np.where(dataframe["close"] > 100, -0.0, np.inf)
        dataframe["%-pair"] = float(len(metadata["pair"]) + len(metadata["tf"]))
        dataframe["delta"] = 1.0
        return dataframe


class OnlyWhole(Counting):
    """No feature is a float."""

    def feature_engineering_expand_all(self, dataframe, period, metadata, **kwargs):
        return dataframe

    def feature_engineering_expand_basic(self, dataframe, metadata, **kwargs):
        dataframe["%-count"] = np.arange(len(dataframe))
        return dataframe


@pytest.mark.usefixtures("own_path")
@pytest.mark.parametrize("kind", [Mixed, OnlyWhole])
@pytest.mark.parametrize("pair", PAIRS)
def test_columns_of_any_type_keep_it(pair: str, kind: type) -> None:
    stage = Stage(kind)
    frame = stage.frames[pair, "5m"]
    frame["own"], frame["%-own"], frame["delta"] = np.arange(len(frame)), 0.5, -0.5
    frame.index = frame.index + 7
    theirs = stage.stock(pair)
    assert_same(stage.run(pair), theirs)
    assert_same(stage.run(pair), theirs)
    assert stage.strategy not in featurestage._unfit


class Bare(Counting):
    """One column that is no feature."""

    def feature_engineering_expand_all(self, dataframe, period, metadata, **kwargs):
        return dataframe

    def feature_engineering_expand_basic(self, dataframe, metadata, **kwargs):
        return dataframe.assign(place=np.arange(len(dataframe)))


@pytest.mark.usefixtures("own_path")
@pytest.mark.parametrize("kind", [Counting, Mixed, Bare])
@pytest.mark.parametrize(
    "section",
    [
        {"include_shifted_candles": 0},
        {"include_shifted_candles": 5, "include_corr_pairlist": []},
        {"indicator_periods_candles": []},
        {"include_timeframes": ["1h", "5m"]},
        {"include_timeframes": ["15m"], "include_corr_pairlist": ["SOL/USDT"]},
    ],
)
def test_any_section_gives_the_same(kind: type, section: dict[str, Any]) -> None:
    stage = Stage(kind)
    stage.config["freqai"]["feature_parameters"] |= section
    frame = stage.frames["SOL/USDT", "5m"]
    for part in (frame, frame.iloc[:3]):
        theirs = stage.stock("SOL/USDT", prediction_dataframe=part)
        assert_same(stage.run("SOL/USDT", prediction_dataframe=part), theirs)


def test_a_timeframe_named_twice_takes_freqtrades_path() -> None:
    stage = Stage()
    stage.config["freqai"]["feature_parameters"]["include_timeframes"] = ["5m", "5m"]
    assert_same(stage.run("SOL/USDT"), stage.stock("SOL/USDT"))


@pytest.mark.usefixtures("own_path")
def test_dates_that_are_plain_objects_are_understood() -> None:
    class Plain(Mixed):
        def feature_engineering_standard(self, dataframe, metadata, **kwargs):
            return dataframe

    stage = Stage(Plain)
    for frame in stage.frames.values():
        frame["date"] = frame["date"].astype(object)
    assert_same(stage.run("SOL/USDT"), stage.stock("SOL/USDT"))
    assert stage.strategy not in featurestage._unfit


def _fewer(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.iloc[5:]


def _turned(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.iloc[::-1]


def _later(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(date=frame["date"] + pd.Timedelta(minutes=5))


def _more(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, _later(frame.tail(1))])


@pytest.mark.parametrize("change", [_fewer, _turned, _later, _more])
def test_a_strategy_that_moves_rows_takes_freqtrades_path(
    change: Callable[[pd.DataFrame], pd.DataFrame], caplog: pytest.LogCaptureFixture
) -> None:
    class Moving(Counting):
        def feature_engineering_expand_basic(self, dataframe, metadata, **kwargs):
            return change(super().feature_engineering_expand_basic(dataframe, metadata, **kwargs))

    stage = Stage(Moving)
    with caplog.at_level(logging.DEBUG, logger=featurestage.__name__):
        ours = stage.run("SOL/USDT")
    assert "the strategy's frame of gen has other candles" in caplog.text
    assert_same(ours, stage.stock("SOL/USDT"))


def test_a_lost_base_column_fails_as_it_does_in_freqtrade() -> None:
    class Losing(Counting):
        def feature_engineering_expand_basic(self, dataframe, metadata, **kwargs):
            return dataframe.drop(columns="open")

    with pytest.raises(KeyError, match="open_gen"):
        Stage(Losing).run("SOL/USDT")


def test_candles_out_of_order_take_freqtrades_path_and_blame_no_strategy() -> None:
    stage = Stage()
    frame = stage.frames["BTC/USDT", "1h"]
    stage.frames["BTC/USDT", "1h"] = pd.concat([frame.iloc[20:], frame.iloc[:20]])
    assert_same(stage.run("SOL/USDT"), stage.stock("SOL/USDT"))
    assert stage.strategy not in featurestage._unfit


@pytest.mark.usefixtures("own_path")
def test_a_standard_function_may_drop_rows_and_add_columns() -> None:
    class Dropping(Counting):
        def feature_engineering_standard(self, dataframe, metadata, **kwargs):
            frame = super().feature_engineering_standard(dataframe, metadata, **kwargs)
            return frame.iloc[50:]

    stage = Stage(Dropping)
    assert_same(stage.run("SOL/USDT"), stage.stock("SOL/USDT"))


@pytest.mark.usefixtures("own_path")
def test_many_columns_added_one_by_one_warn_nobody() -> None:
    class Wide(Counting):
        def feature_engineering_standard(self, dataframe, metadata, **kwargs):
            for place in range(80):
                dataframe[f"%-wide_{place}"] = dataframe["close"] * place
            return dataframe

        def set_freqai_targets(self, dataframe, metadata, **kwargs):
            for place in range(80):
                dataframe[f"&-wide_{place}"] = dataframe["close"].shift(-place)
            return dataframe

    stage = Stage(Wide)
    assert_same(stage.run("SOL/USDT", live=True), stage.stock("SOL/USDT", live=True))


@pytest.mark.usefixtures("own_path")
def test_unknown_steps_of_freqtrade_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, method in STOCK.items():
        monkeypatch.setattr(FreqaiDataKitchen, name, method)
    monkeypatch.setattr(featurestage, "FOLLOWED", "")
    for seam in featurestage.SEAMS:
        seam.apply()
    assert FreqaiDataKitchen.use_strategy_to_populate_indicators is STOCK[WRAPPED[1]]
    stage = Stage()
    assert_same(stage.run("SOL/USDT", live=True), stage.stock("SOL/USDT", live=True))
    assert stage.strategy.calls == 2 * len(PAIRS) * len(STEPS) * 2


def test_the_known_freqtrade_is_followed() -> None:
    assert featurestage._follows(FreqaiDataKitchen.use_strategy_to_populate_indicators)


def test_the_store_is_bounded_and_forgets_the_oldest() -> None:
    store = featurestage.Store(100)
    for key in "abc":
        store.put(key, key, 40)
    assert (store.get("a"), store.get("b"), store.get("c"), store.size) == (None, "b", "c", 80)
    store.get("b")
    store.put("d", "d", 40)
    assert (store.get("b"), store.get("c")) == ("b", None)
    store.put("b", "B", 60)
    assert (store.get("b"), store.get("d"), store.size) == ("B", "d", 100)
    store.put("e", "e", 101)
    assert (len(store), store.get("e"), store.size) == (2, None, 100)


def test_threads_share_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(featurestage, "store", featurestage.Store(2_000_000))
    stage = Stage()
    theirs = {pair: stage.stock(pair) for pair in PAIRS}
    with ThreadPoolExecutor(4) as pool:
        for pair, ours in zip(PAIRS * 3, pool.map(stage.run, PAIRS * 3), strict=True):
            assert_same(ours, theirs[pair])
    assert featurestage.store.size <= featurestage.store.budget


def test_it_can_be_turned_off() -> None:
    stage = Stage()
    theirs = stage.stock("SOL/USDT")
    stage.config["freqpilot"] = {"features": {"shared": False}}
    before = len(featurestage.store)
    assert_same(stage.run("SOL/USDT"), theirs)
    assert len(featurestage.store) == before == 0
