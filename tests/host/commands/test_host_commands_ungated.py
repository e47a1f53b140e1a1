"""A bot that trades without the order gate is found from another process."""

import json
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from live_bot import make_bot
from typer.testing import CliRunner

from freqpilot.cli import app
from freqpilot.control import notify
from freqpilot.facts import collecting
from freqpilot.host.account.begin import begin
from freqpilot.host.commands import doctor
from freqpilot.host.commands.ungated import GRACE, Books, Watchman, books_of, fault, newest_order
from freqpilot.host.run.current import end
from freqpilot.store import last_sign, open_store

NOW = datetime(2026, 1, 10, 12, 30, tzinfo=UTC)
BEFORE = NOW - timedelta(days=1)
KEY = "ledger binance dry"


@pytest.fixture
def books(tmp_path: Path) -> Books:
    found = Books(f"sqlite:///{tmp_path}/trades.sqlite", f"sqlite:///{tmp_path}/freqpilot.sqlite")
    with closing(sqlite3.connect(tmp_path / "trades.sqlite")) as connection:
        connection.execute("create table orders (order_date datetime)")
    return found


def order(books: Books, time: datetime) -> None:
    with closing(sqlite3.connect(books.trades.removeprefix("sqlite:///"))) as connection:
        connection.execute("insert into orders values (?)", [f"{time:%Y-%m-%d %H:%M:%S.%f}"])
        connection.commit()


def beat(books: Books, time: datetime, source: str = KEY) -> None:
    store = open_store(books.store)
    store.beat(source, time)
    store.close()


@pytest.mark.parametrize(
    ("signs", "found"),
    [
        ([], True),
        ([(KEY, NOW - GRACE - timedelta(seconds=1))], True),
        ([(KEY, NOW - GRACE)], False),
        ([(KEY, NOW + timedelta(hours=1))], False),
        ([("collector", NOW)], True),
        ([("ledger other", NOW), (KEY, BEFORE)], False),
    ],
)
def test_an_order_needs_a_sign_of_life_beside_it(
    books: Books, signs: list[tuple[str, datetime]], found: bool
) -> None:
    order(books, BEFORE)
    order(books, NOW)
    for source, time in signs:
        beat(books, time, source)
    text = fault(books, BEFORE)
    assert bool(text) is found
    if text:
        assert "2026-01-10 12:30 UTC without Freqpilot's order gate" in text
        assert "-c user_data/freqpilot/freqpilot.json" in text


def test_old_orders_are_let_be(books: Books) -> None:
    order(books, NOW)
    assert fault(books, NOW) is None
    assert fault(books, NOW - timedelta(microseconds=1)) is not None


def test_without_a_trades_database_there_is_nothing_to_see(tmp_path: Path) -> None:
    for trades in (f"sqlite:///{tmp_path}/none.sqlite", "sqlite://"):
        assert newest_order(trades) is None
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty.sqlite").touch()
    assert newest_order(f"sqlite:///{tmp_path}/empty.sqlite") is None


def test_a_person_is_called_once_an_hour(books: Books) -> None:
    order(books, NOW)
    told: list[str] = []
    watchman = Watchman(books, BEFORE, told.append)
    for minutes in (0, 1, 59, 60, 61):
        watchman.look(NOW + timedelta(minutes=minutes))
    assert len(told) == 2
    beat(books, NOW)
    watchman.look(NOW + timedelta(hours=5))
    assert len(told) == 2


def test_books_that_cannot_be_read_end_nothing(
    books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    Path(books.trades.removeprefix("sqlite:///")).write_text("no database" * 100)
    Watchman(books, BEFORE, lambda _: pytest.fail("nobody is called")).look(NOW)
    assert "could not be looked at: DatabaseError" in caplog.text


def test_a_bot_gives_signs_of_life_where_they_are_looked_for(tmp_path: Path) -> None:
    bot = make_bot(tmp_path, dry_run=True)
    begin(bot.config, live=True)
    try:
        sign = last_sign(books_of(bot.config).store)
    finally:
        end()
    assert sign is not None
    assert abs(datetime.now(UTC) - sign) < timedelta(minutes=5)


def test_the_books_are_those_that_the_bot_has(tmp_path: Path) -> None:
    config = {"user_data_dir": tmp_path, "freqpilot": {}}
    store = f"sqlite:///{tmp_path}/freqpilot.sqlite"
    assert books_of(config) == Books("sqlite:///tradesv3.dryrun.sqlite", store)
    assert books_of({**config, "dry_run": False}).trades == "sqlite:///tradesv3.sqlite"
    assert books_of({**config, "db_url": "postgresql://db/ft"}).trades == "postgresql://db/ft"


def test_the_collector_watches_the_bot_of_its_config(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order(books, datetime.now(UTC) + timedelta(minutes=1))
    told: list[tuple[object, str]] = []
    monkeypatch.setattr(notify, "notify", lambda config, text: told.append((config, text)))

    def collect(*_: object, watch: Callable[[datetime], None], **__: object) -> None:
        watch(NOW)

    monkeypatch.setattr(collecting, "collect", collect)
    (tmp_path / "own.json").write_text(json.dumps({"db_url": books.trades, "freqpilot": {}}))
    words = ["collect", "-c", str(tmp_path / "own.json"), "--userdir", str(tmp_path)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    ((config, text),) = told
    assert "without Freqpilot's order gate" in text
    assert isinstance(config, dict)
    assert config["db_url"] == books.trades


def test_a_watch_is_called_until_the_collector_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "WATCH", timedelta(milliseconds=1))
    stop, calls = threading.Event(), []

    def watch(now: datetime) -> None:
        calls.append(now)
        if len(calls) == 3:
            stop.set()

    collecting._watch(watch, stop)
    assert len(calls) == 3


def test_doctor_finds_it(books: Books, tmp_path: Path) -> None:
    def gated() -> doctor.Finding:
        files = [str(tmp_path / "own.json")]
        return next(f for f in doctor.examine(files, str(tmp_path)) if f.check == "gated")

    own = {"exchange": {"name": "binance"}, "db_url": books.trades, "freqpilot": {}}
    (tmp_path / "own.json").write_text(json.dumps(own))
    assert gated().ok
    order(books, datetime.now(UTC))
    assert not gated().ok
    beat(books, datetime.now(UTC))
    assert gated().ok
