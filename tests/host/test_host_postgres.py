"""A bot on PostgreSQL: its run, its facts, what doctor says, and a server that goes away."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.persistence import init_db
from typer.testing import CliRunner

import fact_readers
from benchmarks.support.postgres import Cluster
from freqpilot import cli
from freqpilot.errors import Degraded, RefuseToStart
from freqpilot.facts.store import FactStore
from freqpilot.host.account import saved
from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.boot.digests import facts_digest
from freqpilot.host.commands import doctor
from freqpilot.host.facts import database
from freqpilot.host.facts.columns import add_facts
from freqpilot.host.run.current import current, end
from freqpilot.settings import Settings
from freqpilot.shapes import Fact

BEGIN = datetime(2024, 3, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOW = BEGIN + timedelta(days=30)
FACT = Fact("cm", "BTC", "mvrv", 1.0, BEGIN, BEGIN + 2 * HOUR)


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    yield
    fact_readers.forget()
    end()


@pytest.fixture
def config(postgres_url: str, tmp_path: Path) -> dict[str, Any]:
    return {
        "user_data_dir": tmp_path,
        "runmode": "backtest",
        "timeframe": "1h",
        "stake_currency": "USDT",
        "freqpilot": {"store": {"url": postgres_url}},
    }


def digest(config: dict[str, Any]) -> str | None:
    return facts_digest(config, Settings.from_config(config))


def keep(url: str, *facts: Fact) -> None:
    store = FactStore.open(url)
    store.append(facts, NOW)
    store.close()


def test_a_run_goes_on_after_a_restart(config: dict[str, Any], postgres_url: str) -> None:
    begin(config, live=True)
    observe(current(), NOW, 1000.0)
    observe(current(), NOW + HOUR, 900.0)
    run = begin(config, live=True)
    assert run.state.peak == 1000.0
    assert set(run.store.beats()) == {"ledger dry run"}
    (state,) = saved.saved_states(postgres_url).values()
    assert (state.equity, state.peak) == (900.0, 1000.0)


def test_columns_are_those_of_a_file(
    config: dict[str, Any], postgres_url: str, tmp_path: Path
) -> None:
    revised = replace(FACT, value=1.5, available_at=BEGIN + 3 * HOUR)
    newer = replace(FACT, value=2.0, event_time=BEGIN + HOUR, available_at=BEGIN + 5 * HOUR)
    file = f"sqlite:///{tmp_path}/facts.sqlite"
    for url in (postgres_url, file):
        keep(url, FACT, revised, newer)
    date = pd.date_range(BEGIN, periods=8, freq="1h")
    candles = pd.DataFrame({"date": date, "close": np.arange(8.0)})
    for runmode in ("backtest", "live"):
        found = [
            add_facts(candles, "BTC/USDT", ["mvrv"], {**config, "runmode": runmode} | change)
            for change in ({}, {"freqpilot": {"facts": {"url": file}}})
        ]
        pd.testing.assert_frame_equal(*found)
        assert found[0]["mvrv"].tolist()[1:6] == [1.0, 1.5, 1.5, 2.0, 2.0]


def test_other_facts_make_another_digest(config: dict[str, Any], postgres_url: str) -> None:
    found = [digest(config)]
    for number in range(2):
        keep(postgres_url, replace(FACT, vintage=number))
        found.append(digest(config))
        assert digest(config) == found[-1]
    assert found[0] is None
    assert len(set(found)) == 3


def test_the_doctor_looks_at_it(config: dict[str, Any], postgres_url: str) -> None:
    assert "no facts yet" in doctor._facts(config)
    assert "the next start brings it" in doctor._database(config)
    keep(postgres_url, FACT)
    assert "1 metrics" in doctor._facts(config)
    assert "up to date" in doctor._database(config)


def test_facts_are_imported_by_the_command(
    config: dict[str, Any], postgres_url: str, tmp_path: Path
) -> None:
    file, layer = tmp_path / "facts.csv", tmp_path / "config.json"
    file.write_text(
        "source,asset,metric,value,event_time,available_at\n"
        "cm,btc,mvrv,1.5,2024-01-01,2024-01-02T03:00:00Z\n"
    )
    layer.write_text(
        json.dumps({"exchange": {"name": "binance"}, "freqpilot": config["freqpilot"]})
    )
    done = CliRunner().invoke(
        cli.app, ["facts", "import", str(file), "-c", str(layer), "--userdir", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    store = FactStore.open(postgres_url, writes=False)
    assert store.counts() == {1: (1, 0)}
    store.close()


def test_a_server_that_is_gone_gives_no_entry_and_ends_no_loop(
    config: dict[str, Any], postgres: Cluster, postgres_url: str
) -> None:
    end()  # one that runs goes on without its store
    init_db("sqlite://")  # with trades open it would go on as well
    keep(postgres_url, FACT)
    live = {**config, "runmode": "live"}
    candles = pd.DataFrame({"date": pd.date_range(BEGIN, periods=4, freq="1h"), "close": 1.0})
    assert add_facts(candles, "BTC/USDT", ["mvrv"], live)["mvrv"].notna().any()
    postgres.drop(database._open[0].store.engine.url.database or "")
    assert add_facts(candles, "BTC/USDT", ["mvrv"], live)["mvrv"].isna().all()
    with pytest.raises(Degraded, match="gives no entry"):
        add_facts(candles, "BTC/USDT", ["mvrv"], config)
    assert digest(config) is None
    with pytest.raises(RefuseToStart, match="createdb"):
        begin(config, live=True)
