"""A person settles the orders that a bot could not."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from freqpilot.cli import app
from freqpilot.errors import FreqpilotError
from freqpilot.host.account.begin import begin
from freqpilot.host.commands import orders
from freqpilot.host.run.current import current, end
from freqpilot.shapes import IntentState, OrderIntent
from freqpilot.store import open_store

NOW = datetime.now(UTC)
NAME = "fq-aaaaaaaa-n1-entry-1"
URL = "sqlite:///user_data/freqpilot.sqlite"
Command = Callable[..., Result]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work beside the user_data of a bot that has run."""
    (tmp_path / "user_data").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FREQPILOT_USERDIR", raising=False)
    begin({"freqpilot": {}, "dry_run": False, "user_data_dir": "user_data"}, live=True)
    assert current().name
    end()
    return tmp_path


@pytest.fixture
def command() -> Command:
    return lambda *arguments: CliRunner().invoke(app, ["orders", *arguments])


def write(state: IntentState, **change: Any) -> OrderIntent:
    meant = OrderIntent(
        NAME,
        "SOL/USDT",
        "buy",
        "entry",
        None,
        "limit",
        1.5,
        100.0,
        None,
        1.0,
        None,
        NOW - timedelta(hours=30),
        state,
    )
    meant = replace(meant, **change)
    store = open_store(URL)
    store.save_intent(meant)
    store.close()
    return meant


def written() -> OrderIntent:
    store = open_store(URL)
    (found,) = store.intents()
    store.close()
    return found


@pytest.mark.parametrize("state", ["sent", "accepted", "asked", "agreed"])
def test_an_order_that_waits_is_shown(command: Command, state: IntentState) -> None:
    write(state)
    shown = command().output
    assert NAME in shown
    assert orders.MEANINGS[state] in shown
    (record,) = json.loads(command("--json").stdout)
    assert (record["name"], record["state"], record["pair"]) == (NAME, state, "SOL/USDT")


@pytest.mark.parametrize("state", ["known", "rejected", "denied", "absent", "dismissed"])
def test_an_order_that_is_settled_is_not_shown(command: Command, state: IntentState) -> None:
    write(state)
    assert "no order waits" in command().output


def test_an_order_that_was_accepted_a_moment_ago_does_not_wait(command: Command) -> None:
    write("accepted", time=NOW)
    assert "no order waits" in command().output


def test_an_order_is_adopted(command: Command) -> None:
    write("asked")
    assert "to be adopted" in command("--adopt", NAME, "--yes").output
    assert (written().state, written().order_id) == ("agreed", None)


def test_an_order_is_adopted_by_its_number(command: Command) -> None:
    write("sent")
    assert command("--adopt", NAME, "--order-id", "77", "--yes").exit_code == 0
    assert (written().state, written().order_id) == ("agreed", "77")


def test_an_order_is_dismissed_and_that_is_kept(command: Command) -> None:
    write("sent")
    assert "dismissed" in command("--dismiss", NAME, "--yes").output
    assert written().state == "dismissed"
    store = open_store(URL)
    (event,) = store.events(orders.KIND)
    store.close()
    assert NAME in event.text


def test_a_person_is_asked_first(command: Command) -> None:
    write("sent")
    assert command("--dismiss", NAME).exit_code == 1
    assert written().state == "sent"


@pytest.mark.parametrize(
    "arguments",
    [("--adopt", "fq-aaaaaaaa-n2-entry-1"), ("--dismiss", "x"), ("--order-id", "77")],
)
def test_what_cannot_be_meant_changes_nothing(command: Command, arguments: tuple[str, ...]) -> None:
    write("sent")
    assert isinstance(command(*arguments, "--yes").exception, FreqpilotError)
    assert written().state == "sent"


def test_doctor_names_the_pairs_that_wait(tmp_path: Path) -> None:
    assert "none waits" in orders.check(URL, NOW)
    write("asked")
    with pytest.raises(FreqpilotError, match="entries of SOL/USDT wait"):
        orders.check(URL, NOW)
    assert "no order was sent" in orders.check(f"sqlite:///{tmp_path}/none.sqlite", NOW)
