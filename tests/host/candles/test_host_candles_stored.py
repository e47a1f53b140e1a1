"""Closes of all pairs: files and the exchange give the same, for the period that is asked for."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from book_stage import HOUR, NOW, PAIRS, Source, begin, candles, same, stored, write
from freqtrade.enums import CandleType

from freqpilot.host.candles.stored import fetched_candles, stored_candles
from freqpilot.host.gate.bookrisk import BookRisk
from freqpilot.host.run.current import current, end
from freqpilot.risk.book.covariance import resampled


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    yield
    end()


def test_a_backtest_and_a_bot_see_the_same(tmp_path: Path) -> None:
    known = candles()
    write(tmp_path, known)
    begin(stored(tmp_path))
    assert len(current().part(BookRisk).view(PAIRS, NOW).known) == 4
    seen = current().part(BookRisk).view(PAIRS, NOW)
    asked: list[Any] = []

    def refresh(keys: Any, *, since_ms: int, cache: bool) -> dict[Any, pd.DataFrame]:
        asked.append((keys, cache))
        found = {}
        for key in keys:
            date, close = known[key[0]]
            there = (date * 1_000 >= since_ms) & (date + HOUR <= NOW.timestamp())
            dates = pd.to_datetime(date[there], unit="s", utc=True)
            found[key] = pd.DataFrame({"date": dates, "close": close[there]})
        return found

    exchange = SimpleNamespace(
        _config={"candle_type_def": CandleType.SPOT}, refresh_latest_ohlcv=refresh
    )
    begin(fetched_candles(exchange))
    assert same(seen, current().part(BookRisk).view(PAIRS, NOW))
    assert len(asked) == 1
    assert asked[0][1] is False


def test_files_of_shorter_candles_will_do_and_a_longer_strategy_sets_the_pace(
    tmp_path: Path,
) -> None:
    write(tmp_path, candles(step=900), "15m")
    begin(stored(tmp_path, "15m"), "15m")
    seen = current().part(BookRisk).view(PAIRS, NOW)
    assert seen.history.shape == (4, 30 * 24 - 23)
    whole = {pair: resampled(c, 900, HOUR) for pair, c in candles(step=900).items()}
    begin(Source(whole))
    assert same(seen, current().part(BookRisk).view(PAIRS, NOW))
    write(tmp_path, candles(step=4 * HOUR), "4h")
    begin(stored(tmp_path, "4h"), "4h")
    assert current().part(BookRisk).view(PAIRS, NOW).history.shape == (4, 30 * 6 - 5)


def test_the_files_are_read_for_the_period_and_what_it_looks_back_on(tmp_path: Path) -> None:
    write(tmp_path, candles())
    config = {
        "datadir": tmp_path,
        "dataformat_ohlcv": "feather",
        "candle_type_def": CandleType.SPOT,
    }
    begin(stored(tmp_path))
    whole = [
        current().part(BookRisk).view(PAIRS, NOW),
        current().part(BookRisk).view(PAIRS, NOW + timedelta(days=5)),
    ]
    span = f"{NOW.timestamp():.0f}-{(NOW + timedelta(days=5)).timestamp():.0f}"
    source = stored_candles({**config, "timerange": span}, "1h")
    begin(source)
    assert same(whole[0], current().part(BookRisk).view(PAIRS, NOW))
    assert same(whole[1], current().part(BookRisk).view(PAIRS, NOW + timedelta(days=5)))
    assert len(source(PAIRS[:1], "1h", 0)[PAIRS[0]].date) < 40 * 24


def test_a_file_that_is_written_again_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, candles())
    begin(stored(tmp_path))
    first = current().part(BookRisk).view(PAIRS, NOW)
    write(tmp_path, candles(seed=2))
    begin(stored(tmp_path))
    assert not same(first, current().part(BookRisk).view(PAIRS, NOW))
