"""Facts as a strategy's columns: the same live and in a backtest, never from the future."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import fact_readers
from freqpilot import cli
from freqpilot.errors import Degraded, RefuseToStart
from freqpilot.facts.store import FactStore
from freqpilot.host.boot.digests import facts_digest
from freqpilot.host.commands import doctor
from freqpilot.host.facts import database
from freqpilot.host.facts.columns import add_facts
from freqpilot.settings import Settings
from freqpilot.shapes import Fact
from freqpilot.store.urls import facts_url

BEGIN = datetime(2024, 3, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOW = BEGIN + timedelta(days=30)
FACT = Fact("cm", "BTC", "mvrv", 1.0, BEGIN, BEGIN + 2 * HOUR)


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    yield
    fact_readers.forget()


def config(folder: Path, runmode: str = "backtest", **options: Any) -> dict[str, Any]:
    return {"user_data_dir": folder, "runmode": runmode, "timeframe": "1h", "freqpilot": options}


def keep(folder: Path, *facts: Fact) -> None:
    store = FactStore.open(facts_url(Settings(), folder))
    store.append(facts, NOW)
    store.close()


def candles(count: int = 8, begin: datetime = BEGIN) -> pd.DataFrame:
    date = pd.date_range(begin, periods=count, freq="1h")
    return pd.DataFrame({"date": date, "close": np.arange(count, dtype=float)})


@pytest.mark.parametrize("runmode", ["backtest", "hyperopt", "live", "dry_run"])
def test_columns_hold_what_was_known_at_each_close(tmp_path: Path, runmode: str) -> None:
    revised = replace(FACT, value=1.5, available_at=BEGIN + 3 * HOUR)
    newer = replace(FACT, value=2.0, event_time=BEGIN + HOUR, available_at=BEGIN + 5 * HOUR)
    keep(tmp_path, FACT, revised, newer)
    frame = add_facts(candles(), "BTC/USDT", ["cm/mvrv"], config(tmp_path, runmode))
    nan = np.nan
    np.testing.assert_array_equal(frame["mvrv"], [nan, 1.0, 1.5, 1.5, 2.0, 2.0, 2.0, 2.0])
    np.testing.assert_array_equal(frame["mvrv_age"], [nan, 2.0, 3.0, 4.0, 4.0, 5.0, 6.0, 7.0])
    assert list(frame.columns[:2]) == ["date", "close"]


def test_a_database_that_fails_live_is_not_waited_for_by_each_metric(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exits would wait with them."""
    now, opened = [1000.0], []
    file = tmp_path / "freqpilot-facts.sqlite"
    keep(tmp_path, FACT)
    file.rename(tmp_path / "away")
    monkeypatch.setattr(database.time, "time", lambda: now[0])
    real = FactStore.open

    def counted(*given: Any, **more: Any) -> FactStore:
        opened.append(more)
        return real(*given, **more)

    monkeypatch.setattr(FactStore, "open", counted)
    live = config(tmp_path, "live")

    def known() -> int:
        metrics = ["cm/mvrv", "cm/mvrv@BTC", "mvrv@ETH"]
        frame = add_facts(candles(), "BTC/USDT", metrics, live)
        return int(frame["mvrv"].notna().sum())

    assert (known(), known(), len(opened)) == (0, 0, 1)
    assert opened[0]["busy_timeout"] <= 1, "a locked one holds up no loop for long"
    (tmp_path / "away").rename(file)
    now[0] += database.PAUSE - 0.1
    assert (known(), len(opened)) == (0, 1)
    now[0] += 0.2
    assert (known(), len(opened)) == (7, 2)
    # A clock that is set back makes the pause no longer, and a backtest has none.
    for source in database._open:
        source.store.close()
    database._open.clear()
    file.rename(tmp_path / "away")
    assert known() == 0
    (tmp_path / "away").rename(file)
    now[0] -= 3600
    assert known() == 7
    database._failed[facts_url(Settings(), tmp_path)] = (now[0], "it failed")
    assert add_facts(candles(), "BTC/USDT", ["mvrv"], config(tmp_path))["mvrv"].notna().any()


