"""The database: upgrades that keep data, refusals, threads, and what it must not disturb."""

import logging
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from store_samples import INTENT, NOW, SHADOW

from freqpilot.errors import RefuseToStart
from freqpilot.facts.store import FactStore
from freqpilot.store import check_store, open_store, peek_state
from freqpilot.store.database import _engine, _parsed, connect
from freqpilot.store.tables import Base
from freqpilot.store.upgrade import alembic_config, newest, revision_of, upgrade


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "freqpilot.sqlite"


def url(file: Path) -> str:
    return f"sqlite:///{file}"


@pytest.fixture
def old_file(file: Path) -> Iterator[Path]:
    """A file at the first revision that holds data."""
    engine = _engine(_parsed(url(file)), 1.0)
    with engine.begin() as connection:
        upgrade(connection, "0001")
    engine.dispose()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "INSERT INTO risk_state VALUES ('ledger', '{\"peak\": 1234.5}', '2024-03-01 00:00:00')"
        )
        connection.execute(
            "INSERT INTO event (time, kind, level, text) "
            "VALUES ('2024-03-01 00:00:00', 'halt', 'EMERGENCY', 'drawdown')"
        )
    return file


def test_upgrade_keeps_what_the_file_holds(old_file: Path) -> None:
    assert "at revision 0001" in check_store(url(old_file))
    store = open_store(url(old_file))
    assert store.load_state("ledger") == {"peak": 1234.5}
    (event,) = store.events()
    assert (event.text, event.data) == ("drawdown", {})
    assert event.time == datetime(2024, 3, 1, tzinfo=UTC)
    store.add_event(NOW, "release", "INFO", "by a person", {"user": "x"})
    store.save_counters({"orders": 1}, NOW)
    store.close()
    assert f"up to date (revision {newest()})" in check_store(url(old_file))


@pytest.fixture
def older_file(file: Path) -> Path:
    """A file at the revision before intents, that holds data."""
    engine = _engine(_parsed(url(file)), 1.0)
    with engine.begin() as connection:
        upgrade(connection, "0002")
    engine.dispose()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "INSERT INTO counter (name, value, updated_at) "
            "VALUES ('orders', 17, '2024-03-01 00:00:00')"
        )
        connection.execute(
            "INSERT INTO risk_state VALUES ('ledger', '{\"peak\": 1234.5}', '2024-03-01 00:00:00')"
        )
    return file


def test_upgrade_to_intents_keeps_what_the_file_holds(older_file: Path) -> None:
    assert "at revision 0002" in check_store(url(older_file))
    store = open_store(url(older_file))
    assert store.counters() == {"orders": 17}
    assert store.load_state("ledger") == {"peak": 1234.5}
    assert store.intents() == []
    store.save_intent(INTENT)
    store.close()
    again = open_store(url(older_file))
    assert again.intents("sent") == [INTENT]
    again.close()


def test_upgrade_from_the_first_revision_makes_room_for_intents(old_file: Path) -> None:
    store = open_store(url(old_file))
    store.save_intent(INTENT)
    assert store.intents() == [INTENT]
    store.close()


def test_upgrade_to_facts_keeps_intents(file: Path) -> None:
    engine = _engine(_parsed(url(file)), 1.0)
    with engine.begin() as connection:
        upgrade(connection, "0003")
    engine.dispose()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "INSERT INTO order_intent (client_id, pair, side, purpose, kind, amount, leverage, "
            "time, state) VALUES ('a', 'BTC/USDT', 'buy', 'entry', 'limit', 1, 1, "
            "'2024-03-01 00:00:00', 'sent')"
        )
    store = open_store(url(file))
    assert [intent.client_id for intent in store.intents("sent")] == ["a"]
    store.close()
    facts = FactStore.open(url(file))
    assert facts.summary() == []
    facts.close()


def test_upgrade_to_the_collector_keeps_facts(file: Path) -> None:
    engine = _engine(_parsed(url(file)), 1.0)
    with engine.begin() as connection:
        upgrade(connection, "0004")
    engine.dispose()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("INSERT INTO fact_series VALUES (1, 'cm', 'BTC', 'mvrv')")
        connection.execute("INSERT INTO fact VALUES (1, 1000, 2000, 0, 2.5)")
    old = FactStore.open(url(file), writes=False)
    assert not old.collects
    assert old.observations(1).value.tolist() == [2.5]
    old.close()
    facts = FactStore.open(url(file))
    assert facts.collects
    assert facts.observations(1).value.tolist() == [2.5]
    facts.close()


