"""Sub-ledgers: nothing is lost or made, whatever happens to the account's position."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freqpilot.risk.account import subledger
from freqpilot.risk.account.subledger import Books, parts_of

NAMES = ("trend", "rotation", "breakout")
BASE = np.array([500.0, 250.0, 250.0])
PAIRS = ("BTC/USDT", "ETH/USDT")


def books() -> Books:
    return subledger.empty(NAMES, BASE)


@given(st.integers(0, 2**32 - 1))
def test_the_sleeves_are_the_account_to_the_cent(seed: int) -> None:
    rng, found = np.random.default_rng(seed), books()
    amounts, cash = dict.fromkeys(PAIRS, 0.0), 0.0
    prices = {PAIRS[0]: 40_000.0, PAIRS[1]: 2_000.0}
    for _ in range(60):
        pair = PAIRS[rng.integers(2)]
        prices[pair] *= float(np.exp(rng.normal(0, 0.05)))
        want = rng.uniform(-1, 1, 3) * 1_000 / prices[pair]
        kind = rng.integers(5)
        if kind == 0:
            found = subledger.crossed(found, pair, want, prices[pair])
        elif kind == 1:
            paid = float(rng.normal(0, 1))
            found, cash = subledger.funded(found, pair, paid), cash + paid
        elif kind == 2:
            found = subledger.marked(found, prices)
        else:
            # Cut by a limit, filled in parts, or closed by a stop that nobody wanted.
            amount = float(want.sum() * rng.uniform(-0.2, 1.2)) if kind == 3 else -amounts[pair]
            money = amount * prices[pair]
            fee = abs(money) * 0.001
            found, part = subledger.filled(found, pair, amount, money, fee, want)
            assert part.sum() == pytest.approx(1.0 if amount else 0.0)
            amounts[pair] += amount
            cash -= money + fee
    found = subledger.marked(found, prices)
    worth = cash + sum(amounts[pair] * prices[pair] for pair in PAIRS)
    assert found.pnl.sum() == pytest.approx(worth, abs=0.001)
    assert found.equity.sum() == pytest.approx(1_000 + worth, abs=0.001)
    for pair in PAIRS:
        assert found.held(pair).sum() == pytest.approx(amounts[pair], abs=1e-9)
    assert np.all(found.fees >= -1e-12)


@pytest.mark.parametrize(
    ("amount", "held", "want", "parts"),
    [
        pytest.param(6, [0, 0, 0, 0], [8, 4, 0], [4, 2, 0, 0], id="cut: by what each wanted"),
        pytest.param(-5, [6, 4, 0, 0], [6, 4, 0], [-3, -2, 0, 0], id="a stop: by what each holds"),
        pytest.param(-7, [10, 0, -3, 0], [10, 0, -3], [-7, 0, 0, 0], id="not from a short"),
        pytest.param(5, [0, 0, 0, 0], [0, 0, 0], [0, 0, 0, 5], id="nobody's: the rest's"),
        pytest.param(-4, [0, 0, 0, 5], [2, 0, 0], [0, 0, 0, -4], id="the rest is sold"),
        pytest.param(9, [0, 0, 0, 0], [4, 2, -2], [4, 2, 0, 3], id="beyond all wants"),
        pytest.param(-6, [4, 4, 0, 0], [0, 4, 0], [-4, -2, 0, 0], id="wants, then holders"),
    ],
)
def test_a_table_of_fills(
    amount: float, held: list[float], want: list[float], parts: list[float]
) -> None:
    found = parts_of(amount, np.array(held, dtype=float), np.array(want, dtype=float))
    assert found == pytest.approx(np.array(parts, dtype=float))
    assert found.sum() == amount


def test_crossing_is_at_the_price_and_without_fee() -> None:
    found, _ = subledger.filled(books(), "BTC/USDT", 10.0, 1_000.0, 1.0, np.array([10.0, 0, 0]))
    after = subledger.crossed(found, "BTC/USDT", np.array([4.0, 4.0, 8.0]), 200.0)
    assert after.held("BTC/USDT").tolist() == pytest.approx([4, 2, 4, 0])
    assert after.cash.tolist() == pytest.approx([-1_001 + 1_200, -400, -800, 0])
    assert after.fees.tolist() == pytest.approx([1, 0, 0, 0])
    same = subledger.crossed(after, "BTC/USDT", np.array([9.0, 9.0, 9.0]), 200.0)
    assert same is after, "all want more: nobody sells"
    assert subledger.crossed(found, "BTC/USDT", np.array([4.0, 4.0, 2.0]), np.nan) is found


def test_opposite_wants_without_a_position_cancel() -> None:
    after = subledger.crossed(books(), "BTC/USDT", np.array([3.0, 0.0, -5.0]), 100.0)
    assert after.held("BTC/USDT").tolist() == pytest.approx([3, 0, -3, 0])
    rise = subledger.marked(after, {"BTC/USDT": 110.0})
    assert rise.pnl.tolist() == pytest.approx([30, 0, -30, 0])
    assert rise.exposure.tolist() == pytest.approx([330, 0, 330, 0])


def test_funding_is_paid_by_who_holds_and_taken_by_who_holds_against() -> None:
    held = subledger.crossed(books(), "BTC/USDT", np.array([0.0, 2.0, -2.0]), 100.0)
    held, _ = subledger.filled(held, "BTC/USDT", 4.0, 400.0, 0.0, np.array([4.0, 2.0, -2.0]))
    after = subledger.funded(held, "BTC/USDT", -8.0)
    assert after.funding.tolist() == pytest.approx([-8, -4, 4, 0])
    assert subledger.funded(books(), "BTC/USDT", -8.0).funding.tolist() == [0, 0, 0, -8]


def test_a_drawdown_counts_from_the_peak_and_money_that_is_moved_does_not() -> None:
    found, _ = subledger.filled(books(), "A/USDT", 4.0, 400.0, 0.0, np.array([4.0, 0, 0]))
    found = subledger.marked(found, {"A/USDT": 150.0})
    assert found.equity[0] == pytest.approx(700)
    found = subledger.marked(found, {"A/USDT": 115.0})
    assert found.drawdown[0] == pytest.approx(0.2)
    moved = subledger.rebased(found, np.array([280.0, 250.0, 250.0]))
    assert moved.equity.tolist() == pytest.approx([280, 250, 250, 0])
    assert moved.drawdown[0] == pytest.approx(0.2)
    assert moved.pnl == pytest.approx(found.pnl)
    free = subledger.resumed(moved, np.array([True, False, False]))
    assert free.drawdown[0] == 0


@pytest.mark.parametrize("price", [np.nan, 0.0, -1.0, np.inf])
def test_a_price_that_is_none_changes_nothing(price: float) -> None:
    found, _ = subledger.filled(books(), "A/USDT", 4.0, 400.0, 0.0, np.array([4.0, 0, 0]))
    assert subledger.marked(found, {"A/USDT": price}).pnl.tolist() == found.pnl.tolist()


def test_late_fees_go_by_volume() -> None:
    after = subledger.settled(books(), np.array([300.0, 100.0, 0.0, 0.0]), -4.0)
    assert after.cash.tolist() == pytest.approx([-3, -1, 0, 0])
    assert subledger.settled(books(), np.array([]), -4.0).cash.tolist() == [0, 0, 0, -4]


def test_a_sleeve_that_is_gone_leaves_its_position_to_the_rest() -> None:
    found, _ = subledger.filled(books(), "A/USDT", 6.0, 600.0, 3.0, np.array([4.0, 2.0, 0]))
    new = subledger.arranged(found, ("rotation", "grid"), np.array([300.0, 700.0]))
    assert new.names == ("rotation", "grid", subledger.REST)
    assert new.held("A/USDT").tolist() == [2, 0, 4]
    assert new.cash.sum() == pytest.approx(found.cash.sum())
    assert new.base.tolist() == [250, 700, 0]
    assert subledger.arranged(found, NAMES, BASE) is found


@given(st.integers(0, 2**32 - 1))
def test_what_is_saved_comes_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found, _ = subledger.filled(books(), "A/USDT", 6.0, 600.0, 3.0, rng.uniform(0, 4, 3))
    back = subledger.from_dict(subledger.to_dict(found))
    assert subledger.to_dict(back) == subledger.to_dict(found)
    none = subledger.from_dict(subledger.to_dict(books()))
    assert none.amounts.shape == (4, 0)
