"""What every source must do with its documented answer, and with answers that are not."""

import copy
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_payloads import CASES, DAY, NOW, Case

from freqpilot.errors import RefuseToStart
from freqpilot.facts.judge import judge
from freqpilot.facts.sources import SOURCES, make
from freqpilot.facts.sources.base import BadAnswer, Batch, Call, Source

BY_NAME = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
JSON = pytest.mark.parametrize(
    "case", [case for case in CASES if not isinstance(case.body, str)], ids=lambda case: case.name
)


def asked(case: Case) -> tuple[Source, Call]:
    source = make(case.source, case.options)
    return source, source.call(case.feed, DAY - timedelta(days=3), NOW)


def read(case: Case, body: bytes | None = None) -> Batch:
    source, call = asked(case)
    return source.read(call, case.raw if body is None else body, NOW)


def changed(case: Case, value: Any) -> bytes:
    """Return the answer with another value where its number is."""
    document = copy.deepcopy(case.body)
    place = document
    for step in case.number[:-1]:
        place = place[step]
    place[case.number[-1]] = value
    return json.dumps(document).encode()


def verdicts(case: Case, body: bytes | None = None, live_from: datetime = NOW) -> list[Any]:
    batch = read(case, body)
    return judge(batch.readings, make(case.source).spec, NOW, live_from, {})


@BY_NAME
def test_its_documented_answer_is_read_as_what_it_says(case: Case) -> None:
    batch = read(case)
    found = [(r.asset, r.metric, r.value, r.event_time) for r in batch.readings]
    assert found == [*case.readings]
    items = [(i.source, i.asset, i.text, i.event_time) for i in batch.items]
    assert items == [*case.items]
    assert all(i.available_at == NOW for i in batch.items)


@BY_NAME
def test_its_documented_answer_is_good(case: Case) -> None:
    judged = verdicts(case)
    assert [each.fault for each in judged] == [""] * len(case.readings)
    assert all(each.event_time <= each.available_at <= NOW for each in judged)


@BY_NAME
def test_what_is_collected_live_is_known_when_it_was_fetched(case: Case) -> None:
    long_ago = NOW - timedelta(days=4000)
    assert all(each.available_at == NOW for each in verdicts(case, live_from=long_ago))


@BY_NAME
def test_an_answer_broken_off_is_named_or_only_shorter(case: Case) -> None:
    whole = {repr(reading) for reading in read(case).readings}
    for end in range(0, len(case.raw), 7):
        try:
            batch = read(case, case.raw[:end])
        except BadAnswer:
            continue
        assert {repr(reading) for reading in batch.readings} <= whole


@BY_NAME
@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE html><html><body>Just a moment...</body></html>",
        b"",
        b"\xff\xfe\x00",
        b"null",
        b"[1, 2]",
        b'{"data": "no", "answer": 7, "result": "Max rate limit reached", "status": "0"}',
        b'{"data": [null, 3, []], "answer": [null, 3, []], "results": [null], "values": [1]}',
        b"[" * 100_000,
        b'{"data": [{"timestamp": 1e400, "value": 5, "t": 1e400, "v": 2}]}',
        b"file:///etc/hostname",
    ],
    ids=["html", "empty", "binary", "null", "list", "texts", "rows", "deep", "huge", "path"],
)
def test_another_shape_is_named_and_gives_no_fact(case: Case, body: bytes) -> None:
    try:
        batch = read(case, body)
    except BadAnswer:
        return
    assert not batch.items
    judged = judge(batch.readings, make(case.source).spec, NOW, NOW, {})
    assert all(each.fault for each in judged)


@JSON
@pytest.mark.parametrize("value", ["many", "NaN", float("nan"), float("inf"), [1], {}, True, 1e60])
def test_a_value_that_is_none_is_no_fact(case: Case, value: Any) -> None:
    try:
        judged = verdicts(case, changed(case, value))
    except BadAnswer:
        return
    good = {(each.metric, each.event_time) for each in judged if not each.fault}
    before = {(each.metric, each.event_time) for each in verdicts(case)}
    assert good < before


@JSON
def test_rows_twice_are_one_fact_and_a_contradiction_is_none(case: Case) -> None:
    readings = read(case).readings
    spec = make(case.source).spec
    twice = judge([*readings, *readings], spec, NOW, NOW, {})
    assert not any(each.fault for each in twice)
    other = replace(readings[0], value=float(readings[0].value) * 1.0001)
    judged = judge([*readings, other], spec, NOW, NOW, {})
    faults = [each for each in judged if each.fault]
    assert {each.metric for each in faults} == {readings[0].metric}
    assert len(faults) == 2


@JSON
def test_a_stamp_in_the_future_is_set_aside_from_now_on(case: Case) -> None:
    readings = [replace(r, event_time=NOW + timedelta(hours=1)) for r in read(case).readings]
    for each in judge(readings, make(case.source).spec, NOW, NOW, {}):
        assert "future" in each.fault or "two values" in each.fault
        assert each.event_time == each.available_at == NOW


@BY_NAME
def test_calls_hold_no_key_and_name_their_feed(case: Case) -> None:
    source, call = asked(case)
    assert call.feed == case.feed
    assert case.feed in source.feeds()
    key = source.spec.key
    assert key is None or key.name not in call.params


def test_every_source_has_a_case_for_each_metric() -> None:
    known = {(case.source, metric) for case in CASES for _, metric, _, _ in case.readings}
    assert {case.source for case in CASES} == {*SOURCES}
    for name, kind in SOURCES.items():
        metrics = {gauge.metric for gauge in kind.spec.gauges}
        found = {metric for source, metric in known if source == name}
        assert found <= metrics


@given(body=st.binary(max_size=200))
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_any_bytes_are_named_or_hold_nothing(case: Case, body: bytes) -> None:
    try:
        batch = read(case, body)
    except BadAnswer:
        return
    assert not batch.readings
    assert not batch.items


def test_a_feed_that_would_open_a_file_reads_nothing(tmp_path: Any) -> None:
    file = tmp_path / "feed.xml"
    case = next(case for case in CASES if case.source == "rss")
    file.write_bytes(case.raw)
    with pytest.raises(BadAnswer):
        read(case, str(file).encode())


def test_unknown_names_are_told_with_the_nearest() -> None:
    with pytest.raises(RefuseToStart, match="did you mean 'coinmetrics'"):
        make("coinmetric")
    with pytest.raises(RefuseToStart, match="did you mean 'assets'"):
        make("coinmetrics", {"asets": ["btc"]})
    with pytest.raises(RefuseToStart, match=r"options\.assets"):
        make("coinmetrics", {"assets": 3})
