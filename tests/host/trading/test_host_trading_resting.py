"""A stop that rests between fills is not asked for on every candle, and stands as if it were."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from freqtrade.persistence import LocalTrade
from freqtrade.strategy import IStrategy

from freqpilot.host.seams.seam import SeamError
from freqpilot.host.trading import exits, resting
from freqpilot.settings import ExitSettings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ADJUST = resting._make_adjust(
    getattr(IStrategy.ft_stoploss_adjust, "__wrapped__", IStrategy.ft_stoploss_adjust)
)


def strategy(rests: bool, asked: list[bool], answer: float | None = None) -> Any:
    def custom_stoploss(*, after_fill: bool, **_: Any) -> float | None:
        asked.append(after_fill)
        return answer

    return SimpleNamespace(
        stop_rests=rests,
        use_custom_stoploss=True,
        _ft_stop_uses_after_fill=True,
        stoploss=-0.1,
        trailing_stop=False,
        custom_stoploss=custom_stoploss,
    )


def trade() -> LocalTrade:
    return LocalTrade(
        id=1,
        pair="BTC/USDT",
        stake_amount=100.0,
        amount=1.0,
        open_rate=100.0,
        open_date=NOW,
        fee_open=0.001,
        fee_close=0.001,
        exchange="binance",
        is_open=True,
        leverage=1.0,
        is_short=False,
    )


def adjust(chosen: Any, held: LocalTrade, *, after_fill: bool) -> float:
    ADJUST(chosen, 100.0, held, NOW, 0.0, 0, 99.0, 101.0, after_fill=after_fill)
    return float(held.stop_loss)


@pytest.mark.parametrize(("rests", "calls"), [(True, [True]), (False, [True, False])])
def test_it_is_asked_after_a_fill_and_elsewhere_only_where_it_moves(
    rests: bool, calls: list[bool]
) -> None:
    asked: list[bool] = []
    chosen, held = strategy(rests, asked), trade()
    stops = [adjust(chosen, held, after_fill=fill) for fill in (True, False)]
    assert asked == calls
    assert stops == [pytest.approx(90.0)] * 2
    assert chosen.use_custom_stoploss, "as the strategy had set it"


def test_a_stop_set_at_the_fill_stays() -> None:
    chosen, held = strategy(True, [], answer=0.05), trade()
    set_at_the_fill = adjust(chosen, held, after_fill=True)
    assert adjust(chosen, held, after_fill=False) == set_at_the_fill == pytest.approx(101 * 0.95)


def test_a_fault_leaves_the_switch_as_it_was() -> None:
    chosen = strategy(True, [])
    with pytest.raises(AttributeError):
        ADJUST(chosen, 100.0, None, NOW, 0.0, 0, 99.0, 101.0)
    assert chosen.use_custom_stoploss


@pytest.mark.parametrize(
    ("chosen", "rests"),
    [
        ({}, True),
        ({"stops": ("atr", "percentage", "time")}, True),
        ({"stops": ("trailing",)}, False),
        ({"stops": ("structure",)}, False),
        ({"stops": ("chandelier",)}, False),
        ({"targets": True}, False),
    ],
)
def test_which_stops_rest(chosen: dict[str, Any], rests: bool) -> None:
    assert exits.rests(ExitSettings(**chosen)) is rests


def test_another_freqtrade_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    (seam,) = resting.SEAMS
    seam.check()
    monkeypatch.setattr(IStrategy, "ft_stoploss_adjust", lambda self, trade: None)
    with pytest.raises(SeamError, match="ft_stoploss_adjust has no parameter"):
        seam.check()
