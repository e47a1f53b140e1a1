"""What belongs to a run: its parts, its orders, and when it lets an entry pass."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from freqpilot.errors import NoEntry
from freqpilot.host.account.begin import begin
from freqpilot.host.run.current import end
from freqpilot.host.run.run import Run
from freqpilot.shapes import OrderIntent

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def run() -> Iterator[Run]:
    yield begin({"freqpilot": {}}, live=False)
    end()


def intent(bot: str, sequence: int = 1) -> OrderIntent:
    name = f"fq-{bot}-1-entry-{sequence}"
    return OrderIntent(name, "BTC/USDT", "buy", "entry", 1, "limit", 1, 1, None, 1, None, NOW)


class Part:
    """Remembers its run."""

    def __init__(self, run: Run) -> None:
        self.run = run


def test_a_part_is_made_once_for_each_run(run: Run) -> None:
    part = run.part(Part)
    assert part.run is run
    assert run.part(Part) is part
    assert begin({"freqpilot": {}}, live=False).part(Part) is not part


def test_intents_of_another_bot_are_left_out(run: Run) -> None:
    run.bot = "aaaaaaaa"
    for bot in ("aaaaaaaa", "bbbbbbbb"):
        run.store.save_intent(intent(bot))
    assert [each.client_id for each in run.intents()] == ["fq-aaaaaaaa-1-entry-1"]


def test_what_waits_to_be_written_replaces_what_was_written(run: Run) -> None:
    run.bot = "aaaaaaaa"
    for sequence in (1, 2):
        run.store.save_intent(intent(run.bot, sequence))
    known = replace(intent(run.bot), state="known")
    run.unwritten = {known.client_id: known}
    assert [each.state for each in run.intents()] == ["sent", "known"]
    assert run.intents("known") == [known]
    assert run.unwritten_intents("sent") == []


def test_an_entry_needs_sight_and_a_store_of_its_own(run: Run) -> None:
    run.require_sight()
    run.stands_in = True
    run.require_sight()  # a backtest writes nothing that has to be kept
    run.live = True
    with pytest.raises(NoEntry, match="store cannot be used"):
        run.require_sight()
    run.stands_in = False
    run.owner = SimpleNamespace(lost="another bot took the store")  # type: ignore[assignment]
    with pytest.raises(NoEntry, match="another bot took the store"):
        run.require_sight()
    run.owner = None
    assert run.writes
    run.sight.blind = "the supervisor is blind"
    with pytest.raises(NoEntry, match="the supervisor is blind"):
        run.require_sight()
