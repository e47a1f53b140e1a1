"""PostgreSQL: upgrades that keep data, writers at the same time, and refusals that tell what to do.

What a store does is tested on it by ``test_store_both`` and the tests of the facts.
"""

import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from store_samples import INTENT, NOW

from benchmarks.support.postgres import Cluster, NoServer, server_folder
from freqpilot.errors import RefuseToStart
from freqpilot.facts.items import items
from freqpilot.facts.store import FactStore
from freqpilot.shapes import Decision, Fact
from freqpilot.store import check_store, open_store
from freqpilot.store.database import WRITES, _engine, _parsed, _refusal, _shown
from freqpilot.store.tables import Base
from freqpilot.store.upgrade import newest, upgrade

DECISION = Decision(
    pair="BTC/USDT",
    time=NOW,
    side="long",
    composite=0.61,
    confidence=0.7,
    coverage=0.66,
    contributions={},
    reasons=(),
)
FACT = Fact("cm", "BTC", "mvrv", 2.5, NOW, NOW)
HELD = {
    "0001": (
        "INSERT INTO risk_state VALUES ('ledger', '{\"peak\": 1234.5}', '2024-03-01 02:00:00+02')",
        "INSERT INTO event (time, kind, level, text) "
        "VALUES ('2024-03-01 00:00:00+00', 'halt', 'EMERGENCY', 'drawdown')",
    ),
    "0002": ("INSERT INTO counter VALUES ('orders', 17, '2024-03-01 00:00:00+00')",),
    "0003": (
        "INSERT INTO order_intent (client_id, pair, side, purpose, kind, amount, leverage, time, "
        "state) VALUES ('a', 'BTC/USDT', 'buy', 'entry', 'limit', 1, 1, '2024-03-01', 'sent')",
    ),
    "0004": (
        "INSERT INTO fact_series (source, asset, metric) VALUES ('cm', 'BTC', 'mvrv')",
        "INSERT INTO fact SELECT id, 1000, 2000, 0, 2.5 FROM fact_series",
    ),
    "0005": (
        "INSERT INTO fact_item (source, key, asset, text, url, event_time, available_at, model) "
        "VALUES ('x', '1', 'BTC', 'up', '', '2024-03-01', '2024-03-01', 'm')",
    ),
    "0006": ("INSERT INTO fact_engagement VALUES ('x', '1', '2024-03-01 00:00:00+00', 7)",),
}
"""What a database of each revision holds beside what those before it do."""


def execute(url: str, *statements: str) -> None:
    engine = _engine(_parsed(url), 1.0)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def name_of(url: str) -> str:
    return str(_parsed(url).database)


def at_revision(url: str, last: str) -> None:
    """Bring an empty database to a revision, with data of each on the way."""
    engine = _engine(_parsed(url), 1.0)
    for revision, statements in HELD.items():
        if revision <= last:
            with engine.begin() as connection:
                upgrade(connection, revision)
            execute(url, *statements)
    engine.dispose()


@pytest.mark.parametrize(
    "revision",
    [
        pytest.param(number, marks=() if number in (min(HELD), max(HELD)) else pytest.mark.proof)
        for number in HELD
    ],
)
def test_upgrades_keep_what_a_database_holds(postgres_url: str, revision: str) -> None:
    at_revision(postgres_url, revision)
    assert f"at revision {revision}" in check_store(postgres_url)
    store = open_store(postgres_url)
    assert store.load_state("ledger") == {"peak": 1234.5}
    (event,) = store.events()
    assert (event.text, event.data) == ("drawdown", {})
    assert event.time == datetime(2024, 3, 1, tzinfo=UTC)
    assert store.counters() == ({"orders": 17} if revision >= "0002" else {})
    assert [i.client_id for i in store.intents("sent")] == (["a"] if revision >= "0003" else [])
    store.save_intent(INTENT)
    store.add_event(NOW, "release", "INFO", "by a person", {"user": "x"})
    assert store.intents()[-1] == INTENT
    store.close()
    facts = FactStore.open(postgres_url)
    assert facts.append([FACT], NOW).added == 1
    kept = [2.5, 2.5] if revision >= "0004" else [2.5]
    assert facts.observations(facts.catalogue()["cm", "BTC", "mvrv"]).value.tolist() == kept
    texts = items(facts, "BTC", datetime(2024, 1, 1, tzinfo=UTC), NOW, "m")
    assert [item.text for item in texts] == (["up"] if revision >= "0005" else [])
    facts.close()
    assert f"up to date (revision {newest()})" in check_store(postgres_url)


