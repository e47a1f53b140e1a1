"""The step in which the bot settles an entry's stake."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from freqtrade.exceptions import DependencyException
from freqtrade.persistence import Trade
from gate_stage import CONFIG, trade

from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.gate import entry
from freqpilot.host.gate import live as livegate
from freqpilot.host.orders import sending
from freqpilot.host.orders.wayout import WaysOut
from freqpilot.host.run import exitsonly
from freqpilot.host.run.current import current, end
from freqpilot.host.run.run import Run
from freqpilot.risk.exits.dailyrange import NONE
from freqpilot.settings import CatastropheStop, Settings


@pytest.fixture(autouse=True)
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Begin a run whose account of 1,000 was just seen."""
    section = {"freqpilot": {"risk": {"book": {"enabled": False}}}}
    begun = begin({**CONFIG, **section}, live=False)
    observe(current(), datetime.now(UTC), 1_000.0)
    monkeypatch.setattr(Trade, "get_open_trades", staticmethod(lambda: []))
    yield begun
    end()


class Bot:
    """What the step reads of Freqtrade's bot; its exchange notes how it was asked."""

    def __init__(self, least: float | None = 5.0, **strategy: Any) -> None:
        self.strategy = SimpleNamespace(stoploss=-0.1, **strategy)
        self.asked: list[tuple[Any, ...]] = []
        self._least = least
        self.exchange = SimpleNamespace(get_min_pair_stake_amount=self._note)

    def _note(self, *about: Any) -> float | None:
        self.asked.append(about)
        return self._least


def step(bot: Bot, stake: float, mode: str = "initial", **more: Any) -> Any:
    """Settle a stake that Freqtrade itself would leave as it is."""
    found = {"rate": 2.0, "leverage": 1.0, **more}
    settle = entry._make_step(lambda *_: (found["rate"], stake, found["leverage"]))
    return settle(bot, "BTC/USDT", None, stake, "long", "tag", None, mode, None)


def test_what_freqtrade_settled_stays_where_it_fits() -> None:
    given: list[Any] = []

    def original(*arguments: Any) -> tuple[float, float, float]:
        given.append(arguments)
        return 2.0, 150.0, 1.0

    bot, own = Bot(), trade("BTC/USDT", 10)
    call = ("BTC/USDT", 1.5, 150.0, "short", "tag", own, "initial", 3.0)
    assert entry._make_step(original)(bot, *call) == (2.0, 150.0, 1.0)
    assert given == [(bot, *call)]
    assert step(bot, 0.0) == (2.0, 0.0, 1.0)
    assert bot.asked == []


def test_a_stake_above_the_limits_is_cut() -> None:
    bot = Bot()
    assert step(bot, 900.0) == (2.0, pytest.approx(150.0), 1.0)
    assert bot.asked == [("BTC/USDT", 2.0, -0.1, 1.0)]  # as Freqtrade asks for a first entry


def test_a_stake_is_cut_by_what_its_stop_may_cost(run: Run) -> None:
    """A stop 20 % away, as there are no candles, and a budget of 2 % of 1,000."""
    stop = CatastropheStop(budget=0.02)
    risk = run.settings.risk.model_copy(update={"catastrophe_stop": stop})
    run.settings = run.settings.model_copy(update={"risk": risk})
    stranger: Any = SimpleNamespace(stoploss=-0.99, order_types={})
    run.part(WaysOut).begin(lambda *_: NONE, stranger, {})
    assert step(Bot(), 900.0)[1] == pytest.approx(100.0)
    own = trade("BTC/USDT", 0)
    own.id, own.open_date_utc = 1, datetime(2026, 1, 1, tzinfo=UTC)
    run.part(WaysOut).remember(1, own.open_date_utc, 0.4)
    settle = entry._make_step(lambda *_: (2.0, 900.0, 1.0))
    added = settle(Bot(), "BTC/USDT", None, 900.0, "long", "tag", own, "pos_adjust", None)
    assert added[1] == pytest.approx(50.0), "an addition by the stop that its trade has"
    order = {"pair": "BTC/USDT", "side": "buy", "amount": 101.0, "rate": 1.0, "leverage": 1.0}
    exchange: Any = SimpleNamespace(trading_mode="spot", _config={"dry_run": True})
    with pytest.raises(DependencyException, match="may cost 2"):
        livegate.check_order(exchange, order)


