"""A trade's amount is corrected only where its orders say what the account owns."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from freqtrade.persistence import Trade
from live_bot import buy, make_bot

from freqpilot.host.account.begin import begin
from freqpilot.host.orders.differences import recount
from freqpilot.host.run.current import current, end


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[Any]:
    made = make_bot(tmp_path)
    begin(made.config, live=False)
    yield made
    end()
    Trade.session.remove()


@pytest.mark.parametrize(("owned", "corrected"), [(1.0, True), (1.4, True), (3.0, False)])
def test_the_nearer_of_both_amounts_stands(bot: Any, owned: float, corrected: bool) -> None:
    trade = buy(bot, 100.0)
    filled = float(trade.amount)
    trade.amount = 3 * filled
    Trade.commit()
    recount(current(), trade, owned * filled)
    assert float(trade.amount) == pytest.approx(filled if corrected else 3 * filled)
    assert len(current().store.events("difference")) == corrected
    counts = current().counters.snapshot(datetime.now(UTC))["counts"]
    assert counts.get("differences", 0) == corrected