def test_upgrade_to_alerts_keeps_events_and_sends_none_of_them(file: Path) -> None:
    engine = _engine(_parsed(url(file)), 1.0)
    with engine.begin() as connection:
        upgrade(connection, "0006")
    engine.dispose()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "INSERT INTO event (time, kind, level, text, data) "
            "VALUES ('2024-03-01 00:00:00', 'halt', 'EMERGENCY', 'drawdown', '{\"x\": 1}')"
        )
    store = open_store(url(file))
    (event,) = store.events()
    assert (event.text, event.data) == ("drawdown", {"x": 1})
    assert store.alerts() == []
    store.add_event(NOW, "halt", "EMERGENCY", "drawdown")
    store.close()
    again = open_store(url(file))
    assert [alert.text for alert in again.alerts()] == ["drawdown"]
    again.close()


def test_upgrade_to_shadow_orders_keeps_events_and_alerts(file: Path) -> None:
    engine = _engine(_parsed(url(file)), 1.0)
    with engine.begin() as connection:
        upgrade(connection, "0007")
    engine.dispose()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(
            "INSERT INTO event (time, kind, level, text, data) VALUES "
            "('2024-03-01 00:00:00', 'veto', 'WARNING', 'refused entry BTC/USDT', '{}')"
        )
        connection.execute(
            "INSERT INTO alert VALUES (1, 'k', 'open', '2024-03-01 00:00:00', "
            "'2024-03-01 00:00:00', 'veto', 'WARNING', 'refused', 3, '[]', 0, NULL)"
        )
    assert "at revision 0007" in check_store(url(file))
    store = open_store(url(file))
    assert [event.text for event in store.events()] == ["refused entry BTC/USDT"]
    assert [alert.times for alert in store.alerts()] == [3]
    assert store.shadows() == []
    assert store.add_shadows([SHADOW]) == 1
    store.close()
    again = open_store(url(file))
    assert again.shadows() == [SHADOW]
    again.close()


def test_an_intent_is_on_disk_before_the_order_is_sent(file: Path) -> None:
    """Read by another connection while the writer is still open, as after a kill."""
    store = open_store(url(file))
    store.save_intent(INTENT)
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT client_id, state FROM order_intent").fetchall()
    assert rows == [(INTENT.client_id, "sent")]
    store.close()


