"""A hyperopt loss that asks what a result proves after so many trials."""

from datetime import datetime
from typing import Any

from freqtrade.optimize.hyperopt_loss.hyperopt_loss_interface import IHyperOptLoss
from pandas import DataFrame

from freqpilot.research.stats import daily_returns, deflated_loss


class DeflatedSharpeLoss(IHyperOptLoss):
    """The best of many trials looks good by luck. This loss sets the Sharpe ratio of daily returns
    (by close date, idle days included) against the best one to expect of as many trials without
    skill, and counts skew, fat tails and the length of the record.

    The number of trials is the configured ``epochs`` (``--epochs``): a loss does not see the study.
    Trials of earlier runs are not counted; add them to ``epochs`` in your judgement.
    """

    @staticmethod
    def hyperopt_loss_function(
        *,
        results: DataFrame,
        trade_count: int,
        min_date: datetime,
        max_date: datetime,
        config: dict[str, Any],
        starting_balance: float,
        **kwargs: Any,
    ) -> float:
        """Return the loss, −30…90; 90 where a result proves nothing."""
        first = min_date.date()
        returns = daily_returns(
            day=(results["close_date"].dt.date - first).map(lambda gap: gap.days).to_numpy(int),
            profit=results["profit_abs"].to_numpy(float),
            days=(max_date.date() - first).days + 1,
            starting_equity=float(starting_balance),
        )
        return deflated_loss(returns, trade_count, int(config.get("epochs") or 100))
