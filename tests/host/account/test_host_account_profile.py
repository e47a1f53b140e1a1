"""The profile is said at each start, and a change of it is an event."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from gate_stage import CONFIG

from freqpilot.host.account import profile
from freqpilot.host.account.begin import begin
from freqpilot.host.run.current import end
from freqpilot.host.run.run import Run

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def started(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    """Start a live bot with a profile; its store stays."""
    caplog.set_level(logging.INFO)

    def start(name: str) -> Run:
        section = {"freqpilot": {"risk": {"profile": name}}}
        run = begin({**CONFIG, **section, "user_data_dir": str(tmp_path)}, live=True)
        profile.announce(run, NOON)
        return run

    yield start
    end()


def changes(run: Run) -> list[str]:
    return [event.text for event in run.store.events("profile")]


def test_it_is_said_at_each_start(started: Any, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("watch", "watch"):
        caplog.clear()
        assert changes(started(name)) == []
        assert "profile is watch: it judges every order, reports, and changes none" in caplog.text


def test_a_change_is_an_event_once(started: Any) -> None:
    started("watch")
    assert changes(started("guard")) == [
        "the profile was changed from watch to guard: it cuts and refuses by the limits of its "
        "layer, and reports how the book is spread"
    ]
    assert len(changes(started("guard"))) == 1
    assert "from guard to full" in changes(started("full"))[-1]


def test_a_store_that_is_out_ends_no_start(
    started: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = started("full")

    def out(_: str) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(run.store, "load_state", out)
    profile.announce(run, NOON)
    assert "could not be told: the disk is gone" in caplog.text
