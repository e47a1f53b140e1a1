"""The loss as Freqtrade's resolver finds it."""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from freqtrade.optimize.hyperopt_loss.hyperopt_loss_interface import IHyperOptLoss
from freqtrade.resolvers.hyperopt_resolver import HyperOptLossResolver

from freqpilot.host.boot.doors import door_dir
from freqpilot.research.stats import deflated_statistic

START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 200


def loss_of(results: pd.DataFrame, **changes: Any) -> float:
    loss = HyperOptLossResolver.load_hyperoptloss(
        {
            "hyperopt_loss": "DeflatedSharpeLoss",
            "hyperopt_path": str(door_dir("hyperopts")),
            "timeframe": "1h",
            "user_data_dir": Path("/nonexistent"),
        }
    )
    assert isinstance(loss, IHyperOptLoss)
    arguments = {
        "trade_count": len(results),
        "min_date": START,
        "max_date": START + timedelta(days=DAYS - 1, hours=23),
        "config": {"epochs": 50},
        "processed": {},
        "backtest_stats": {},
        "starting_balance": 1000.0,
        **changes,
    }
    return loss.hyperopt_loss_function(results=results, **arguments)


def trades(mean: float, count: int = 100, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    hours = np.sort(rng.integers(0, DAYS * 24, count))
    return pd.DataFrame(
        {
            "close_date": pd.Timestamp(START) + pd.to_timedelta(hours, unit="h"),
            "profit_abs": rng.normal(mean, 10, count),
        }
    )


def test_loss_is_the_deflated_statistic_of_all_days() -> None:
    results = pd.DataFrame(
        {
            "close_date": [
                pd.Timestamp(START) + timedelta(days=n * 10, hours=23) for n in range(20)
            ],
            "profit_abs": [10.0, -5.0] * 10,
        }
    )
    equity, returns = 1000.0, np.zeros(DAYS)
    for number, profit in enumerate(results["profit_abs"]):
        returns[number * 10] = profit / equity
        equity += profit
    assert loss_of(results) == pytest.approx(-deflated_statistic(returns, 50))


def test_better_results_have_a_lower_loss() -> None:
    losses = [loss_of(trades(mean)) for mean in (-5, 0, 3, 8)]
    assert losses == sorted(losses, reverse=True)
    assert all(math.isfinite(loss) and loss < 100 for loss in losses)


def test_more_epochs_raise_the_bar() -> None:
    results = trades(3)
    losses = [loss_of(results, config={"epochs": epochs}) for epochs in (1, 10, 1000)]
    assert losses == sorted(losses)
    assert losses[0] < losses[2]
    assert loss_of(results, config={}) == loss_of(results, config={"epochs": 100})


def test_order_of_trades_within_the_frame_does_not_matter() -> None:
    results = trades(3)
    assert loss_of(results.iloc[::-1]) == pytest.approx(loss_of(results))


def test_no_evidence_is_finite_and_below_best() -> None:
    empty = trades(3).iloc[:0]
    assert loss_of(empty) == loss_of(trades(3, count=9)) == 90
    ruined = pd.DataFrame({"close_date": [pd.Timestamp(START)] * 20, "profit_abs": [-500.0] * 20})
    assert math.isfinite(loss_of(ruined))


def test_results_are_not_changed() -> None:
    results = trades(3)
    before = results.copy()
    loss_of(results)
    pd.testing.assert_frame_equal(results, before)
