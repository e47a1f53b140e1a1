"""Two legs of the unmodified Freqtrade in live mode: one that fails leaves no other behind."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks.safety.pairs import Legs, legs_of, options_of
from freqpilot.rehearsal.bot.live import rehearse_live
from freqpilot.rehearsal.faults.requests import Call, Fault, FaultPlan, Strike
from freqpilot.rehearsal.venue.spot import Fill, VenueOrder

HOUR_MS = 3_600_000
SCRIPT = {
    1: ("ETHUSDT", Fault.REJECT, 1),  # the second leg: the first is closed
    4: ("BTCUSDT", Fault.REJECT, 1),  # the first leg: none enters
    7: ("ETHUSDT", Fault.TIMEOUT, 1),
    10: ("ETHUSDT", Fault.PARTIAL, 1),  # half a leg: both are closed
    13: ("ETHUSDT", Fault.LOST, 1),  # it has arrived: they stay
    15: ("BTCUSDT", Fault.REJECT, 6),  # an exit, in this loop and once in the next
    16: ("ETHUSDT", Fault.KILL, 1),  # the bot dies between both legs
}


@dataclass
class Aimed(FaultPlan):
    """Meets market orders of one symbol in an hour, so many times."""

    done: Counter[int] = field(default_factory=Counter)

    def strike(self, call: Call, now: int) -> Strike | None:
        """Return the fault of the script that meets this request, or None."""
        hour = now // HOUR_MS % 24
        symbol, fault, times = SCRIPT.get(hour, ("", Fault.LOST, 0))
        if call.order != "MARKET" or call.symbol != symbol or self.done[hour] >= times:
            return super().strike(call, now)
        self.done[hour] += 1
        self.calls.append(call)
        return self._struck(fault, call, now, "before")


@pytest.mark.proof
@pytest.mark.slow
def test_a_leg_is_alone_for_a_loop_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default test_host_trading_couples.py, and test_door_pairs.py in a backtest."""
    # Freqtrade leaves out its logging set-up where it sees pytest.
    monkeypatch.delenv("PYTEST_VERSION", raising=False)
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    faults = Aimed()
    summary = rehearse_live(options_of(tmp_path, 1, "none", days=17.2 / 24), faults=faults)
    assert summary.run.finished
    assert summary.breaches == ()
    assert summary.kills == 1
    assert faults.done == {hour: times for hour, (_, _, times) in SCRIPT.items()}
    legs = legs_of(summary.ledger, summary.loop_ends)
    assert legs.orphan_loops == 1, "only where no exit of a whole loop got through"
    assert legs.both >= 7, "a couple was held"
    assert legs.alone_seconds < 20 * 60
    reasons = Counter(trade.exit_reason for trade in summary.run.trades)
    assert reasons["orphan_leg"] >= 3
    assert reasons["unequal_legs"] == 2
    by_hour = Counter(trade.open_date[11:13] for trade in summary.run.trades)
    assert by_hour["04"] == 0, "neither leg entered"
    assert by_hour["13"] == 2


def order(symbol: str, side: str, amount: str, time: int) -> VenueOrder:
    made = VenueOrder(1, "id", symbol, side, "MARKET", Decimal(amount), None, None, time, time)
    paid, none = Decimal(100), Decimal(0)
    made.fills.append(Fill(1, 1, time, paid, Decimal(amount), none, "USDT", False))
    return made


def test_the_ledger_tells_how_long_a_leg_was_alone() -> None:
    ledger = [
        order("BTCUSDT", "BUY", "1", 1_000),
        order("ETHUSDT", "SELL", "1", 2_000),
        order("ETHUSDT", "BUY", "1", 12_000),
        order("BTCUSDT", "SELL", "0.99", 32_000),  # what is left cannot be closed
        order("ETHUSDT", "SELL", "1", 41_000),
    ]
    ends = range(5_000, 60_000, 10_000)
    assert legs_of(ledger[:2], ends) == Legs(6, 0, 0, 1.0)
    assert legs_of(ledger[:4], ends) == Legs(1, 2, 2, 20.0)
    assert legs_of(ledger, ends) == Legs(1, 4, 2, 20.0)
    assert legs_of([], ends) == Legs(0, 0, 0, 0.0)