def test_a_part_of_the_candles_gives_the_same_rows(tmp_path: Path) -> None:
    keep(tmp_path, FACT, replace(FACT, event_time=BEGIN + HOUR, available_at=BEGIN + 6 * HOUR))
    whole = add_facts(candles(), "BTC/USDT", ["mvrv"], config(tmp_path))
    for runmode in ("backtest", "live"):
        for first in range(7):
            part = candles()[first:].reset_index(drop=True)
            found = add_facts(part, "BTC/USDT", ["mvrv"], config(tmp_path, runmode))
            pd.testing.assert_frame_equal(found, whole[first:].reset_index(drop=True))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.floats(-9, 9)), max_size=12),
    st.integers(0, 8),
)
def test_no_fact_of_the_future_changes_a_row(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, float]], at: int
) -> None:
    """Everything known after a candle's close is taken away: the rows up to it stay."""
    close = BEGIN + at * HOUR
    facts = [
        Fact("cm", "BTC", "mvrv", value, BEGIN + event * HOUR, BEGIN + (event + lag) * HOUR, place)
        for place, (event, lag, value) in enumerate(rows, 1)  # 0 is the vintage of FACT
    ]
    past = [fact for fact in facts if fact.available_at <= close]
    found = []
    for kept in (facts, past):
        folder = tmp_path_factory.mktemp("facts")
        keep(folder, FACT, *kept)
        frame = add_facts(candles(), "BTC/USDT", ["mvrv"], config(folder))
        found.append(frame[frame["date"] + HOUR <= close])
    pd.testing.assert_frame_equal(*found)


def test_assets_sources_and_prefixes(tmp_path: Path) -> None:
    facts = [replace(FACT, asset=asset) for asset in ("PEPE", "*", "ETH")]
    keep(tmp_path, *facts)
    names = ["mvrv", "cm/mvrv@ETH"]
    frame = add_facts(candles(), "1000PEPE/USDT:USDT", names, config(tmp_path, "live"), prefix="%-")
    assert [*frame.columns[2:]] == ["%-mvrv", "%-mvrv_age", "%-mvrv_ETH", "%-mvrv_ETH_age"]
    market = add_facts(candles(), "XRP/USDT", ["mvrv@*"], config(tmp_path))
    assert market["mvrv"].notna().sum() == 7


def test_old_values_are_missing(tmp_path: Path) -> None:
    keep(tmp_path, FACT)
    frame = add_facts(candles(), "BTC/USDT", ["mvrv"], config(tmp_path), max_age=4 * HOUR)
    assert frame["mvrv"].notna().tolist() == [False, True, True, True, *[False] * 4]
    assert frame["mvrv_age"].isna().equals(frame["mvrv"].isna())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mvrvv", "did you mean 'mvrv'"),
        ("other/mvrv", "no facts other/mvrv of BTC"),
        ("mvrv@ETH", "there are none"),
        ("nvt", "everal sources have nvt of BTC, so it is NaN: name a/nvt or cm/nvt"),
    ],
)
def test_what_is_not_known_is_nan_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, text: str
) -> None:
    keep(tmp_path, FACT, replace(FACT, metric="nvt"), replace(FACT, metric="nvt", source="a"))
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            frame = add_facts(candles(), "BTC/USDT", [name], config(tmp_path, "live"))
    assert frame.iloc[:, 2:].isna().all(axis=None)
    assert caplog.text.count(text) == 1


