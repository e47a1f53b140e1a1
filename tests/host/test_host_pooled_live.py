"""One model for all pairs, live: trained by whoever comes first, asked candle by candle."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pool_stage import HOURS, OWN, PAIRS, START, PoolStage, candles_of

# Freqtrade's own calls, of which pandas 3 warns.
pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
ROWS = 200
END = START + pd.Timedelta(hours=HOURS)


@pytest.fixture
def stage(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> PoolStage:
    caplog.set_level(logging.INFO)
    return PoolStage(tmp_path, {p: candles_of(k) for k, p in enumerate(PAIRS)}, live=True)


def files(stage: PoolStage) -> list[str]:
    return sorted(file.name for file in stage.model.full_path.glob("pooled/*"))


def later(stage: PoolStage, hours: int, pairs: tuple[str, ...] = PAIRS) -> None:
    """Let candles come."""
    for seed, pair in enumerate(PAIRS):
        if pair in pairs:
            stage.candles[pair] = candles_of(seed, HOURS + hours)


def first(stage: PoolStage, pair: str) -> None:
    """Ask once: FreqAI forecasts the whole frame then, which counts as history."""
    assert stage.ask(pair, ROWS)["do_predict"] in (0, 1)


def test_pairs_share_a_model_until_it_is_to_be_trained_anew(stage: PoolStage) -> None:
    stage.train("BTC/USDT", END)
    stage.train("ETH/USDT", END + pd.Timedelta(hours=23))
    (name,) = files(stage)
    known = stage.model.dd.pair_dict
    assert known["ETH/USDT"]["trained_timestamp"] == END.timestamp(), "as old as the model is"
    assert stage.model.dd.model_dictionary["ETH/USDT"].file == name
    stage.train("ADA/USDT", END + pd.Timedelta(hours=25))
    assert len(files(stage)) == 2
    assert stage.model.dd.model_dictionary["ADA/USDT"].file != name
    folders = [each.name for each in stage.model.full_path.glob("sub-train-*")]
    assert len(folders) == 3, "FreqAI keeps its folder of each pair"


def test_a_new_candle_is_forecast_by_its_own_features(stage: PoolStage) -> None:
    """The row is that of the library on candles of all pairs up to then."""
    stage.train("BTC/USDT", END)
    stage.train("ETH/USDT", END)
    first(stage, "ETH/USDT")
    later(stage, 1)
    row = stage.ask("ETH/USDT", ROWS)
    assert row["do_predict"] == 1
    assert row["date"] == END
    model = next(iter(stage.model.files._models.values()))
    asked = {}
    for pair, frame in stage.candles.items():
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
        x = own[list(model.layout.names)].to_numpy(dtype=np.float32)
        asked[pair] = (np.arange(len(x)), x)
    assert row[OWN] == model.predict(asked)["ETH/USDT"].mean[-1]


def test_features_of_all_pairs_are_computed_once_a_candle(stage: PoolStage) -> None:
    for pair in PAIRS:
        stage.train(pair, END)
    for pair in PAIRS:
        first(stage, pair)
    later(stage, 1)
    asked: list[str] = []
    given = stage.strategy.dp.get_pair_dataframe

    def counted(pair: str, timeframe: str) -> pd.DataFrame:
        asked.append(pair)
        return given(pair, timeframe)

    sources = stage.model.sources
    before = sources._populated
    sources._populated = lambda kitchen, strategy, pair: (
        asked.append(f"features of {pair}") or before(kitchen, strategy, pair)
    )
    stage.strategy.dp.get_pair_dataframe = counted
    for pair in PAIRS:
        assert stage.ask(pair, ROWS)["do_predict"] == 1
    assert sorted(each for each in asked if each.startswith("features")) == [
        f"features of {pair}" for pair in PAIRS
    ]


def test_a_candle_that_comes_late_is_seen_when_its_pair_is_asked(stage: PoolStage) -> None:
    for pair in PAIRS:
        stage.train(pair, END)
        first(stage, pair)
    later(stage, 1, ("ADA/USDT", "BTC/USDT"))
    assert stage.ask("BTC/USDT", ROWS)["do_predict"] == 1, "two of three are enough"
    later(stage, 1)
    assert stage.ask("ETH/USDT", ROWS)["do_predict"] == 1


def test_a_pair_that_comes_later_is_forecast_on_its_whole_frame(stage: PoolStage) -> None:
    """FreqAI's first question is about all candles, the others are about the newest."""
    for pair in PAIRS:
        stage.train(pair, END)
    first(stage, "BTC/USDT")
    later(stage, 1)
    assert stage.ask("BTC/USDT", ROWS)["do_predict"] == 1
    _, found = asked_anew(stage, "ETH/USDT")
    assert np.isfinite(found["forecast_mean"]).sum() >= ROWS - 4


