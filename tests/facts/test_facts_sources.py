"""What every source must do with its documented answer, and with answers that are not."""

import copy
import json
import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_payloads import CASES, DAY, NOW, Case

from freqpilot.errors import RefuseToStart
from freqpilot.facts.judge import judge
from freqpilot.facts.sources import SOURCES, make, markets
from freqpilot.facts.sources.base import BadAnswer, Batch, Call, FetchFailed, Gets, Source
from freqpilot.facts.sources.markets import exchange as real_exchange

BY_NAME = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
JSON = pytest.mark.parametrize(
    "case", [case for case in CASES if case.number], ids=lambda case: case.name
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
    told = [i.engagement for i in batch.items]
    assert told == pytest.approx(case.engagement or [math.nan] * len(told), nan_ok=True)


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


def test_every_source_has_a_case_and_a_gauge_for_what_it_reads() -> None:
    assert {case.source for case in CASES} == {*SOURCES}
    for case in CASES:
        gauges = {gauge.metric for gauge in SOURCES[case.source].spec.gauges}
        assert {metric for _, metric, _, _ in case.readings} <= gauges


def case_of(source: str, feed: str) -> Case:
    return next(case for case in CASES if (case.source, case.feed) == (source, feed))


def test_coinmetrics_goes_on_by_its_token() -> None:
    case = case_of("coinmetrics", "btc")
    page = read(case).next_page
    assert page is not None
    assert page.params["next_page_token"] == "0.MjAyNA"
    assert page.params["assets"] == "btc"


def test_coinmetrics_says_when_history_became_known() -> None:
    judged = verdicts(case_of("coinmetrics", "btc"))
    assert {each.available_at for each in judged} == {DAY + timedelta(hours=1)}


def test_cryptopanic_goes_back_to_what_it_has_without_telling_the_key() -> None:
    case = case_of("cryptopanic", "posts")
    page = read(case).next_page
    assert page is not None
    assert page.params == {"kind": "news", "page": "2"}
    source = make("cryptopanic")
    late = source.call("posts", DAY + timedelta(hours=1), NOW)
    assert source.read(late, case.raw, NOW).next_page is None


def test_newsapi_asks_as_many_pages_as_the_account_has() -> None:
    case = case_of("newsapi", "everything")
    assert read(case).next_page is None
    source = make("newsapi", {"pages": 2})
    first = source.call("everything", DAY, NOW)
    second = source.read(first, case.raw, NOW).next_page
    assert second is not None
    assert second.params["page"] == "2"
    assert source.read(second, case.raw, NOW).next_page is None


def test_santiment_asks_by_its_query_and_names_what_it_answers() -> None:
    source, call = asked(case_of("santiment", "BTC:daily_active_addresses"))
    assert call.content_type == "application/graphql"
    assert 'metric: "daily_active_addresses"' in call.post
    assert 'slug: "bitcoin" from: "2024-03-01T00:00:00Z" to: "2024-03-06T12:00:00Z"' in call.post
    with pytest.raises(BadAnswer, match="API Rate Limit Reached"):
        source.read(call, b'{"errors": [{"message": "API Rate Limit Reached"}], "data": null}', NOW)
    with pytest.raises(RefuseToStart, match="no name of Santiment's"):
        make("santiment", {"slugs": {"BTC": 'bitcoin") { x } }'}})


def test_x_asks_no_more_pages_than_are_paid_for() -> None:
    case = case_of("x", "BTC")
    assert read(case).next_page is None
    source = make("x", {"pages": 2})
    page = source.read(source.call("BTC", DAY, NOW), case.raw, NOW).next_page
    assert page is not None
    assert page.params["next_token"] == "b26v"
    assert source.read(page, case.raw, NOW).next_page is None
    none = source.read(page, b'{"meta": {"result_count": 0}}', NOW)
    assert (none.items, none.refused) == ([], [])


def test_x_looks_back_no_longer_than_its_search() -> None:
    source = make("x")
    long_ago = source.call("BTC", NOW - timedelta(days=30), NOW).params["start_time"]
    assert long_ago == f"{NOW - timedelta(days=7) + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
    assert source.call("BTC", NOW, NOW).params["start_time"] < f"{NOW:%Y-%m-%dT%H:%M:%SZ}"


def test_an_export_is_read_from_its_file(tmp_path: Any) -> None:
    case = case_of("exports", "telegram")
    file = tmp_path / "result.json"
    source = make("exports", {"files": {"telegram": str(file)}})
    call = source.call("telegram", None, NOW)
    with pytest.raises(FetchFailed, match="cannot be read"):
        source.fetch(call, cast(Gets, None))
    file.write_bytes(case.raw)
    assert source.fetch(call, cast(Gets, None)).body == case.raw
    late = source.call("telegram", DAY + timedelta(seconds=1), NOW)
    assert source.read(late, case.raw, NOW).items == []


def test_derivatives_go_on_behind_a_full_page() -> None:
    source = make("derivatives")
    call = source.call("funding:BTC/USDT:USDT", DAY, NOW)
    begin = int(call.params["since"])
    rows = [{"timestamp": begin + n, "fundingRate": 0.0001} for n in range(500)]
    page = source.read(call, json.dumps({"answer": rows}).encode(), NOW).next_page
    assert page is not None
    assert page.params["since"] == str(begin + 500)
    old = [{"timestamp": begin - 1, "fundingRate": 0.0001}] * 500
    assert source.read(call, json.dumps({"answer": old}).encode(), NOW).next_page is None


class Venue:
    """An exchange of ccxt that is asked for one thing."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.asked = error, []  # type: ignore[var-annotated]

    def __getattr__(self, name: str) -> Any:
        def method(*arguments: Any) -> Any:
            self.asked.append((name, *arguments))
            if self.error:
                raise self.error
            return [{"timestamp": 1, "fundingRate": 0.1}]

        return method


@pytest.mark.parametrize(
    ("hours", "rates"),
    [
        ((0, 8, 16), (1.0, 1.0, 1.0)),
        ((0, 4, 8), (2.0, 2.0, 2.0)),
        ((0, 1, 2), (8.0, 8.0, 8.0)),
        ((0, 8, 9, 10), (1.0, 1.0, 8.0, 8.0)),
        ((0, 1, 5), (8.0, 8.0, 2.0)),
        ((0, 8, 24), (1.0, 1.0, 1.0)),
        ((3,), (1.0,)),
    ],
    ids=["8", "4", "1", "8 then 1", "1 then 4", "one is missing", "alone"],
)
def test_funding_is_for_eight_hours_whatever_the_exchange_s_are(
    hours: tuple[int, ...], rates: tuple[float, ...]
) -> None:
    source = make("derivatives")
    begin = int((DAY - timedelta(days=2)).timestamp() * 1000)
    rows: list[Any] = [
        {"fundingRate": 0.0001, "timestamp": begin + hour * 3_600_000 + 7} for hour in hours
    ]
    call = source.call("funding:BTC/USDT:USDT", DAY - timedelta(days=3), NOW)
    body = json.dumps({"answer": [*reversed(rows), {"timestamp": "soon"}, None]}).encode()
    found = source.read(call, body, NOW).readings
    by_time = {each.event_time: each.value for each in found}
    values = [by_time[time] for time in sorted(by_time)]
    assert values == pytest.approx([0.0001 * rate for rate in rates])


def test_an_hourly_rate_that_cannot_be_is_still_refused() -> None:
    case = next(case for case in CASES if case.feed.startswith("funding:"))
    (verdict,) = verdicts(case, changed(case, 0.3))
    assert verdict.fault


def test_derivatives_ask_ccxt_by_its_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    venue = Venue()
    monkeypatch.setattr(markets, "exchange", lambda name: venue)
    source = make("derivatives", {"symbols": ["BTC/USDT:USDT"]})
    for feed in source.feeds():
        source.fetch(source.call(feed, NOW - timedelta(days=90), NOW), cast(Gets, None))
    names = [each[0] for each in venue.asked]
    assert names == [
        "fetch_funding_rate_history",
        "fetch_open_interest_history",
        "fetch_long_short_ratio_history",
        "fetch_funding_rate",
    ]
    funding, interest = venue.asked[0], venue.asked[1]
    assert funding[2] == int((NOW - timedelta(days=90)).timestamp() * 1000)
    # Binance refuses to look back more than a month here.
    assert interest[3] == int((NOW - timedelta(days=29)).timestamp() * 1000)
    assert interest[5]["until"] > interest[3]


def test_what_ccxt_raises_is_an_answer_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    import ccxt

    monkeypatch.setattr(markets, "exchange", lambda name: Venue(ccxt.RequestTimeout("slow")))
    source = make("premium")
    with pytest.raises(FetchFailed, match="RequestTimeout"):
        source.fetch(source.call("BTC", None, NOW), cast(Gets, None))
    with pytest.raises(RefuseToStart, match="ccxt knows no exchange"):
        real_exchange("binanse")


def test_a_premium_of_old_prices_is_none() -> None:
    case = case_of("premium", "BTC")
    old = copy.deepcopy(case.body)
    old["tether"]["timestamp"] -= 180_000
    batch = read(case, json.dumps(old).encode())
    assert batch.readings == []
    assert "180 s old" in batch.refused[0]


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