def test_a_database_that_is_not_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Live the columns are missing, so there is no entry; a backtest stops."""
    frame = add_facts(candles(), "BTC/USDT", ["mvrv"], config(tmp_path, "dry_run"))
    assert frame["mvrv"].isna().all()
    assert "open trades are managed as before" in caplog.text
    with pytest.raises(Degraded, match="freqpilot facts import"):
        add_facts(candles(), "BTC/USDT", ["mvrv"], config(tmp_path))
    assert not list(tmp_path.iterdir())


def test_candles_of_a_shorter_timeframe_are_refused(tmp_path: Path) -> None:
    """Taken as longer ones they would close later than they do, and see the future."""
    keep(tmp_path, FACT)
    with pytest.raises(ValueError, match="nearer together than 4h"):
        add_facts(candles(), "BTC/USDT", ["mvrv"], config(tmp_path), timeframe="4h")


def test_a_name_that_is_there_already_is_refused(tmp_path: Path) -> None:
    for names in (["mvrv", "cm/mvrv"], ["close"]):
        with pytest.raises(ValueError, match="named twice"):
            add_facts(candles(), "BTC/USDT", names, config(tmp_path))


def test_no_candles_no_rows(tmp_path: Path) -> None:
    keep(tmp_path, FACT)
    frame = add_facts(candles()[:0], "BTC/USDT", ["mvrv"], config(tmp_path))
    assert [*frame.columns] == ["date", "close", "mvrv", "mvrv_age"]
    assert frame.empty


@pytest.mark.parametrize("runmode", ["backtest", "live"])
def test_new_facts_are_seen(tmp_path: Path, runmode: str) -> None:
    keep(tmp_path, FACT)
    add_facts(candles(), "BTC/USDT", ["mvrv"], config(tmp_path, runmode))
    keep(tmp_path, replace(FACT, metric="nvt"), replace(FACT, value=7.0, vintage=1))
    frame = add_facts(candles(), "BTC/USDT", ["mvrv", "nvt"], config(tmp_path, runmode))
    assert frame["mvrv"].iloc[-1] == 7.0
    assert frame["nvt"].iloc[-1] == 1.0


def test_a_backtest_reads_a_series_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(tmp_path, FACT)
    reads: list[int] = []
    original = FactStore.observations

    def counted(self: FactStore, series: int, *bounds: Any) -> Any:
        reads.append(series)
        return original(self, series, *bounds)

    monkeypatch.setattr(FactStore, "observations", counted)
    for _ in range(3):
        add_facts(candles(), "BTC/USDT", ["mvrv"], config(tmp_path))
    assert len(reads) == 1


def test_a_backtest_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    keep(tmp_path, FACT)
    file = tmp_path / "freqpilot-facts.sqlite"
    before = file.read_bytes()
    for runmode in ("backtest", "live"):
        add_facts(candles(), "BTC/USDT", ["mvrv"], config(tmp_path, runmode))
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("section", "wanted"),
    [
        ({}, "sqlite:////ud/freqpilot-facts.sqlite"),
        ({"store": {"url": "sqlite:////x/a.db"}}, "sqlite:////x/a-facts.db"),
        ({"store": {"url": "postgresql+psycopg://u@h/n"}}, "postgresql+psycopg://u@h/n"),
        ({"facts": {"url": "sqlite:///f.sqlite"}}, "sqlite:////ud/f.sqlite"),
    ],
)
def test_where_facts_are_kept(section: dict[str, Any], wanted: str) -> None:
    assert facts_url(Settings.from_config({"freqpilot": section}), Path("/ud")) == wanted


def test_other_facts_make_another_digest(tmp_path: Path) -> None:
    """Freqtrade and FreqAI would otherwise serve results that were computed on other facts."""
    found = [facts_digest(config(tmp_path), Settings())]
    for number in range(2):
        keep(tmp_path, replace(FACT, vintage=number))
        found.append(facts_digest(config(tmp_path), Settings()))
        add_facts(candles(), "BTC/USDT", ["mvrv"], config(tmp_path))
        assert facts_digest(config(tmp_path), Settings()) == found[-1], "reading changes nothing"
    assert found[0] is None
    assert len(set(found)) == 3


def test_the_doctor_looks_at_facts(tmp_path: Path) -> None:
    assert "no facts yet" in doctor._facts(config(tmp_path))
    keep(tmp_path, FACT)
    assert "1 metrics" in doctor._facts(config(tmp_path))
    (tmp_path / "freqpilot-facts.sqlite").write_bytes(b"a letter, not a database" * 100)
    with pytest.raises(RefuseToStart, match="damaged"):
        doctor._facts(config(tmp_path))


def test_the_commands(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("value,event_time,available_at\n1,2024-01-01,2024-01-02T00:00:00Z\n")
    names = ["--source", "me", "--asset", "btc", "--metric", "mvrv"]
    folder = ["--userdir", str(tmp_path)]
    done = CliRunner().invoke(cli.app, ["facts", "import", str(file), *names, *folder])
    assert "1 new, 0 known already" in done.output
    done = CliRunner().invoke(cli.app, ["facts", "list", *folder])
    assert done.output.split()[-10:-6] == ["me", "BTC", "mvrv", "1"]
