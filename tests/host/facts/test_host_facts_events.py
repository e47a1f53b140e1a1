"""Event facts and memecoins' facts, from the store to a strategy's columns."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from event_stage import BEGIN, HOUR, MODES, candles, config, keep

import fact_readers
from freqpilot.errors import Degraded
from freqpilot.host.facts.events import COLUMNS, add_events, stance_of
from freqpilot.host.facts.memes import add_attention, attention_of
from freqpilot.shapes import Fact

HACK = Fact("one", "BTC", "event_hack", 1.0, BEGIN + 2 * HOUR, BEGIN + 3 * HOUR)


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    yield
    fact_readers.forget()


@pytest.mark.parametrize("runmode", MODES)
def test_events_of_all_sources_of_the_coin_and_the_market(tmp_path: Path, runmode: str) -> None:
    listing = Fact("one", "*", "event_listing", 1.0, BEGIN + 40 * HOUR, BEGIN + 10 * HOUR)
    keep(tmp_path, HACK, replace(HACK, source="two"), listing)
    found = add_events(candles(), "1000BTC/USDT:USDT", config(tmp_path, runmode), "1h")
    target = found["event_target"]
    assert not target[:2].any()
    assert target[2] == pytest.approx(-0.5 * 0.5 ** (1 / 48))
    assert (target[2:] < 0).all()
    assert set(found["event_kind"][2:]) == {"hack"}
    other = add_events(candles(), "ETH/USDT", config(tmp_path, runmode), "1h")
    assert (other["event_target"][9:38] > 0).all()
    assert not other["event_target"][39:].any()
    assert stance_of(other).kind == other["event_kind"].tolist()
    short = add_events(candles(20), "ETH/USDT", config(tmp_path, runmode), "1h")
    pd.testing.assert_frame_equal(short, other[:20])


def test_without_readable_facts_events_are_not_known(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Degraded, match="freqpilot facts import"):
        add_events(candles(), "BTC/USDT", config(tmp_path), "1h")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            found = add_events(candles(), "BTC/USDT", config(tmp_path, "live"), "1h")
            seen = add_attention(candles(), "BTC/USDT", config(tmp_path, "live"), "1h")
    assert found["event_target"].isna().all()
    assert not found[list(COLUMNS[1:])].any(axis=None)
    assert caplog.text.count("cannot be read") == 1
    assert not attention_of(seen).safe.any()