def test_only_a_first_entry_leaves_room_for_its_ladder() -> None:
    bot = Bot(position_adjustment_enable=True, max_entry_position_adjustment=2)
    assert step(bot, 900.0)[1] == pytest.approx(50.0)
    assert step(bot, 900.0, "pos_adjust")[1] == pytest.approx(150.0)
    assert step(bot, 900.0, "replace")[1] == pytest.approx(150.0)
    assert [about[2] for about in bot.asked] == [-0.1, 0.0, -0.1]


def test_what_is_open_takes_its_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Trade, "get_open_trades", staticmethod(lambda: [trade("BTC/USDT", 100)]))
    assert step(Bot(), 900.0, "pos_adjust")[1] == pytest.approx(50.0)


def test_what_is_below_the_exchanges_minimum_is_refused_with_the_reason() -> None:
    with pytest.raises(DependencyException, match=r"minimum of 200\.00.*limit 15\.0%"):
        step(Bot(least=200.0), 900.0)


def test_while_only_exits_are_allowed_no_entry_gets_so_far() -> None:
    asked: list[Any] = []
    exitsonly.enter("test", "the store is out")
    try:
        with pytest.raises(DependencyException, match="exits-only: the store is out"):
            entry._make_step(lambda *given: asked.append(given))(
                Bot(), "BTC/USDT", None, 1.0, "long", None, None, "initial", None
            )
    finally:
        exitsonly.leave("test")
    assert asked == []


def test_a_fault_leaves_the_stake_for_the_gate(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert step(Bot(), 900.0, "another word of Freqtrade's")[1] == 900.0
    assert "A stake of BTC/USDT could not be cut" in caplog.text


def test_without_a_run_the_gate_refuses(caplog: pytest.LogCaptureFixture) -> None:
    end()
    assert step(Bot(), 900.0)[1] == 900.0
    assert "could not be cut" not in caplog.text


LOSS = {"trade": {"max_loss": 0.05}, "tags": {"all": {"tags": ["tag"], "max_stake": 0.09}}}


def budgeted(run: Run, **risk: Any) -> None:
    """Give the run budgets beside its limits."""
    made = Settings.from_config({"freqpilot": {"risk": {"book": {"enabled": False}, **risk}}})
    run.settings = made


def test_the_stop_of_the_strategy_says_what_a_trade_can_lose(run: Run) -> None:
    """A stop 50 % away lets 100 of 1,000 lose 5 %, also when the gate asks right before it goes."""
    budgeted(run, trade={"max_loss": 0.05})
    bot = Bot()
    bot.strategy.stoploss = -0.5
    noted, before = [], sending.stop()

    def execute(_self: object, *_: object, **__: object) -> bool:
        settled = step(bot, 900.0)[1]
        noted.append((settled, sending.stop()))
        order = {"pair": "BTC/USDT", "side": "buy", "amount": settled / 2.0, "rate": 2.0}
        venue = SimpleNamespace(trading_mode="spot", _config={"dry_run": True})
        livegate.check_order(venue, order)
        with pytest.raises(DependencyException, match=r"can lose would be 5\.5%"):
            livegate.check_order(venue, {**order, "amount": settled * 0.55})
        return False

    sending._make_entry(execute)(bot, pair="BTC/USDT", stake_amount=900.0, enter_tag="x")
    assert noted == [(pytest.approx(100.0), pytest.approx(1.0))]
    assert sending.stop() == pytest.approx(before, nan_ok=True)


def test_an_addition_counts_to_the_tag_and_the_stop_of_its_trade(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = trade("BTC/USDT", 30)
    own.enter_tag, own.stop_loss = "tag", 0.8
    monkeypatch.setattr(Trade, "get_open_trades", staticmethod(lambda: [own]))
    budgeted(run, **LOSS)
    assert step(Bot(), 900.0, "pos_adjust", rate=1.0)[1] == pytest.approx(60.0)
    own.enter_tag, own.stop_loss = "another", 0.1  # 30 lose 27, which leaves 23 of 50
    assert step(Bot(), 900.0, "pos_adjust", rate=1.0)[1] == pytest.approx(23.0 / 0.9)
