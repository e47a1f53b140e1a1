"""Candle files that hold two markets are named, and those of one market are not."""

import logging
from pathlib import Path

import pandas as pd
import pytest

from freqpilot.errors import FreqpilotError
from freqpilot.host.boot import start
from freqpilot.host.candles import files as candlefiles
from freqpilot.host.candles.files import LARGEST_STEP, describe, step_of
from freqpilot.host.commands import doctor
from freqpilot.rehearsal.market.synthetic import SyntheticMarket

LAST = 299


def market(seed: int = 3) -> pd.DataFrame:
    return SyntheticMarket(["BTC/USDT"], candles=LAST + 1, seed=seed).frames["BTC/USDT"].copy()


def mixed(row: int = 200, factor: float = 0.55) -> pd.DataFrame:
    """Return candles that another market, at ``factor`` of the price, goes on from ``row``."""
    frame = market()
    frame.loc[row:, ["open", "high", "low", "close"]] *= factor
    return frame


@pytest.mark.parametrize("factor", [0.55, 0.79, 1.27, 20.0])
@pytest.mark.parametrize("row", [1, 200, LAST])
def test_a_file_of_two_markets_is_found(row: int, factor: float) -> None:
    frame = mixed(row, factor)
    step = step_of(frame)
    assert step is not None
    assert (step.before, step.after) == (frame["date"][row - 1], frame["date"][row])
    assert step.open / step.close == pytest.approx(factor, rel=0.02)
    assert step.count == 1


def test_both_ends_of_what_was_written_in_between_count() -> None:
    frame = mixed(100)
    frame.loc[150:, ["open", "high", "low", "close"]] /= 0.55
    step = step_of(frame)
    assert step is not None
    assert (step.after, step.count) == (frame["date"][100], 2)
    assert "and 1 more" in str(step)


def test_one_market_is_none() -> None:
    assert step_of(market()) is None
    assert step_of(mixed(200, 1 - LARGEST_STEP + 0.05)) is None
    assert step_of(market().head(1)) is None
    assert step_of(market().head(0)) is None


def test_a_candle_that_moves_far_is_no_second_market() -> None:
    frame = market()
    frame.loc[200, ["low", "close"]] *= 0.5  # it falls by half, and the next one opens there
    frame.loc[201:, ["open", "high", "low", "close"]] *= 0.5
    assert step_of(frame) is None


def test_a_gap_in_time_and_prices_that_are_missing_are_no_step() -> None:
    gap = mixed(200).drop(index=range(200, 203)).reset_index(drop=True)
    assert step_of(gap) is None
    empty = market()
    empty.loc[200, ["open", "high", "low", "close"]] = 0.0
    empty.loc[100, ["open", "high", "low", "close"]] = float("nan")
    assert step_of(empty) is None


def test_doctor_names_the_files(tmp_path: Path) -> None:
    (tmp_path / "futures").mkdir()
    market().to_feather(tmp_path / "ETH_USDT-1h.feather")
    assert "1 candle file" in doctor._data({"datadir": tmp_path})
    for name in ("BTC_USDT-1h", "futures/BTC_USDT_USDT-1h-futures"):
        mixed().to_feather(tmp_path / f"{name}.feather")
    mixed().to_feather(tmp_path / "futures" / "BTC_USDT_USDT-8h-funding_rate.feather")
    (tmp_path / "XRP_USDT-1h.feather").write_bytes(b"broken")
    found = describe(tmp_path)
    assert [line.partition(":")[0] for line in found] == [
        "BTC_USDT-1h.feather",
        "BTC_USDT_USDT-1h-futures.feather",
    ]
    with pytest.raises(FreqpilotError, match=r"2 file\(s\) .* hold two markets: BTC_USDT-1h"):
        doctor._data({"datadir": tmp_path})


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # Freqtrade's
@pytest.mark.parametrize("kind", ["feather", "parquet", "json", "jsongz"])
def test_freqtrade_names_the_file_once_when_it_loads_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    from freqtrade.data.history import load_pair_history
    from freqtrade.data.history.datahandlers import get_datahandler
    from freqtrade.enums import CandleType

    start.activate()
    caplog.set_level(logging.WARNING)
    handler = get_datahandler(tmp_path, kind)
    for pair, frame in (("BTC/USDT", mixed()), ("ETH/USDT", market())):
        handler.ohlcv_store(pair, "1h", frame, CandleType.SPOT)
    for _ in range(2):
        for pair in ("BTC/USDT", "ETH/USDT"):
            loaded = load_pair_history(pair, "1h", tmp_path, data_format=kind)
            assert len(loaded) == LAST + 1
    (told,) = [each.getMessage() for each in caplog.records if "two markets" in each.message]
    step = step_of(mixed())
    assert str(step) in told
    assert f"rm '{tmp_path}/BTC_USDT-1h." in told


@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_a_look_that_fails_keeps_no_candle_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from freqtrade.data.history import load_pair_history

    def broken(candles: pd.DataFrame) -> None:
        raise ValueError("of the test")

    start.activate()
    monkeypatch.setattr(candlefiles, "step_of", broken)
    market().to_feather(tmp_path / "BTC_USDT-1h.feather")
    assert len(load_pair_history("BTC/USDT", "1h", tmp_path)) == LAST + 1
    assert "could not be checked: of the test" in caplog.text


@pytest.mark.filterwarnings("ignore:The inplace keyword")
def test_candles_are_read_of_a_kind_and_a_period_with_gaps_or_filled(tmp_path: Path) -> None:
    whole = market()
    gap = whole.drop(index=range(100, 110)).reset_index(drop=True)
    gap.to_feather(tmp_path / "BTC_USDT-1h.feather")
    (tmp_path / "futures").mkdir()
    whole.head(50).to_feather(tmp_path / "futures" / "BTC_USDT_USDT-1h-futures.feather")
    read = candlefiles.read_candles(tmp_path, "BTC/USDT", "1h", "spot")
    pd.testing.assert_series_equal(read["close"], gap["close"])
    filled = candlefiles.read_candles(tmp_path, "BTC/USDT", "1h", "spot", fill=True)
    assert len(filled) == LAST + 1
    assert (filled["volume"].iloc[100:110] == 0).all()
    first, last = (int(whole["date"].iloc[row].timestamp()) for row in (20, 40))
    for period, begin, end in (((first, last), 20, 40), ((first, 0), 20, LAST), ((0, last), 0, 40)):
        part = candlefiles.read_candles(tmp_path, "BTC/USDT", "1h", "spot", period=period)
        assert part["date"].iloc[0] == whole["date"].iloc[begin]
        assert part["date"].iloc[-1] == whole["date"].iloc[end]
    futures = candlefiles.read_candles(tmp_path, "BTC/USDT:USDT", "1h", "futures")
    assert len(futures) == 50
    assert candlefiles.read_candles(tmp_path, "ETH/USDT", "1h", "spot").empty


def test_real_candles_give_no_alarm(realdata: Path) -> None:
    folders = [realdata / "candles" / "binance", realdata / "candles_2024" / "binance"]
    assert sum(len([*folder.rglob("*.feather")]) for folder in folders) > 150
    assert [line for folder in folders for line in describe(folder)] == []