def test_with_too_few_candles_there_is_no_entry(stage: PoolStage) -> None:
    for pair in PAIRS:
        stage.train(pair, END)
        first(stage, pair)
    later(stage, 1, ("BTC/USDT",))
    assert stage.ask("BTC/USDT", ROWS)["do_predict"] == 0


def test_a_restart_forecasts_the_same(stage: PoolStage) -> None:
    stage.train("BTC/USDT", END)
    first(stage, "BTC/USDT")
    later(stage, 1)
    before = stage.ask("BTC/USDT", ROWS)
    stage.model.dd.save_drawer_to_disk()
    stage.fresh()
    first(stage, "BTC/USDT")
    later(stage, 2)
    stage.hold()
    after = stage.ask("BTC/USDT", ROWS)
    frame = stage.model.dd.historic_predictions["BTC/USDT"]
    assert after["do_predict"] == before["do_predict"] == 1
    later(stage, 1)
    stage.fresh()
    stage.model.dd.historic_predictions.clear()
    dk, found = asked_anew(stage, "BTC/USDT")
    assert found[OWN].iloc[-1] == before[OWN]
    assert dk == 1
    assert len(frame)


def asked_anew(stage: PoolStage, pair: str) -> tuple[int, pd.DataFrame]:
    """Return what the model that was loaded from disk forecasts of the newest candles."""
    seen: dict[str, Any] = {}
    given = stage.model.predict

    def kept(frame: pd.DataFrame, dk: Any, **kwargs: Any) -> Any:
        seen["found"] = given(frame, dk, **kwargs)
        return seen["found"]

    stage.model.predict = kept
    stage.ask(pair, ROWS)
    found, do_predict = seen["found"]
    return int(do_predict[-1]), found


def test_a_corrupt_file_is_set_aside_silent_and_trained_anew(
    stage: PoolStage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.train("BTC/USDT", END)
    (name,) = files(stage)
    file = stage.model.full_path / "pooled" / name
    text = file.read_text()[:-9]
    file.write_text(text)
    stage.model.dd.save_drawer_to_disk()
    stage.fresh()
    do_predict, _ = asked_anew(stage, "BTC/USDT")
    assert do_predict == 0
    assert "the pooled model is silent" in caplog.text
    assert [Path(each).suffix for each in files(stage)] == [".corrupt"]
    assert (file.with_suffix(".corrupt")).read_text() == text
    assert stage.model.dd.pair_dict["BTC/USDT"]["trained_timestamp"] == 0
    stage.train("BTC/USDT", END)
    assert name in files(stage)
    assert asked_anew(stage, "BTC/USDT")[0] == 1


def test_a_model_that_is_no_pooled_one_is_silent(
    stage: PoolStage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.train("BTC/USDT", END)
    stage.model.dd.model_dictionary["BTC/USDT"] = "another"
    assert asked_anew(stage, "BTC/USDT")[0] == 0
    assert "is no pooled one" in caplog.text


def test_old_files_go_and_those_in_use_stay(stage: PoolStage) -> None:
    stage.train("ADA/USDT", END)
    (oldest,) = files(stage)
    for days in (2, 4, 6):
        stage.train("BTC/USDT", END + pd.Timedelta(days=days))
    assert len(files(stage)) == 3, "the two newest, and the one that ADA still asks"
    assert oldest in files(stage)
