"""The run under way: none before the first, one at a time, and its databases close with it."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from freqpilot.errors import NoEntry
from freqpilot.host.run.current import current, end, has_begun, make_current


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    end()
    yield
    end()


def run_of(closed: list[str], name: str, *, shared: bool = False) -> Any:
    def database(which: str) -> Any:
        return SimpleNamespace(close=lambda: closed.append(f"{name} {which}"))

    return SimpleNamespace(store=database("own"), shared=database("shared") if shared else None)


def test_without_a_run_there_is_no_entry() -> None:
    assert not has_begun()
    with pytest.raises(NoEntry, match="no run has begun"):
        current()


def test_a_run_takes_the_place_of_the_one_before_and_closes_its_databases() -> None:
    closed: list[str] = []
    make_current(run_of(closed, "first", shared=True))
    second = run_of(closed, "second")
    make_current(second)
    assert closed == ["first own", "first shared"]
    assert has_begun()
    assert current() is second
    end()
    assert closed[2:] == ["second own"]
    assert not has_begun()
