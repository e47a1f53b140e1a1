"""What both legs of a couple ask for before the first one enters."""

from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from ccxt import TICK_SIZE
from couple_stage import CANDLE, COUPLE, NOW, A, B, C, D, trade

from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.account.verdict import claim
from freqpilot.host.frames.spreads import tag_id
from freqpilot.host.run.current import current, end
from freqpilot.host.trading import coupled, couples, proposals, reservation


class Stage:
    """A strategy and its account; each fault is a change of one of these fields."""

    stoploss = -0.2

    def __init__(self) -> None:
        self.config: dict[str, Any] = {"max_open_trades": 4}
        self.whitelist = [A, B, C, D]
        self.locked: set[str] = set()
        self.steps = {A: 0.001, B: 0.001}
        self.least = {A: 5.0, B: 5.0}
        self.refused: dict[str, str] = {}
        self.trades: list[Any] = []
        self.rows = {pair: self.row(pair) for pair in (A, B)}
        venue = SimpleNamespace(
            get_min_pair_stake_amount=lambda pair, *_: self.least[pair],
            get_precision_amount=lambda pair: self.steps[pair],
            get_contract_size=lambda _: 1.0,
            precisionMode=TICK_SIZE,
            _api=object(),
        )
        self.dp = SimpleNamespace(current_whitelist=lambda: self.whitelist, _exchange=venue)

    @staticmethod
    def row(pair: str) -> dict[str, Any]:
        row = {"date": pd.Timestamp(CANDLE), "close": 100.0, "atr": 1.0, "confidence": 1.0}
        return row | {
            "composite": 1.0,
            "side": 1.0 if pair == A else -1.0,
            "tag": tag_id(COUPLE.tag),
        }

    def leg_row(self, pair: str, time: datetime) -> Any:
        return self.rows.get(pair)

    def couple_share(self) -> float:
        return 450.0

    def is_pair_locked(self, pair: str, **_: Any) -> bool:
        return pair in self.locked


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage()
    for module in (coupled, reservation):
        monkeypatch.setattr(module, "open_trades", lambda: list(made.trades))
    monkeypatch.setattr(proposals, "open_trades", lambda: list(made.trades))
    real = reservation.refusal

    def refusal(run: Any, request: Any, held: Any, exchange: Any) -> str | None:
        """Live the gate asks an exchange, which there is none of here."""
        return real(run, request, held) if exchange is None else made.refused.get(request.pair)

    monkeypatch.setattr(reservation, "refusal", refusal)
    return made


def account(live: bool = False, equity: float = 10_000.0, **section: Any) -> Any:
    section = {"risk": {"book": {"enabled": False}}} | section
    run = begin({"freqpilot": section}, live=False)
    observe(run, NOW, equity)
    run.live = live
    return run


def call(pair: str, **changes: Any) -> dict[str, Any]:
    asked = {"side": "long" if pair == A else "short", "current_rate": 100.0, "leverage": 1.0}
    return asked | {"min_stake": 5.0, "max_stake": 5_000.0, "proposed_stake": 50.0} | changes


def stake(stage: Stage, pair: str, **changes: Any) -> float:
    return reservation.stake(stage, COUPLE, pair, NOW, call(pair, **changes))


def admitted(stage: Stage, pair: str, worth: float = 200.0) -> bool:
    asked = {"side": "long" if pair == A else "short", "current_time": NOW}
    return reservation.admitted(stage, COUPLE, pair, asked | {"amount": worth / 100, "rate": 100.0})


def enters(stage: Stage, pair: str) -> float:
    """Ask for a leg as Freqtrade does; opens its trade."""
    found = stake(stage, pair)
    if not found or not proposals.confirm(stage.rows.get(pair), pair, COUPLE.tag):
        return 0.0
    if not admitted(stage, pair, found):
        return 0.0
    stage.trades.append(trade(pair, found, short=pair == B))
    return found


@pytest.mark.parametrize("order", [(A, B), (B, A)])
def test_both_legs_enter_in_the_ratio_of_the_hedge(stage: Stage, order: tuple[str, str]) -> None:
    account(supervisor=False)
    stakes = {pair: enters(stage, pair) for pair in order}
    assert stakes == {A: pytest.approx(200), B: pytest.approx(250)}
    one, other = stage.trades
    assert couples.verdict(one, stage.trades) is couples.verdict(other, stage.trades) is None


def test_the_leg_that_is_capped_more_scales_both(stage: Stage) -> None:
    account()
    stage.couple_share = lambda: 4_500.0  # type: ignore[method-assign]
    # A volatile leg: 1 % of the account at risk with a stop 2 ATR away.
    stage.rows[B]["atr"] = 20.0
    first = enters(stage, A)
    second = enters(stage, B)
    assert 0 < second < 500, "5 % of the account and less"
    assert second == pytest.approx(1.25 * first, rel=1e-6)
    alone = reservation._allowed(
        stage, reservation.Leg(A, "long", stage.rows[A], 2_000), 2_000, NOW, []
    )
    assert first < alone


def test_a_worker_of_hyperopt_has_no_client(stage: Stage) -> None:
    account(supervisor=False)
    stage.dp._exchange._api = stage.dp._exchange.precisionMode = None
    assert stake(stage, A) == pytest.approx(200)
    stage.steps[B] = 1.7
    assert stake(stage, A) == 0


def test_the_wallet_is_shared(stage: Stage) -> None:
    account(supervisor=False)
    first = stake(stage, A, max_stake=90.0)
    assert first == pytest.approx(40)


def spoil_whitelist(stage: Stage, pair: str) -> None:
    stage.whitelist.remove(pair)


