"""What an order book costs, and when it cannot be told."""

import math

import pytest

from freqpilot.risk.market.orderbook import fill_price, round_trip_cost

NAN = math.nan


@pytest.mark.parametrize(
    ("levels", "base", "price"),
    [
        ([[10, 1]], 1, 10),
        ([[10, 1]], 0.5, 10),
        ([[0.5, 0.5], [0.6, 0.5]], 1, 0.55),  # a coin of half a dollar
        ([[10, 1], [11, 1], [15, 2]], 4, 51 / 4),
        ([[10, 1, 7, "venue"], [11, 1, 8, "venue"]], 2, 10.5),  # exchanges that tell more
        ([[10, 0.1]] * 3, 0.3, 10),  # 0.3 − 3 × 0.1 is not quite nothing
        ([[10, 1]], 1 + 1e-13, 10),
        ([[10, 1]], 1 + 1e-11, NAN),
        ([[10, 1], [NAN, 1]], 1, 10),  # what comes after it does not matter
        ([[10, 1], [NAN, 1]], 2, NAN),
        ([[10, 1], [11, NAN]], 2, NAN),
        ([[0, 1]], 1, NAN),
        ([[10, 0], [11, 1]], 1, NAN),
        ([[-0.5, 1]], 1, NAN),
        ([[10, -0.5], [11, 2]], 1, NAN),
        ([], 1, NAN),
        ([[10, 1]], 0, NAN),
        ([[10, 1]], -0.5, NAN),
        ([[10, 1]], NAN, NAN),
        ([[10, 1]], math.inf, NAN),
    ],
)
def test_a_fill(levels: list[list[float]], base: float, price: float) -> None:
    assert fill_price(levels, base) == pytest.approx(price, nan_ok=True)


@pytest.mark.parametrize(
    ("bids", "asks", "size", "cost"),
    [
        ([[99, 9]], [[101, 9]], 100, 0.02),
        ([[100, 9]], [[100, 9]], 100, 0.0),  # a locked book costs nothing
        ([[0.3, 9]], [[0.5, 9]], 0.4, 0.5),
        ([[99, 1], [98, 1]], [[101, 1], [103, 1]], 200, (102 - 98.5) / 100),
        ([[99, 9]], [[101, 1]], 200, NAN),  # one side is too thin
        ([[99, 1]], [[101, 9]], 200, NAN),
        ([[101, 9]], [[99, 9]], 100, NAN),  # crossed
        ([], [[101, 9]], 100, NAN),
        ([[99, 9]], [], 100, NAN),
        ([[NAN, 9]], [[101, 9]], 100, NAN),
        ([[99, 9]], [[NAN, 9]], 100, NAN),
        ([[0, 9]], [[101, 9]], 100, NAN),
        ([[-0.5, 9]], [[101, 9]], 100, NAN),
        ([[99, 9]], [[math.inf, 9]], 100, NAN),
        ([[99, 9]], [[101, 9]], 0, NAN),
    ],
)
def test_a_round_trip(
    bids: list[list[float]], asks: list[list[float]], size: float, cost: float
) -> None:
    assert round_trip_cost(bids, asks, size) == pytest.approx(cost, nan_ok=True)
