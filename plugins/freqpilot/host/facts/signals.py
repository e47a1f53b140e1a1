"""The facts that Autopilot's analysts read, by ``freqpilot.signals.facts``."""

from typing import Any

import pandas as pd

from freqpilot.errors import RefuseToStart
from freqpilot.facts.spec import Metric, parse
from freqpilot.host.facts.columns import FACT_PREFIX, add_facts
from freqpilot.settings import FactColumn, Settings


def metrics(settings: Settings) -> dict[FactColumn, Metric]:
    """Return the metric that each column is read from.

    :raises RefuseToStart: for what names none.
    """
    found: dict[FactColumn, Metric] = {}
    for column, text in settings.signals.facts.items():
        try:
            found[column] = parse(text)
        except ValueError as error:
            raise RefuseToStart(f"config: freqpilot.signals.facts.{column}: {error}") from None
    return found


def add_signal_facts(
    frame: pd.DataFrame, pair: str, config: dict[str, Any], timeframe: str
) -> pd.DataFrame:
    """Return ``frame`` with a column ``fact_<name>`` for each that is configured, as it was known
    at each candle's close; NaN, which silences its analysts, where nothing was known or it is old.

    :raises RefuseToStart: for what names no metric.
    :raises Degraded: in a backtest, when the facts cannot be read; live they are NaN then.
    """
    settings = Settings.from_config(config)
    wanted = metrics(settings)
    if not wanted:
        return frame
    columns = {}
    for name, metric in wanted.items():
        text = settings.signals.facts[name]
        known = add_facts(frame[["date"]], pair, [text], config, timeframe=timeframe)
        columns[f"{FACT_PREFIX}{name}"] = known[metric.column].to_numpy(dtype="float64")
    return pd.concat([frame, pd.DataFrame(columns, index=frame.index)], axis=1)