def spoil_lock(stage: Stage, pair: str) -> None:
    stage.locked.add(pair)


def spoil_row(stage: Stage, pair: str) -> None:
    stage.rows.pop(pair)


def spoil_tag(stage: Stage, pair: str) -> None:
    stage.rows[pair]["tag"] = tag_id("another")


def spoil_side(stage: Stage, pair: str) -> None:
    stage.rows[pair]["side"] = 0.0


def spoil_figures(stage: Stage, pair: str) -> None:
    stage.rows[pair]["atr"] = float("nan")


def spoil_least(stage: Stage, pair: str) -> None:
    stage.least[pair] = 1_000.0


def spoil_step(stage: Stage, pair: str) -> None:
    stage.steps[pair] = 1.7


def spoil_turn(stage: Stage, pair: str) -> None:
    claim(current(), pair, CANDLE)


def spoil_market(stage: Stage, pair: str) -> None:
    stage.refused[pair] = "the spread is 9 %"


def spoil_open(stage: Stage, pair: str) -> None:
    stage.trades.append(trade(pair, 100.0, enter_tag="trend"))


def spoil_slots(stage: Stage, pair: str) -> None:
    stage.config["max_open_trades"] = 1


def spoil_tier(stage: Stage, pair: str) -> None:
    stage.trades += [trade(f"{n}/USDT:USDT", 10.0, enter_tag="trend") for n in range(5)]
    stage.config["max_open_trades"] = 20


SPOILERS = [value for name, value in sorted(globals().items()) if name.startswith("spoil_")]


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("leg", [A, B])
@pytest.mark.parametrize("order", [(A, B), (B, A)], ids=["first", "second"])
def test_what_refuses_one_leg_refuses_both(
    spoil: Callable[[Stage, str], None], leg: str, order: tuple[str, str], stage: Stage
) -> None:
    account(live=spoil is spoil_market)
    spoil(stage, leg)
    before = len(stage.trades)
    for _ in range(2):  # and in the loop after
        assert [enters(stage, pair) for pair in order] == [0, 0]
    assert len(stage.trades) == before


def test_a_halt_refuses_both_at_the_gate(stage: Stage) -> None:
    account()
    observe(current(), NOW, 7_000.0)
    assert [enters(stage, pair) for pair in (A, B)] == [0, 0]


def test_the_gate_sees_the_second_beside_the_first(stage: Stage) -> None:
    account(risk={"book": {"enabled": False}, "max_exposure": 0.05})
    # 450 of 10,000 for both: one leg fits into 5 % and so do both; with 300 elsewhere only one.
    assert admitted(stage, A, 200.0)
    stage.trades.append(trade(C, 150.0, enter_tag="trend"))
    assert not admitted(stage, A, 200.0)


def test_a_slot_that_a_second_leg_waits_for_is_taken(stage: Stage) -> None:
    account(supervisor=False)
    stage.config["max_open_trades"] = 3
    stage.trades.append(trade(C, 100.0))
    assert stake(stage, A) == 0
    stage.trades.append(trade(D, 100.0, short=True))
    current().claimed.clear()
    stage.config["max_open_trades"] = 4
    assert stake(stage, A) == pytest.approx(200)


def test_a_first_leg_that_filled_by_half_gets_half_a_partner(stage: Stage) -> None:
    account(supervisor=False)
    stage.trades.append(trade(A, 100.0))
    assert stake(stage, B) == pytest.approx(125)
    assert stake(stage, B, max_stake=110.0) == 0, "less than the tolerance allows"


def test_an_order_that_failed_takes_the_turn_of_both(stage: Stage) -> None:
    account(supervisor=False)
    assert stake(stage, A)
    assert proposals.confirm(stage.rows[A], A, COUPLE.tag)
    assert admitted(stage, A)
    # The exchange refuses the order: no trade. Now it is the other leg's turn.
    assert enters(stage, B) == 0


def test_the_second_leg_does_not_follow_one_that_leaves(stage: Stage) -> None:
    account(supervisor=False)
    stage.trades.append(trade(A, 200.0, nr_of_successful_entries=0, amount=0.0))
    assert stake(stage, B) == 0


def test_without_an_account_or_with_a_fault_nothing_enters(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    end()
    assert stake(stage, A) == 0
    assert not admitted(stage, A)
    assert not coupled.CoupleStrategy.alone(SimpleNamespace())
    account(supervisor=False)
    for module in (coupled, reservation):
        monkeypatch.setattr(module, "open_trades", lambda: 1 / 0)
    assert stake(stage, A) == 0
    assert not admitted(stage, A)


def test_a_backtest_asks_for_the_partner_when_its_turn_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from freqtrade.persistence import LocalTrade, Trade

    own = trade(A, 100, open_date_utc=NOW)
    strategy = SimpleNamespace()
    trades = [own]
    for module in (coupled, reservation):
        monkeypatch.setattr(module, "open_trades", lambda: trades)
    monkeypatch.setattr(Trade, "use_db", False)
    monkeypatch.setattr(LocalTrade, "bt_trades", [])

    def broken(time: datetime) -> str | None:
        return coupled.CoupleStrategy.broken(strategy, own, time)

    assert broken(NOW) is None, "the candle that opens it"
    assert broken(NOW + timedelta(hours=1)) == "orphan_leg"
    gone = trade(B, 125, close_date_utc=NOW + timedelta(hours=1))
    monkeypatch.setattr(LocalTrade, "bt_trades", [gone])
    assert broken(NOW + timedelta(hours=1)) is None, "closed within this candle, after its open"
    assert broken(NOW + timedelta(hours=2)) == "orphan_leg"
