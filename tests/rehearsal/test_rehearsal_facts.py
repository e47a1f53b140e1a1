"""Stand-in sources with faults, the collector against them, and the benchmark's eye for losses."""

import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import delete, insert, update
from typer.testing import CliRunner

from benchmarks.facts.collector import compare
from freqpilot import cli
from freqpilot.facts.collector import Collector, plans
from freqpilot.facts.fetch import Fetcher
from freqpilot.facts.store import FactStore
from freqpilot.rehearsal.facts.server import FactFault, FactSources
from freqpilot.rehearsal.facts.world import FactWorld
from freqpilot.settings import SourceSettings
from freqpilot.store.tables import FactItemRow, FactRow

ROUTES = (
    ("alternative_me", "/fng/?limit=3"),
    ("coinmetrics", "/v4/timeseries/asset-metrics?assets=btc&start_time=2020-01-01"),
    ("coingecko", "/api/v3/global"),
    ("coingecko", "/api/v3/coins/markets"),
    ("defillama", "/v2/historicalChainTvl/Ethereum"),
    ("rss", "/north"),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FactStore]:
    opened = FactStore.open(f"sqlite:///{tmp_path_factory.mktemp('facts') / 'facts.sqlite'}")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def world() -> FactWorld:
    """A world that has ended, so that it can be looked at twice."""
    made = FactWorld(days=70, seconds=20, pace=0.01)
    made.begun -= 100
    return made


@pytest.mark.parametrize(("name", "path"), ROUTES, ids=lambda each: each)
@pytest.mark.parametrize("fault", [each for each in FactFault if each is not FactFault.HANG])
def test_every_fault_is_what_it_is_called(
    world: FactWorld, name: str, path: str, fault: FactFault, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = FactSources(world)
    monkeypatch.setattr(sources, "_fault", lambda: fault)
    with sources, httpx.Client(timeout=5) as client:
        try:
            answer = client.get(sources.url(name) + path)
        except httpx.RemoteProtocolError:
            assert fault is FactFault.CUT
            return
    expected = {FactFault.LIMIT: 429, FactFault.ERROR: 500, FactFault.OUTAGE: 503}
    assert answer.status_code == expected.get(fault, 200)
    assert fault is not FactFault.CUT
    assert sources.faults == {fault: 1}
    if fault is FactFault.HTML:
        assert answer.text.startswith("<!DOCTYPE html>")


def turns(store: FactStore, sources: FactSources, count: int) -> None:
    """Let every source have some turns, without waiting."""
    fetcher = Fetcher(timeout=0.5, sleep=lambda seconds: None, attempts=2)
    given = {
        name: SourceSettings.model_validate(each) for name, each in sources.settings(0.1).items()
    }
    chosen = plans(given)
    for plan in chosen:
        made = Collector(store, [plan], fetcher, stop=threading.Event())
        for _ in range(count):
            for feed in plan.source.feeds():
                made.turn(plan, feed)
    fetcher.close()


def test_under_faults_nothing_is_lost_doubled_or_wrong(store: FactStore, world: FactWorld) -> None:
    with FactSources(world, seed=3, rate=0.4, hang=1.0) as sources:
        turns(store, sources, 5)
        assert len(sources.faults) > 6
        sources.rate = 0
        turns(store, sources, 3)
    counts, told = compare(world, store)
    assert counts == {"LOST": 0, "DOUBLED": 0, "WRONG": 0}, told[:5]


def test_the_command_asks_each_source_once(world: FactWorld, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    with FactSources(world) as sources:
        given = {"alternative_me": sources.settings(1)["alternative_me"]}
        config = {
            "exchange": {"name": "binance", "pair_whitelist": []},
            "freqpilot": {"facts": {"sources": given}},
        }
        file.write_text(json.dumps(config))
        handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
        options = ["collect", "--once", "-c", str(file), "--userdir", str(tmp_path)]
        done = CliRunner().invoke(cli.app, options)
    assert done.exit_code == 0, done.output
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers
    store = FactStore.open(f"sqlite:///{tmp_path / 'freqpilot-facts.sqlite'}", writes=False)
    assert [each.count for each in store.summary()] == [70]
    store.close()


def test_the_benchmark_sees_what_is_lost_doubled_or_wrong(
    store: FactStore, world: FactWorld
) -> None:
    with FactSources(world) as sources:
        turns(store, sources, 2)
    number = store.catalogue()["alternative_me", "*", "fear_greed"]
    row = FactRow
    event = int(store.observations(number).event[5])
    value = float(store.observations(number).value[5])
    same = (row.series_id == number) & (row.event_time == event)

    def counted() -> dict[str, int]:
        return compare(world, store)[0]

    again = {"series_id": number, "event_time": event, "vintage": 1, "value": value}
    with store.engine.begin() as connection:
        connection.execute(insert(row), {**again, "available_at": event + 10**12})
    assert counted() == {"LOST": 0, "DOUBLED": 1, "WRONG": 0}
    with store.engine.begin() as connection:
        connection.execute(delete(row).where(same))
    assert counted() == {"LOST": 1, "DOUBLED": 0, "WRONG": 0}
    with store.engine.begin() as connection:
        connection.execute(insert(row), {**again, "available_at": event, "value": value + 1})
    assert counted() == {"LOST": 0, "DOUBLED": 0, "WRONG": 1}
    with store.engine.begin() as connection:
        connection.execute(update(row).where(same), {"value": value})
        connection.execute(
            update(FactItemRow).where(FactItemRow.text.like("Headline 3 of north%")), {"text": "x"}
        )
    assert counted() == {"LOST": 0, "DOUBLED": 0, "WRONG": 1}
