"""Memecoins' facts, from the store to a strategy's columns."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from event_stage import BEGIN, HOUR, MODES, candles, config, keep

import fact_readers
from freqpilot.errors import RefuseToStart
from freqpilot.host.facts.memes import add_attention, attention_of, require_memes, tradable
from freqpilot.settings import Settings
from freqpilot.shapes import Fact

HACK = Fact("one", "BTC", "event_hack", 1.0, BEGIN + 2 * HOUR, BEGIN + 3 * HOUR)


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    yield
    fact_readers.forget()


def counts(metric: str, *values: float, step: int = 1) -> list[Fact]:
    """Return a value every ``step`` hours, known half an hour later."""
    times = [BEGIN + step * n * HOUR for n in range(len(values))]
    return [
        Fact("a", "PEPE", metric, value, time, time + HOUR / 2)
        for value, time in zip(values, times, strict=True)
    ]


@pytest.mark.parametrize("runmode", MODES)
def test_what_is_known_of_a_memecoin(
    tmp_path: Path, runmode: str, caplog: pytest.LogCaptureFixture
) -> None:
    keep(
        tmp_path,
        *counts("posts", *[10.0, 12.0] * 15, 110.0),
        *counts("sentiment", *[0.5] * 40, 0.2),
        *counts("influencers", 0, 3, 0, 0, step=10),
        *counts("token_age_days", 5.0),
        *counts("holders", *range(100, 140)),
    )
    named = {"mentions": "posts"}
    chosen = config(tmp_path, runmode, memes={"facts": named, "min_history": 20})
    frame = add_attention(candles(), "PEPE/USDT", chosen, "1h")
    seen = attention_of(frame)
    assert seen.zscore[30] == pytest.approx((110 - 11) / np.std([10, 12] * 15, ddof=1))
    assert np.isnan(seen.zscore[19])
    assert seen.mention_growth[30] == pytest.approx(110 / 10 - 1)
    assert seen.velocity[30] == 0
    assert seen.velocity[40] == pytest.approx(-0.3)
    np.testing.assert_allclose(seen.spoke_hours[[10, 25]], [1, 16])
    assert np.isnan(seen.spoke_hours[9])
    assert seen.token_days[5] == pytest.approx(5 + 6 / 24)
    assert np.isnan(seen.token_days[30]), "a day is too old"
    assert seen.holder_growth[30] == pytest.approx(130 / 106 - 1)
    assert np.isnan(seen.market_cap).all()
    assert not seen.safe.any()
    part = add_attention(candles()[20:].reset_index(drop=True), "PEPE/USDT", chosen, "1h")
    pd.testing.assert_frame_equal(part, frame[20:].reset_index(drop=True))
    short = add_attention(candles(25), "PEPE/USDT", chosen, "1h")
    pd.testing.assert_frame_equal(short, frame[:25])
    assert caplog.text.count("Of PEPE there are no facts, or two sources have them: listing") == 1
    assert "posts" not in caplog.text


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    keep(tmp_path, HACK)
    chosen = config(tmp_path, memes={"facts": {"mentions": "a/b/c"}})
    with pytest.raises(RefuseToStart, match="'a/b/c' names no metric"):
        add_attention(candles(), "PEPE/USDT", chosen, "1h")


def test_memes_need_their_exits_and_their_class(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RefuseToStart, match=r'"meme": \{"enabled": true\}'):
        require_memes(Settings())
    require_memes(Settings.from_config({"freqpilot": {"risk": {"exits": {"targets": True}}}}))
    assert tradable("1000PEPE/USDT", Settings())
    with caplog.at_level(logging.WARNING):
        assert [tradable("BTC/USDT", Settings()) for _ in range(2)] == [False, False]
    assert caplog.text.count("is no memecoin") == 1
