"""Whatever a strategy asks for: after every fill the exposure and each trade keep their limits, and
no profile refuses an exit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from freqtrade.configuration.load_config import load_config_file
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as draw

from budgets import examples
from freqpilot.host.account.begin import begin
from freqpilot.host.account.observed import observe
from freqpilot.host.account.verdict import account_book
from freqpilot.host.boot.doors import config_dir
from freqpilot.host.gate import live as livegate
from freqpilot.host.gate import oversize
from freqpilot.host.gate.judge import refusal
from freqpilot.host.run.current import end
from freqpilot.host.run.run import Run
from freqpilot.shapes import OrderRequest, Position

PAIRS = ("BTC/USDT", "ETH/USDT", "DOGE/USDT", "NEW/USDT")
SLACK = 1 + 1e-9
START = datetime(2026, 1, 5, tzinfo=UTC)
STAKES = draw.floats(0.01, 1e6) | draw.sampled_from([float("inf"), float("nan"), 0.0, -5.0])
ACTS = draw.lists(
    draw.tuples(
        draw.sampled_from(PAIRS),
        draw.sampled_from(["buy", "sell a part", "sell"]),
        STAKES,
        draw.floats(0.7, 1.3),  # what the price of the pair does before
        draw.sampled_from([1.0, 0.5, 0.2]),  # the first order's share of its ladder
    ),
    min_size=1,
    max_size=14,
)


def begun(profile: str) -> Run:
    """Begin a run of an account of 10,000 without the book, which is tested by itself."""
    layer: dict[str, Any] = {}
    if profile != "full":
        layer = load_config_file(str(config_dir() / f"{profile}.json"))["freqpilot"]["risk"]
    section = {"risk": {**layer, "book": {"enabled": False}}}
    return begin({"freqpilot": section, "stake_currency": "USDT"}, live=False)


def bought(
    run: Run, pair: str, stake: float, share: float, now: datetime, held: list[Position]
) -> float:
    """Return the stake that goes to the exchange of what a strategy asks for; 0 where none does."""
    adds = any(each.pair == pair for each in held)
    order = OrderRequest(now, pair, "long", "add" if adds else "entry", stake, 1.0, 1.0)
    cut = oversize.fitted(run, order, held, share=lambda: 1.0 if adds else share)
    if not cut.stake > 0 or refusal(run, replace(order, stake=cut.stake), held):
        return 0.0
    return cut.stake


@how(max_examples=examples(240), deadline=None)
@given(profile=draw.sampled_from(["guard", "full"]), acts=ACTS)
def test_the_limits_hold_after_every_fill(profile: str, acts: list[tuple[Any, ...]]) -> None:
    run, free, held = begun(profile), 10_000.0, dict[str, Position]()
    risk, now = run.settings.risk, START
    try:
        for pair, what, stake, move, share in acts:
            now += timedelta(hours=1)
            if pair in held:
                held[pair] = replace(held[pair], value=held[pair].value * move)
            equity = free + sum(each.value for each in held.values())
            observe(run, now, equity)
            if what != "buy":
                part = held.pop(pair, None)
                if part is not None:
                    left = 0.5 if what == "sell a part" else 0.0
                    free += part.value * (1 - left)
                    if left:
                        now_held = replace(part, stake=part.stake / 2, value=part.value / 2)
                        held[pair] = now_held
                continue
            paid = bought(run, pair, stake, share, now, [*held.values()])
            if not paid:
                continue
            before = held.get(pair, Position(pair, "long", 0.0, 0.0))
            held[pair] = replace(before, stake=before.stake + paid, value=before.value + paid)
            free -= paid
            known = account_book(run)
            assert known is not None
            (tier,) = [each for each in risk.tiers if each.name == known.tier]
            assert held[pair].stake <= tier.max_position * equity * SLACK
            assert sum(each.stake for each in held.values()) <= risk.max_exposure * equity * SLACK
    finally:
        end()


@pytest.mark.parametrize("profile", ["watch", "guard", "full"])
@pytest.mark.parametrize("mode", ["spot", "futures"])
@pytest.mark.parametrize("without", ["", "run", "sight"])
def test_no_profile_refuses_an_exit(
    profile: str, mode: str, without: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(profile)
    observe(run, START, 10_000.0)
    observe(run, START + timedelta(days=1), 1_000.0)
    assert run.state.halted
    if without == "sight":
        run.sight.blind = "nobody looks"
    if without == "run":
        end()
    exchange: Any = SimpleNamespace(trading_mode=mode, _config={"dry_run": True})
    order = {"pair": "BTC/USDT", "side": "sell", "amount": 1e9, "rate": 1.0, "leverage": 1.0}
    for each in ({**order, "reduceOnly": True}, {**order, "reduceOnly": True, "rate": None}):
        livegate.check_order(exchange, each)
    end()
