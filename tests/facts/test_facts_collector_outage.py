"""The collector while its database is away: another process holds it, or its server is gone."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest
from collector_world import HOUR, Hourly, World, events, hours
from sqlalchemy import make_url

from benchmarks.support.postgres import Cluster
from freqpilot.facts.collector import Collector, Plan
from freqpilot.facts.store import FactStore


@contextmanager
def shut(url: str, server: Cluster | None) -> Iterator[None]:
    """Let nobody write to a database: another process holds the file, or the server is away."""
    if server is None:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
        return
    name = str(make_url(url).database)
    server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    server.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )
    yield
    server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')


@pytest.mark.parametrize("page", [0, 1, 3])
def test_a_database_that_is_away_costs_turns_and_nothing_else(
    database_url: str, request: pytest.FixtureRequest, page: int
) -> None:
    server = None if database_url.startswith("sqlite") else request.getfixturevalue("postgres")
    store = FactStore.open(database_url, busy_timeout=0.05)
    world = World()
    world.values = hours(11)
    plan = Plan(Hourly(), HOUR)
    made = Collector(store, [plan], world, stop=threading.Event(), now=lambda: world.now)
    with ExitStack() as outage:

        def goes(rows: Any) -> Any:
            outage.enter_context(shut(database_url, server))
            return rows

        world.faults = [*[None] * page, goes]
        for _ in range(3):
            # It is asked again soon, and nothing of it ends the other sources.
            assert world.now < made._all_feeds(plan) < world.now + HOUR
    if page:
        assert events(store) == hours(3 * page), "what was kept before stays"
    made._all_feeds(plan)
    assert events(store) == hours(11)
    assert store.counts() == {1: (11, 0)}
    store.close()
