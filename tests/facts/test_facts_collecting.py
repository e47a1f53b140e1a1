"""What a strategy, doctor and the command line see of the collector."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import fact_readers
from freqpilot import cli
from freqpilot.errors import FreqpilotError, RefuseToStart
from freqpilot.facts import collecting
from freqpilot.facts.collector import Collector, plans
from freqpilot.facts.feeds import Feed, keep
from freqpilot.facts.fetch import Fetcher
from freqpilot.facts.health import save_beat
from freqpilot.facts.judge import Judged
from freqpilot.facts.sources.base import Answer, Call, FetchFailed
from freqpilot.facts.store import FactStore
from freqpilot.host.commands import doctor
from freqpilot.host.facts.columns import add_facts
from freqpilot.settings import Settings
from freqpilot.shapes import Fact
from freqpilot.store.urls import facts_url

BEGIN = datetime(2024, 3, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOW = BEGIN + timedelta(days=30)


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    yield
    fact_readers.forget()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FactStore]:
    opened = FactStore.open(facts_url(Settings(), tmp_path))
    yield opened
    opened.close()


def columns(folder: Path, *metrics: str, runmode: str = "backtest", **facts: Any) -> pd.DataFrame:
    date = pd.date_range(BEGIN, periods=8, freq="1h")
    frame = pd.DataFrame({"date": date, "close": 1.0})
    config = {
        "user_data_dir": folder,
        "runmode": runmode,
        "timeframe": "1h",
        "freqpilot": {"facts": facts},
    }
    return add_facts(frame, "BTC/USDT", metrics, config)


def fact(source: str, metric: str, value: float, hour: float, late: float = 0) -> Fact:
    event = BEGIN + hour * HOUR
    return Fact(source, "BTC", metric, value, event, event + late * HOUR)


def test_the_doctor_says_that_an_exchange_tells_no_liquidations(tmp_path: Path) -> None:
    options = {"liquidations": {"options": {"exchange": "binanceusdm"}}}
    given = Settings.model_validate({"facts": {"sources": options}})
    with pytest.raises(FreqpilotError, match=r"binanceusdm.*websocket only.*take htx"):
        collecting.examine(given, tmp_path)


@pytest.mark.parametrize("runmode", ["backtest", "dry_run"])
def test_a_silent_source_has_no_say_any_more(
    tmp_path: Path, store: FactStore, runmode: str
) -> None:
    store.append([fact("coingecko", "price", 7.0, 2.5)], NOW)
    found = columns(tmp_path, "price", runmode=runmode)
    # A candle closes an hour after its date; CoinGecko's prices are good for an hour.
    np.testing.assert_array_equal(found["price"], [np.nan] * 2 + [7.0] + [np.nan] * 5)
    assert found["price_age"].isna().iloc[-1]
    longer = {"coingecko": {"max_age": 3}}
    found = columns(tmp_path, "price", runmode=runmode, sources=longer)
    np.testing.assert_array_equal(found["price"], [np.nan] * 2 + [7.0] * 3 + [np.nan] * 3)


def test_facts_of_no_source_of_ours_have_no_limit(tmp_path: Path, store: FactStore) -> None:
    store.append([fact("mine", "m", 7.0, 0)], NOW)
    assert (columns(tmp_path, "m")["m"] == 7.0).all()


@pytest.mark.parametrize("runmode", ["backtest", "live"])
def test_what_was_set_aside_is_unknown_from_then_on(
    tmp_path: Path, store: FactStore, runmode: str
) -> None:
    store.append([fact("mine", "m", 7.0, 1), fact("mine", "m", 8.0, 6)], NOW)
    event = BEGIN + 3 * HOUR
    absurd = Judged("BTC", "m", 1e9, event, event + HOUR / 2, "far out")
    keep(store, [absurd], Feed("mine", "f", BEGIN, BEGIN), event + HOUR / 2)
    found = columns(tmp_path, "m", runmode=runmode)["m"]
    np.testing.assert_array_equal(found, [7.0] * 3 + [np.nan] * 2 + [8.0] * 3)


@pytest.mark.parametrize("runmode", ["backtest", "live"])
def test_a_backup_stands_in_where_the_first_is_unknown(
    tmp_path: Path, store: FactStore, runmode: str
) -> None:
    store.append(
        [
            fact("coingecko", "price", 7.0, 2),
            fact("other", "price_usd", 9.0, 1),
            fact("other", "price_usd", 9.5, 6),
        ],
        NOW,
    )
    backups = {"coingecko/price": "other/price_usd"}
    found = columns(tmp_path, "coingecko/price", runmode=runmode, backups=backups)
    expected = [9.0, 7.0, 7.0, 9.0, 9.0, 9.5, 9.5, 9.5]
    np.testing.assert_array_equal(found["price"], expected)
    np.testing.assert_array_equal(found["price_age"], [0, 0, 1, 3, 4, 0, 1, 2])
    found = columns(
        tmp_path, "gone/price", runmode=runmode, backups={"gone/price": "other/price_usd"}
    )
    assert found["price"].iloc[-1] == 9.5


def test_backups_that_name_each_other_end(tmp_path: Path, store: FactStore) -> None:
    store.append([fact("a", "m", 1.0, 7)], NOW)
    backups = {"a/m": "b/m", "b/m": "a/m"}
    assert columns(tmp_path, "a/m", backups=backups)["m"].iloc[-1] == 1.0


class Silence:
    """A source that answers nothing, or the index of fear and greed."""

    def __init__(self, value: str | None) -> None:
        self.value = value

    def get(self, call: Call, **_: Any) -> Answer:
        if self.value is None:
            raise FetchFailed("example.org answers 503")
        now = datetime.now(UTC)
        row = {"value": self.value, "timestamp": str(int(now.timestamp()) - 3600)}
        return Answer(json.dumps({"data": [row]}).encode(), now)


def settings_of(**sources: Any) -> Settings:
    return Settings.from_config({"freqpilot": {"facts": {"sources": sources}}})


def play(store: FactStore, settings: Settings, value: str | None) -> None:
    plan = plans(settings.facts.sources)
    Collector(store, plan, Silence(value), stop=threading.Event()).once()


def test_doctor_says_how_the_collector_fares(
    tmp_path: Path, store: FactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert collecting.examine(Settings(), tmp_path) == "no source is switched on"
    settings = settings_of(alternative_me={})
    with pytest.raises(FreqpilotError, match="it never ran"):
        collecting.examine(settings, tmp_path)
    play(store, settings, "50")
    assert collecting.examine(settings, tmp_path) == "1 feeds are well"
    save_beat(store, datetime.now(UTC) - HOUR)
    with pytest.raises(FreqpilotError, match="does not run"):
        collecting.examine(settings, tmp_path)
    play(store, settings, "5000")
    with pytest.raises(FreqpilotError, match=r"alternative_me/index is quarantined.*5000 lies"):
        collecting.examine(settings, tmp_path)
    play(store, settings, "51")
    monkeypatch.delenv("FREQPILOT_ETHERSCAN_KEY", raising=False)
    both = settings_of(alternative_me={}, etherscan={})
    with pytest.raises(FreqpilotError, match="etherscan is off, FREQPILOT_ETHERSCAN_KEY"):
        collecting.examine(both, tmp_path)


def test_doctor_names_an_unknown_source(tmp_path: Path) -> None:
    config = {"user_data_dir": tmp_path, "freqpilot": {"facts": {"sources": {"alternativ": {}}}}}
    line = doctor._run("collector", lambda: doctor._collector(config))
    assert not line.ok
    assert "alternative_me" in line.detail


def command(*arguments: str) -> Any:
    return CliRunner().invoke(cli.app, arguments)


def test_the_command_lists_sources_without_a_config() -> None:
    done = command("collect", "--list")
    assert done.exit_code == 0
    assert "coinmetrics" in done.stdout
    assert "FREQPILOT_GLASSNODE_KEY" in done.stdout


def test_the_command_shows_and_accepts(tmp_path: Path) -> None:
    config = {
        "exchange": {"name": "binance", "pair_whitelist": []},
        "freqpilot": {"facts": {"sources": {"alternative_me": {}}}},
    }
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    settings = Settings.from_config(config)
    store = FactStore.open(facts_url(settings, tmp_path))
    given = ("-c", str(file), "--userdir", str(tmp_path))
    play(store, settings, "101")
    done = command("collect", "--status", *given)
    assert done.exit_code == 1
    assert "alternative_me/fear_greed@*" in done.stdout
    done = command("collect", "--accept", "alternative_me/fear_greed@*", *given)
    assert "1 readings are kept now" in done.stdout
    play(store, settings, "60")
    store.close()
    done = command("collect", "--status", *given)
    assert done.exit_code == 0, done.stdout
    assert "the collector runs" in done.stdout
    done = command("collect", "--accept", "fear_greed", *given)
    assert isinstance(done.exception, RefuseToStart)


def test_without_sources_it_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(RefuseToStart, match="no source is switched on"):
        collecting.collect(Settings(), tmp_path, once=True, say=print)


def test_settings_name_the_nearest_key() -> None:
    with pytest.raises(RefuseToStart, match="did you mean 'every'"):
        settings_of(coingecko={"evry": 5})
    with pytest.raises(RefuseToStart, match=r"sources\.coingecko\.every"):
        settings_of(coingecko={"every": 0})


def test_the_client_is_made_without_asking_anyone() -> None:
    Fetcher().close()
