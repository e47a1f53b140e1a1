"""Sources read what was recorded of them; two vintages of Coin Metrics come out as two versions."""

import csv
import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from freqpilot.facts.append import micros
from freqpilot.facts.collector import Collector, Plan
from freqpilot.facts.judge import judge
from freqpilot.facts.sources import make
from freqpilot.facts.sources.base import Answer, Call, Key
from freqpilot.facts.store import FactStore

BEGIN = datetime(2024, 11, 1, tzinfo=UTC)
DAYS = 40


def payload(realdata: Path, name: str) -> Any:
    return json.loads((realdata / "payloads" / name).read_text())


def test_alternative_me(realdata: Path) -> None:
    document = payload(realdata, "alternative_me_fng_2026-09-08.json")
    now = datetime.fromtimestamp(int(document["data"][0]["timestamp"]), UTC) + timedelta(hours=1)
    source = make("alternative_me")
    batch = source.read(source.call("index", None, now), json.dumps(document).encode(), now)
    judged = judge(batch.readings, source.spec, now, now, {})
    assert not batch.refused
    assert [(each.value, each.fault) for each in judged] == [(71.0, ""), (69.0, "")]


def test_cryptopanic(realdata: Path) -> None:
    for name in ("cryptopanic_2017_posts.json", "cryptopanic_2018_posts.json"):
        document = payload(realdata, name)
        for found in document.values():
            page = found if isinstance(found, dict) else {"results": found}
            now = datetime(2018, 6, 1, tzinfo=UTC)
            source = make("cryptopanic")
            batch = source.read(source.call("posts", None, now), json.dumps(page).encode(), now)
            assert len({each.key for each in batch.items}) == len(page["results"])
            assert not batch.refused
            assert not any("<" in each.text or "&amp;" in each.text for each in batch.items)


def test_newsapi(realdata: Path) -> None:
    articles = payload(realdata, "newsapi_2022-12-23_response.json")
    document = {"status": "ok", "totalResults": len(articles), "articles": articles}
    now = datetime(2022, 12, 24, tzinfo=UTC)
    source = make("newsapi")
    batch = source.read(source.call("everything", None, now), json.dumps(document).encode(), now)
    assert len(batch.items) + len(batch.refused) == len(articles)
    assert len(batch.items) > 0.95 * len(articles)


class Vintage:
    """Coin Metrics as it answered at one time."""

    def __init__(self, file: Path, now: datetime) -> None:
        with file.open() as lines:
            begin, end = f"{BEGIN:%Y-%m-%d}", f"{BEGIN + timedelta(days=DAYS):%Y-%m-%d}"
            rows = [row for row in csv.DictReader(lines) if begin <= row["time"] < end]
        self.rows = [
            {
                **{name: value for name, value in row.items() if value},
                "asset": "btc",
                "time": f"{row['time'][:10]}T00:00:00.000000000Z",
            }
            for row in rows
        ]
        self.now = now

    def get(self, call: Call, *, key: Key | None, pause: timedelta) -> Answer:
        return Answer(json.dumps({"data": self.rows}).encode(), self.now)


def test_revised_flows_are_versions_known_when_they_were_seen(
    realdata: Path, tmp_path: Path
) -> None:
    store = FactStore.open(f"sqlite:///{tmp_path / 'facts.sqlite'}")
    plan = Plan(make("coinmetrics", {"assets": ["btc"]}), timedelta(hours=1), BEGIN)
    folder = realdata / "onchain"
    for month, now in (("03", datetime(2026, 4, 1, tzinfo=UTC)), ("06", None)):
        seen = now or datetime(2026, 7, 1, tzinfo=UTC)
        vintage = Vintage(folder / f"coinmetrics_btc_vintage_2026_{month}.csv", seen)
        collector = Collector(
            store, [plan], vintage, stop=threading.Event(), now=lambda seen=seen: seen
        )
        state = collector.turn(plan, "btc")
        assert (state.failures, state.faulty, state.error) == (0, 0, ""), state.reason
    catalogue = store.catalogue()
    flows = store.observations(catalogue["coinmetrics", "BTC", "exchange_inflow"])
    addresses = store.observations(catalogue["coinmetrics", "BTC", "active_addresses"])
    assert len(addresses) == DAYS
    assert len(flows) == 2 * DAYS
    # History was known hours after its day; its revision only when it was seen.
    assert (flows.available[0::2] < micros(datetime(2025, 1, 1, tzinfo=UTC))).all()
    assert (flows.available[1::2] == micros(datetime(2026, 7, 1, tzinfo=UTC))).all()
    store.close()
