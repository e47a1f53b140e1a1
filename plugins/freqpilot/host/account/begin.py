"""Begins a run: when the bot starts, and with each backtest and each hyperopt epoch.

Live, the ledger is kept in the store and survives a restart; otherwise it lives and ends with the
run. What the supervisor decides needs no store: a store that is out is written when it is back.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from freqpilot.host.run.current import current, has_begun, make_current
from freqpilot.host.run.run import LEDGER_KEYS, Run
from freqpilot.risk.account import ledger
from freqpilot.risk.account.flows import Watch
from freqpilot.settings import Settings
from freqpilot.store import memory_store, open_store
from freqpilot.store.urls import resolved, store_url


def begin(config: dict[str, Any], *, live: bool) -> Run:
    """Start a run and make it the current one of this process.

    :raises RefuseToStart: when the store cannot be used and nothing is open, or when nobody knows
        what the stake currency of a backtest is worth.
    """
    from freqpilot.host.account import livestore, stakerate

    settings = Settings.from_config(config)
    key = LEDGER_KEYS[bool(config.get("dry_run", True))]
    state = ledger.Ledger.empty()
    if not live:
        state = replace(state, usd=stakerate.of_backtest(config, settings))
    run = Run(settings, memory_store(), live, state, key)
    former = current() if has_begun() else None
    folder = Path(config["user_data_dir"]) if live else Path()
    if live:
        run.url = store_url(settings, folder)
        livestore.begin(run, former)
    run.watch = Watch(run.state.flows.capital, run.state.flows.trades)
    run.exchange = str(config.get("exchange", {}).get("name", ""))
    if live and settings.store.shared:
        run.shared = open_store(resolved(settings.store.shared, folder), quick=True)
        run.others = None  # until they were looked at
    make_current(run)
    return run
