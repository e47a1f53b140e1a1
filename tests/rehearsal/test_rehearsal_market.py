"""The invented market: valid, repeatable, and with the habits it claims."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from freqpilot.errors import RefuseToStart
from freqpilot.rehearsal.market.synthetic import DEFAULT_PAIRS, REGIMES, SyntheticMarket

COLUMNS = ["date", "open", "high", "low", "close", "volume"]


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(candles=6_000, seed=11)


def returns(market: SyntheticMarket) -> pd.DataFrame:
    return pd.DataFrame({p: np.log(f["close"]).diff() for p, f in market.frames.items()}).dropna()


def test_candles_are_valid(market: SyntheticMarket) -> None:
    assert tuple(market.frames) == DEFAULT_PAIRS
    for frame in market.frames.values():
        assert list(frame.columns) == COLUMNS
        assert str(frame["date"].dtype) == "datetime64[ms, UTC]"
        assert (frame["date"].diff().dropna() == pd.Timedelta(hours=1)).all()
        body = frame[["open", "close"]]
        assert (frame["high"] >= body.max(axis=1)).all()
        assert (frame["low"] <= body.min(axis=1)).all()
        assert (frame["low"] > 0).all()
        assert (frame["volume"] > 0).all()
        assert (frame["open"].iloc[1:].to_numpy() == frame["close"].iloc[:-1].to_numpy()).all()


def test_deterministic_by_seed() -> None:
    first, again, other = (SyntheticMarket(candles=200, seed=s) for s in (5, 5, 6))
    for pair, frame in first.frames.items():
        pd.testing.assert_frame_equal(frame, again.frames[pair])
        assert not np.array_equal(frame["close"], other.frames[pair]["close"])


def test_prefix_and_pair_list_change_nothing() -> None:
    whole = SyntheticMarket(candles=400, seed=5)
    part = SyntheticMarket(pairs=["ETH/USDT"], candles=150, seed=5)
    pd.testing.assert_frame_equal(part.frames["ETH/USDT"], whole.frames["ETH/USDT"].head(150))


def test_pairs_are_correlated_but_not_one(market: SyntheticMarket) -> None:
    table = returns(market).corr().to_numpy()
    apart = table[~np.eye(len(table), dtype=bool)]
    assert apart.min() > 0.35
    assert apart.max() < 0.95


def test_volatility_clusters_and_tails_are_heavy(market: SyntheticMarket) -> None:
    moves = returns(market)
    for pair in moves:
        size = moves[pair].abs()
        assert size.autocorr(1) > 0.05
        assert np.mean([size.autocorr(lag) for lag in range(1, 49)]) > 0.03
        assert abs(moves[pair].autocorr(1)) < 0.08
        assert moves[pair].kurt() > 2


def test_daily_volatility_is_plausible(market: SyntheticMarket) -> None:
    daily = returns(market).std() * np.sqrt(24)
    assert daily.between(0.012, 0.08).all()
    assert daily["SOL/USDT"] > daily["BTC/USDT"]


def test_volume_rises_with_the_return(market: SyntheticMarket) -> None:
    frame = market.frames["BTC/USDT"]
    move = np.log(frame["close"] / frame["open"]).abs()
    value = frame["volume"] * frame["close"]
    assert value[move > move.quantile(0.8)].mean() > 1.5 * value[move < move.quantile(0.2)].mean()


def test_hours_and_regimes_differ(market: SyntheticMarket) -> None:
    size = returns(market)["BTC/USDT"].abs()
    hour = market.frames["BTC/USDT"]["date"].dt.hour.loc[size.index]
    assert size[hour.between(13, 17)].mean() > 1.2 * size[hour.between(1, 5)].mean()
    regime = pd.Series(market.regimes).loc[size.index]
    assert set(regime.unique()) == set(range(len(REGIMES)))
    calm, turbulent = (size[regime == row].median() for row in (0, 3))
    assert turbulent > 1.5 * calm


def test_written_files_are_freqtrades_own(tmp_path: Path) -> None:
    from freqtrade.data.history import get_datahandler
    from freqtrade.enums import CandleType

    market = SyntheticMarket(pairs=["BTC/USDT", "XRP/USDT"], candles=60, seed=1)
    written = market.write_candles(tmp_path / "ours")
    handler = get_datahandler(tmp_path / "theirs", "feather")
    for path, (pair, frame) in zip(written, market.frames.items(), strict=True):
        handler.ohlcv_store(pair, "1h", frame, CandleType.SPOT)
        theirs = tmp_path / "theirs" / path.name
        pd.testing.assert_frame_equal(pd.read_feather(path), pd.read_feather(theirs))
        loaded = get_datahandler(tmp_path / "ours", "feather").ohlcv_load(
            pair, "1h", CandleType.SPOT, fill_missing=False, drop_incomplete=False
        )
        np.testing.assert_array_equal(loaded[COLUMNS], frame)
    assert "SYNTHETIC" in (tmp_path / "ours" / "SYNTHETIC.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"pairs": ["BTCUSDT"]}, "BTC/USDT"),
        ({"pairs": ["BTC/USDT:USDT"]}, "not a spot pair"),
        ({"candles": 0}, "at least one"),
        ({"timeframe_minutes": 7}, "no candle of 7"),
        ({"start": datetime(2026, 1, 1, 0, 30, tzinfo=UTC)}, "boundary"),
    ],
)
def test_bad_input_is_refused(bad: dict[str, object], message: str) -> None:
    with pytest.raises(RefuseToStart, match=message):
        SyntheticMarket(**bad)  # type: ignore[arg-type]
