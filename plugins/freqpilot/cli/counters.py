"""``freqpilot counters``: what the bot has counted, today and of all time."""

import json
from typing import Annotated

import typer

from freqpilot.cli.common import BotDir, ConfigFiles, bot_store, console

app = typer.Typer()


@app.command()
def counters(
    config: ConfigFiles = None,
    userdir: BotDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what was counted, today (UTC) and in all: refusals by rule, requests, differences that
    were found and mended."""
    from datetime import UTC, datetime

    from freqpilot.control.counting import print_counters, rows
    from freqpilot.control.tally import TODAY
    from freqpilot.host.run.run import LEDGER_KEYS
    from freqpilot.store import open_store

    named = bot_store(config, userdir, aside=as_json)
    store = open_store(named.url)
    try:
        days = [store.load_state(f"{key}{TODAY}") for key in LEDGER_KEYS.values()]
        found = rows(store.counters(), days, datetime.now(UTC).date())
    finally:
        store.close()
    if as_json:
        typer.echo(json.dumps({n: {"today": day, "all": total} for n, _, day, total in found}))
    elif found:
        print_counters(found, console())
    else:
        typer.echo("nothing was counted yet")