def test_migrations_make_the_tables_the_code_declares(postgres_url: str) -> None:
    open_store(postgres_url).close()
    engine = _engine(_parsed(postgres_url), 1.0)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_a_failed_upgrade_is_taken_back_as_a_whole(postgres_url: str) -> None:
    at_revision(postgres_url, "0001")
    execute(postgres_url, "CREATE TABLE heartbeat (x int)")  # the last step of 0002 stumbles
    with pytest.raises(RefuseToStart, match="heartbeat"):
        open_store(postgres_url)
    assert "at revision 0001" in check_store(postgres_url)
    execute(postgres_url, "DROP TABLE heartbeat")
    store = open_store(postgres_url)
    assert store.load_state("ledger") == {"peak": 1234.5}
    store.close()


def test_a_newer_version_is_refused(postgres_url: str) -> None:
    open_store(postgres_url).close()
    execute(postgres_url, "UPDATE alembic_version SET version_num = '9999'")
    for call in (open_store, check_store):
        with pytest.raises(RefuseToStart, match=r"9999.*newer version"):
            call(postgres_url)


def together(*acts: Callable[[], object]) -> list[Exception]:
    """Run acts at the same time and return what they raised."""
    faults: list[Exception] = []
    gate = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        gate.wait(30)
        try:
            act()
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return faults


def test_bots_that_start_together_make_the_tables_once(postgres_url: str) -> None:
    assert together(*[lambda: open_store(postgres_url).close()] * 4) == []
    assert "up to date" in check_store(postgres_url)


def test_bots_write_the_same_rows_without_loss(postgres_url: str) -> None:
    """Each as another process would: with a store of its own."""
    stores = [open_store(postgres_url) for _ in range(4)]
    new: list[bool] = []

    def write(number: int) -> None:
        store = stores[number]
        for turn in range(10):
            names = [f"c{each}" for each in range(6)]
            store.save_counters(dict.fromkeys(names if number % 2 else names[::-1], turn), NOW)
            store.save_state("ledger", {"bot": number}, NOW)
            store.save_intent(replace(INTENT, state="sent"))
            store.beat("bot", NOW)
            new.append(store.add_decision(turn, DECISION))
            store.add_event(NOW, "veto", "INFO", f"{number}/{turn}")

    assert together(*[lambda n=number: write(n) for number in range(4)]) == []
    assert sum(new) == 10
    assert stores[0].intents() == [INTENT]
    assert len({event.text for event in stores[0].events()}) == 40
    assert set(stores[0].counters().values()) == {9}
    for store in stores:
        store.close()


def test_importers_that_bring_the_same_keep_it_once(postgres_url: str) -> None:
    FactStore.open(postgres_url).close()
    facts = [replace(FACT, metric=f"m{number % 3}", vintage=number) for number in range(90)]
    added: list[int] = []

    def bring() -> None:
        store = FactStore.open(postgres_url)
        added.extend(store.append(facts[i : i + 30], NOW).added for i in range(0, 90, 30))
        store.close()

    assert together(*[bring] * 4) == []
    assert sum(added) == 90


def test_an_import_holds_up_no_order(postgres_url: str) -> None:
    store = open_store(postgres_url, busy_timeout=0.2)
    facts = FactStore.open(postgres_url)
    with facts.engine.execution_options(**WRITES).begin():
        store.save_intent(INTENT)
        store.save_state("ledger", {}, NOW)
        other = open_store(postgres_url, busy_timeout=0.2)  # a bot that starts meanwhile
        assert other.intents() == [INTENT]
        other.close()
        late = _engine(_parsed(postgres_url), 0.05).execution_options(**WRITES)
        with pytest.raises(DBAPIError, match="lock timeout"), late.begin():
            pass
        late.dispose()
    store.close()
    facts.close()


def test_a_store_outlives_a_restart_of_the_server(postgres: Cluster, postgres_url: str) -> None:
    store = open_store(postgres_url)
    store.save_state("ledger", {"peak": 1}, NOW)
    postgres.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        f"WHERE datname = '{name_of(postgres_url)}'"
    )
    store.save_state("ledger", {"peak": 2}, NOW)
    assert store.load_state("ledger") == {"peak": 2}
    store.close()


