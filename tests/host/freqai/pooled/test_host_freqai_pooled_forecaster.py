"""One model for all pairs behind FreqAI's steps of one pair."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pool_stage import OWN, PAIRS, START, STEP, TRAIN, WINDOWS, PoolStage, candles_of

from freqpilot.errors import Degraded
from freqpilot.host.boot.digests import stamp_identifier
from freqpilot.host.freqai import columns

# Freqtrade's own calls, of which pandas 3 warns.
pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
FIGURES = [OWN, "up", "down", "forecast_low", "forecast_high", "do_predict"]


@pytest.fixture(scope="module")
def candles() -> dict[str, pd.DataFrame]:
    return {pair: candles_of(seed) for seed, pair in enumerate(PAIRS)}


def trainings(caplog: pytest.LogCaptureFixture) -> int:
    return sum("pooled training on" in record.getMessage() for record in caplog.records)


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one[["date", *FIGURES]], other[["date", *FIGURES]])


def test_the_first_pair_trains_each_window_and_all_are_forecast(
    candles: dict[str, pd.DataFrame], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    stage = PoolStage(tmp_path, candles)
    found = {pair: stage.run(pair) for pair in PAIRS}
    assert trainings(caplog) == WINDOWS
    right = []
    for pair, frame in found.items():
        assert (frame["do_predict"] == 1).mean() > 0.98, pair
        truth = candles[pair].set_index("date")["close"]
        truth = (truth.shift(-6) / truth - 1).reindex(frame["date"]).to_numpy()
        known = np.isfinite(truth)
        right.append(np.corrcoef(frame[OWN][known], truth[known])[0, 1])

        assert frame[OWN].abs().max() < 0.2, "in the target's own units"
        assert (frame["forecast_low"] < frame["forecast_high"]).mean() > 0.98
    assert min(right) > 0.05, right
    assert np.mean(right) > 0.2, right
    (tmp_path / "turned").mkdir()
    turned = PoolStage(tmp_path / "turned", candles)
    for pair in reversed(PAIRS):
        same(turned.run(pair), found[pair])


def test_what_predict_sees_is_what_fit_saw(
    candles: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    """A forecast is that of the library on features that were computed by hand."""
    stage = PoolStage(tmp_path, candles)
    found = stage.run("BTC/USDT")
    (model,) = [m for file, m in stage.model.files._models.items() if _first(file)]
    names = ["%-return_3", "%-volume_3", "%-range_gen"]
    assert model.layout.names[-1] == "%-hour"
    asked = {}
    for pair, frame in candles.items():
        own = pd.DataFrame(
            {
                "%-return_3": frame["close"].pct_change(3),
                "%-volume_3": np.log(frame["volume"]),
                "%-range_gen": frame["high"] / frame["low"] - 1,
            }
        )
        own = pd.concat([own, own.shift(1).add_suffix("_shift-1")], axis=1)
        own.columns = [f"{name}_own_1h" for name in own.columns]
        own["%-hour"] = frame["date"].dt.hour
        assert set(own.columns) == set(model.layout.names)
        x = own[list(model.layout.names)].to_numpy(dtype=np.float32)
        asked[pair] = (np.arange(len(x)), x)
    assert set(model.layout.ranked) == {f"{name}_own_1h" for name in names}
    direct = model.predict(asked)["BTC/USDT"]
    rows = slice(24 * TRAIN, 24 * (TRAIN + STEP))
    np.testing.assert_array_equal(found[OWN][: 24 * STEP], direct.mean[rows])
    np.testing.assert_array_equal(found["up"][: 24 * STEP], direct.up[rows])


def _first(file: str) -> bool:
    end = int((START + pd.Timedelta(days=TRAIN)).timestamp())
    return file.startswith(f"pooled_{end}_")


def over_the_highest(frame: pd.DataFrame, metadata: dict[str, Any], **_: Any) -> pd.DataFrame:
    """Make a target that hangs on every price that it is shown."""
    ahead = frame["close"].shift(-6) / frame["close"] - 1
    return frame.assign(**{OWN: ahead * 100 / frame["close"].max()})


@pytest.mark.parametrize("label", ["own", "over the highest", "the pack's"])
def test_prices_that_come_later_change_no_forecast(
    candles: dict[str, pd.DataFrame], tmp_path: Path, label: str
) -> None:
    """A canary: every price and volume after the first window's training is another, of all pairs;
    what is forecast before they differ stays."""
    cut = 24 * TRAIN + 30
    absurd = {}
    for pair, frame in candles.items():
        other = frame.copy()
        other.loc[cut:, ["open", "high", "low", "close", "volume"]] *= 50.0
        absurd[pair] = other
    stages = []
    for name, given in (("plain", candles), ("absurd", absurd)):
        (tmp_path / name).mkdir()
        stages.append(PoolStage(tmp_path / name, given, own=label != "the pack's"))
        if label == "over the highest":
            stages[-1].strategy.set_freqai_targets = over_the_highest
    figures = FIGURES[1:] if label == "the pack's" else FIGURES
    for pair in PAIRS:
        plain, other = (stage.run(pair) for stage in stages)
        pd.testing.assert_frame_equal(plain[figures].head(30), other[figures].head(30))
        assert not plain[figures[0]].iloc[30:].equals(other[figures[0]].iloc[30:])


def test_a_restart_predicts_the_same_without_training(
    candles: dict[str, pd.DataFrame], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    stage = PoolStage(tmp_path, candles, save_backtest_models=True)
    found = {pair: stage.run(pair) for pair in PAIRS}
    kept = sorted(stage.model.full_path.glob("pooled/*.json"))
    assert len(kept) == WINDOWS, "one file a window, not one a pair"
    for file in stage.model.full_path.glob("backtesting_predictions/*"):
        file.unlink()
    caplog.clear()
    stage.fresh()
    for pair in PAIRS:
        same(stage.run(pair), found[pair])
    assert trainings(caplog) == 0


def test_a_corrupt_file_is_refused_and_left_as_it_is(
    candles: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    stage = PoolStage(tmp_path, candles, save_backtest_models=True)
    stage.run("BTC/USDT")
    (file, _) = sorted(stage.model.full_path.glob("pooled/*.json"))
    text = file.read_text().replace("num_leaves", "num_leavez", 1)
    file.write_text(text)
    for kept in stage.model.full_path.glob("backtesting_predictions/*"):
        kept.unlink()
    stage.fresh()
    with pytest.raises(Degraded, match="corrupt or missing"):
        stage.run("BTC/USDT")
    assert file.read_text() == text


def test_pairs_of_another_run_are_not_taken_from_its_cache(
    candles: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    stage = PoolStage(tmp_path, candles)
    stage.run("BTC/USDT")
    fewer = {pair: candles[pair] for pair in PAIRS[:2]}
    other = PoolStage(tmp_path, fewer)
    assert other.config["freqai"]["identifier"] != stage.config["freqai"]["identifier"]
    assert PoolStage(tmp_path, candles).model.full_path == stage.model.full_path


def test_the_models_folder_tells_model_and_settings_that_make_another() -> None:
    def stamped(model: str = "FreqpilotPooled", **models: Any) -> str:
        config = {
            "runmode": "live",
            "freqaimodel": model,
            "freqai": {"enabled": True, "identifier": "mine"},
            "freqpilot": {"models": models},
        }
        stamp_identifier(config, {"pack": "1"})
        return str(config["freqai"]["identifier"])

    assert stamped() == stamped(edge={"min_ic": 0.2}), "what watches a model makes no other"
    assert len({stamped(), stamped("FreqpilotRegressor"), stamped(pooled={"ranks": False})}) == 3


def test_a_pair_that_appears_later_and_one_with_gaps(
    candles: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    given = dict(candles)
    given["ADA/USDT"] = candles["ADA/USDT"].iloc[24 * TRAIN - 200 :].reset_index(drop=True)
    gap = range(24 * TRAIN + 10, 24 * TRAIN + 14)
    given["ETH/USDT"] = candles["ETH/USDT"].drop(index=gap).reset_index(drop=True)
    stage = PoolStage(tmp_path, given)
    found = {pair: stage.run(pair) for pair in PAIRS}
    assert (found["ADA/USDT"]["do_predict"] == 1).mean() > 0.9
    assert (found["BTC/USDT"]["do_predict"] == 1).all(), "two of three pairs are enough"
    assert len(found["ETH/USDT"]) == 24 * STEP * WINDOWS - len(gap)
    assert (found["ETH/USDT"]["do_predict"] == 1).all()


def test_a_pair_alone_and_one_without_candles(
    candles: dict[str, pd.DataFrame], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stage = PoolStage(tmp_path, {"BTC/USDT": candles["BTC/USDT"]})
    stage.config["exchange"]["pair_whitelist"].append("NEW/USDT")
    found = stage.run("BTC/USDT")
    assert (found["do_predict"] == 1).all()
    assert "without NEW/USDT" in caplog.text


def test_fewer_pairs_than_half_give_no_forecast(
    candles: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    end = 24 * TRAIN + 20
    given = {
        pair: frame if pair == "BTC/USDT" else frame.head(end) for pair, frame in candles.items()
    }
    found = PoolStage(tmp_path, given).run("BTC/USDT")
    np.testing.assert_array_equal(np.flatnonzero(found["do_predict"] == 1), np.arange(20))
    assert (found[OWN].iloc[20:] == 0).all()


def test_a_correlated_pair_has_the_same_columns(
    candles: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    parameters = {"include_corr_pairlist": ["BTC/USDT", "ETH/USDT"]}
    stage = PoolStage(tmp_path, candles, parameters=parameters)
    for pair in PAIRS:
        assert (stage.run(pair)["do_predict"] == 1).mean() > 0.98, pair
    model = next(iter(stage.model.files._models.values()))
    assert len(model.layout.names) == 3 * 6 + 1
    assert len(model.layout.ranked) == 3, "what all pairs share has no rank"


def test_a_feature_that_one_pair_lacks_is_named(
    candles: dict[str, pd.DataFrame], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stage = PoolStage(tmp_path, candles)
    given = stage.strategy.feature_engineering_standard

    def uneven(frame: pd.DataFrame, metadata: dict[str, Any], **kwargs: Any) -> pd.DataFrame:
        frame = given(frame, metadata, **kwargs)
        return frame.assign(**{"%-only": 1.0}) if metadata["pair"] == "ETH/USDT" else frame

    stage.strategy.feature_engineering_standard = uneven
    found = stage.run("BTC/USDT")
    assert (found["do_predict"] == 0).all()
    assert "lacks 1 features that other pairs have, as %-only" in caplog.text


def test_a_candle_that_the_strategy_changed_is_not_forecast(
    candles: dict[str, pd.DataFrame], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stage = PoolStage(tmp_path, candles)
    given = candles["BTC/USDT"].copy()
    given.loc[24 * TRAIN + 7, "volume"] *= 2
    found = stage.run("BTC/USDT", given)
    # It is in its own feature and in the next candle's shifted one.
    np.testing.assert_array_equal(np.flatnonzero(found["do_predict"] == 0), [7, 8])
    assert "change no candle or column before self.freqai.start" in caplog.text


def test_autopilots_label_is_learned_where_it_is_set(
    candles: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    found = PoolStage(tmp_path, candles, own=False).run("ETH/USDT")
    assert set(found[columns.LABEL]) <= {"up", "down"}
    assert (found["do_predict"] == 1).all()
    assert (found["up"] + found["down"]).between(0.999, 1.001).all()
    speaks = (found["up"] - found["down"]).abs() > 0.05
    assert (found[columns.REASONS] != "").eq(speaks).all()