def test_a_failed_upgrade_is_taken_back_as_a_whole(old_file: Path) -> None:
    with closing(sqlite3.connect(old_file)) as connection, connection:
        connection.execute("CREATE TABLE heartbeat (x)")  # the last step of 0002 stumbles over it
    with pytest.raises(RefuseToStart, match="heartbeat"):
        open_store(url(old_file))
    with closing(sqlite3.connect(old_file)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        revision = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        columns = [row[1] for row in connection.execute("PRAGMA table_info(event)")]
    assert "decision" not in tables
    assert "data" not in columns
    assert revision == [("0001",)]


def test_migrations_make_the_tables_the_code_declares(file: Path) -> None:
    open_store(url(file)).close()
    engine = _engine(_parsed(url(file)), 1.0)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_each_step_of_the_tables_can_be_taken_back(file: Path) -> None:
    open_store(url(file)).close()
    engine = _engine(_parsed(url(file)), 1.0)
    with engine.begin() as connection:
        config = alembic_config(connection)
        for script in ScriptDirectory.from_config(config).walk_revisions():
            before = set(inspect(connection).get_table_names())
            command.downgrade(config, f"{script.revision}@-1")
            assert revision_of(connection) == script.down_revision
            command.upgrade(config, script.revision)
            assert set(inspect(connection).get_table_names()) == before
            command.downgrade(config, f"{script.revision}@-1")
        assert inspect(connection).get_table_names() == ["alembic_version"]
        upgrade(connection)
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(RefuseToStart, match=r"the folder of .*taken/facts.sqlite cannot be made"):
        connect(url(tmp_path / "taken" / "facts.sqlite"), writes=True)


def test_reopening_keeps_everything(file: Path) -> None:
    first = open_store(url(file))
    first.save_state("ledger", {"halted": "drawdown"}, NOW)
    first.close()
    second = open_store(url(file))
    assert second.load_state("ledger") == {"halted": "drawdown"}
    second.close()


def test_a_newer_version_is_refused(file: Path) -> None:
    open_store(url(file)).close()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for call in (open_store, check_store):
        with pytest.raises(RefuseToStart, match=r"9999.*newer version"):
            call(url(file))


def test_a_file_that_is_no_database_is_refused_and_kept(file: Path) -> None:
    file.write_bytes(b"this is not a database, it is a letter" * 100)
    before = file.read_bytes()
    for call in (open_store, check_store):
        with pytest.raises(RefuseToStart, match="damaged"):
            call(url(file))
    assert file.read_bytes() == before


def test_a_damaged_page_is_refused(file: Path) -> None:
    store = open_store(url(file))
    for number in range(200):
        store.add_event(NOW, "veto", "WARNING", "x" * 200, {"number": number})
    store.close()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(file.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xff" * 4096
    file.write_bytes(bytes(content))
    for call in (open_store, check_store):
        with pytest.raises(RefuseToStart, match="damaged"):
            call(url(file))


def test_a_locked_file_is_refused(file: Path) -> None:
    open_store(url(file)).close()
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(RefuseToStart, match="another process holds it"):
            open_store(url(file), busy_timeout=0.01)
        holder.execute("ROLLBACK")
    open_store(url(file)).close()


def test_a_folder_that_cannot_be_made_is_refused(file: Path) -> None:
    file.write_text("")
    with pytest.raises(RefuseToStart, match="folder"):
        open_store(url(file / "below" / "x.sqlite"))


@pytest.mark.parametrize("bad", ["freqpilot.sqlite", "", "nosuchdb:///x"])
def test_a_bad_url_is_refused(bad: str) -> None:
    with pytest.raises(RefuseToStart):
        open_store(bad)


def test_no_message_shows_a_password() -> None:
    with pytest.raises(RefuseToStart) as error:
        open_store("nosuchdb://user:secret-word@host/name")
    assert "secret-word" not in str(error.value)


def test_check_makes_no_file(file: Path) -> None:
    assert "will be made" in check_store(url(file))
    assert not file.exists()


def test_sqlite_is_set_up_to_survive(file: Path) -> None:
    store = open_store(url(file))
    with store._engine.connect() as connection:  # type: ignore[attr-defined]
        settings = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
    store.close()
    assert settings == ["wal", 2, 1, 5000]


def test_threads_write_without_loss(file: Path) -> None:
    store = open_store(url(file))
    faults: list[Exception] = []

    def write(thread: int) -> None:
        try:
            for number in range(10):
                store.add_event(NOW, "veto", "INFO", f"{thread}/{number}")
                store.save_state("ledger", {"thread": thread}, NOW)
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len({event.text for event in store.events()}) == 40
    store.close()


def test_loggers_are_left_alone(file: Path) -> None:
    logger = logging.getLogger("some.early.logger")
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level
    open_store(url(file)).close()
    assert not logger.disabled
    assert logging.getLogger().handlers == handlers
    assert logging.getLogger().level == level


def test_the_package_imports_no_database() -> None:
    code = (
        "import sys; from freqpilot.store import memory_store; memory_store(); "
        "print([m for m in ('sqlalchemy', 'alembic', 'pandas', 'numba') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_state_is_peeked_at_without_a_change(file: Path, old_file: Path) -> None:
    before = old_file.read_bytes()
    assert peek_state(url(old_file), "ledger") == {"peak": 1234.5}
    assert peek_state(url(old_file), "nothing") is None
    assert old_file.read_bytes() == before, "an older one is not brought up to date"


def test_peeking_makes_no_file_and_refuses_what_is_none(file: Path) -> None:
    assert peek_state(url(file), "ledger") is None
    assert not file.exists()
    file.write_bytes(b"")
    assert peek_state(url(file), "ledger") is None
    file.write_bytes(b"no database at all, a torn page" * 200)
    with pytest.raises(RefuseToStart, match="damaged"):
        peek_state(url(file), "ledger")
