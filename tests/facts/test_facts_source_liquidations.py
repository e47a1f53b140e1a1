"""Liquidations: whole spans only, and no exchange of which sums would be wrong."""

import copy
import json
from datetime import timedelta
from itertools import pairwise
from typing import Any, cast

import pytest
from source_payloads import CASES, NOW, SPAN_END

from freqpilot.errors import RefuseToStart
from freqpilot.facts.judge import judge
from freqpilot.facts.sources import make, markets
from freqpilot.facts.sources.base import BadAnswer, Batch, Call, Gets

CASE = next(case for case in CASES if case.source == "liquidations")
SPAN = timedelta(minutes=5)


def call() -> Call:
    return make("liquidations").call(CASE.feed, SPAN_END - SPAN, NOW)


def read(rows: list[Any]) -> Batch:
    return make("liquidations").read(call(), json.dumps({"answer": rows}).encode(), NOW)


def test_it_goes_on_span_by_span_until_now() -> None:
    source, asked = make("liquidations"), call()
    ends = []
    while asked is not None:
        batch = source.read(asked, b'{"answer": []}', NOW)
        ends += [each.event_time for each in batch.readings if each.metric.endswith("long")]
        asked = batch.next_page  # type: ignore[assignment]
    assert ends[0] == SPAN_END
    assert ends[-1] == NOW - SPAN, "the last span is not settled"
    assert {b - a for a, b in pairwise(ends)} == {SPAN}


def test_none_is_zero_and_too_many_are_unknown() -> None:
    assert [each.value for each in read([]).readings] == [0.0, 0.0]
    rows = [{**CASE.body["answer"][0], "info": {"id": str(number)}} for number in range(100)]
    spec = make("liquidations").spec
    full = judge(read(rows).readings, spec, NOW, NOW, {})
    assert all("no number" in each.fault for each in full)
    assert not [each for each in judge(read(rows[:99]).readings, spec, NOW, NOW, {}) if each.fault]


def test_one_told_in_two_ways_spoils_its_span() -> None:
    rows = copy.deepcopy(CASE.body["answer"])
    rows[0]["quoteValue"] += 1
    with pytest.raises(BadAnswer, match="two ways"):
        read(rows)


@pytest.mark.parametrize(
    ("name", "value"),
    [("side", "long"), ("side", None), ("quoteValue", -1), ("timestamp", None), ("info", {})],
)
def test_a_row_that_cannot_be_read_spoils_its_span(name: str, value: Any) -> None:
    rows = copy.deepcopy(CASE.body["answer"])
    rows[1][name] = value
    with pytest.raises(BadAnswer):
        read(rows)


def test_ccxt_is_asked_for_a_span_that_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    class Venue:
        def fetch_liquidations(self, *arguments: Any) -> list[Any]:
            asked.append(arguments)
            return []

    monkeypatch.setattr(markets, "exchange", lambda name: Venue())
    source = make("liquidations")
    found = source.fetch(call(), cast(Gets, None))
    since = int((SPAN_END - SPAN).timestamp() * 1000)
    assert asked == [("BTC/USDT:USDT", since, 100, {"until": since + 300_000})]
    # One that is not over is not asked for.
    source.fetch(source.call(CASE.feed, found.fetched_at, found.fetched_at), cast(Gets, None))
    assert len(asked) == 1


def test_ccxt_has_what_the_source_relies_on() -> None:
    import ccxt

    assert ccxt.htx().has["fetchLiquidations"]
    assert not ccxt.binanceusdm().has["fetchLiquidations"]


@pytest.mark.parametrize(
    ("exchange", "why"),
    [
        ("binanceusdm", "websocket only"),
        ("gate", "milliseconds"),
        ("bitfinex", "flag"),
        ("kraken", "no public request"),
    ],
)
def test_an_exchange_without_them_is_refused_with_its_reason(exchange: str, why: str) -> None:
    with pytest.raises(RefuseToStart, match=f"{why}.*take htx"):
        make("liquidations", {"exchange": exchange})