def test_what_is_kept_survives_a_power_cut(postgres: Cluster, postgres_url: str) -> None:
    name = name_of(postgres_url)
    postgres.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    postgres.execute(f"ALTER DATABASE {name} SET timezone = 'Asia/Tokyo'")
    engine = _engine(_parsed(postgres_url), 5.0)
    with engine.connect() as connection:
        shown = [
            connection.exec_driver_sql(f"SHOW {each}").scalar()
            for each in ("synchronous_commit", "timezone", "lock_timeout")
        ]
    engine.dispose()
    assert shown == ["on", "UTC", "5s"]


def test_a_reader_needs_facts(postgres_url: str) -> None:
    with pytest.raises(RefuseToStart, match="holds no facts yet"):
        FactStore.open(postgres_url, writes=False)
    assert "empty" in check_store(postgres_url), "looking made no table"


def test_an_encoding_that_loses_headlines_is_refused(postgres: Cluster) -> None:
    postgres.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    for call in (open_store, FactStore.open, check_store):
        with pytest.raises(RefuseToStart, match="latin is encoded as LATIN1"):
            call(postgres.url("latin"))
    postgres.drop("latin")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("/nobody_made_this", ""), "createdb"),
        (("freqpilot-pg-", "gone-"), "start the server"),
        (("freqpilot@", "stranger@"), "createuser"),
    ],
)
def test_a_refusal_tells_what_to_do(postgres: Cluster, change: tuple[str, str], told: str) -> None:
    url = postgres.url("nobody_made_this" if "made" in change[0] else "postgres")
    url = url if "made" in change[0] else url.replace(*change)
    for call in (open_store, check_store, FactStore.open):
        with pytest.raises(RefuseToStart, match=told) as error:
            call(url)
        assert "open trades are untouched" in str(error.value)
        assert "\n" not in str(error.value)


def test_a_user_who_may_not_make_tables_is_told(postgres: Cluster, postgres_url: str) -> None:
    postgres.execute("CREATE ROLE guest LOGIN")
    with pytest.raises(RefuseToStart, match="OWNER TO"):
        open_store(postgres_url.replace("freqpilot@", "guest@"))
    postgres.execute("DROP ROLE guest")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:secret-word@127.0.0.1:1/name",
        "postgresql://user@127.0.0.1:1/name?password=secret-word",
        "postgresql://user:pass/secret-word@127.0.0.1:1/name",
        "postgresql://user:x@127.0.0.1:secret-word/name",
        "postgresql+asyncpg://user:secret-word@127.0.0.1/name",
        "mysql://user:secret-word@127.0.0.1/name",
    ],
)
def test_no_message_shows_a_password(url: str) -> None:
    for call in (open_store, check_store, FactStore.open):
        with pytest.raises(RefuseToStart) as error:
            call(url)
        assert "secret-word" not in str(error.value)
        shown = traceback.format_exception(error.value)
        assert not [line for line in shown if "secret-word" in line and "call(url)" not in line]


def test_a_driver_that_tells_the_password_is_cut_short() -> None:
    url = _parsed("postgresql://user:secret-word@host/name")
    error = DBAPIError("connect", None, Exception("cannot use password=secret-word\nfor this"))
    told = str(_refusal(url, error))
    assert "password=*** for this" in told
    assert "secret-word" not in told


def test_a_wrong_password_is_told_apart(postgres: Cluster) -> None:
    rules = postgres.folder / "data" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all guarded scram-sha-256\n{before}")
    postgres.execute("CREATE ROLE guarded LOGIN PASSWORD 'right/word'")
    postgres.execute("SELECT pg_reload_conf()")
    url = postgres.url(user="guarded")
    with pytest.raises(RefuseToStart, match="PGPASSWORD") as error:
        check_store(url.replace("guarded@", "guarded:secret-word@"))
    assert "secret-word" not in str(error.value)
    assert "empty" in check_store(url.replace("guarded@", "guarded:right%2Fword@"))
    rules.write_text(before)
    postgres.execute("DROP ROLE guarded")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_usual_spelling_is_taken(scheme: str) -> None:
    parsed = _parsed(f"{scheme}://user:word@host:5433/name?sslmode=require")
    assert parsed.drivername == "postgresql+psycopg"
    assert parsed.password == "word"
    assert _shown(parsed) == "postgresql://user:***@host:5433/name"


def test_a_missing_driver_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(RefuseToStart, match=r"freqpilot\[postgres\]") as error:
        open_store("postgresql://user:secret-word@host/name")
    assert "secret-word" not in str(error.value)


def test_a_missing_server_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FREQPILOT_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(NoServer, match="apt-get install postgresql"):
        server_folder()


def test_sqlite_takes_the_plain_engine(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.sqlite"
    assert _parsed(url) == create_engine(url).url
