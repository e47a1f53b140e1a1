"""``freqpilot orders``: orders that only a person can settle."""

import json
from typing import Annotated

import typer

from freqpilot.cli.common import BotDir, ConfigFiles, bot_store

app = typer.Typer()


@app.command()
def orders(
    config: ConfigFiles = None,
    userdir: BotDir = None,
    adopt: Annotated[
        str | None, typer.Option("--adopt", help="Take in the order of this name as it is.")
    ] = None,
    order_id: Annotated[
        str | None, typer.Option("--order-id", help="Its number on the exchange, for --adopt.")
    ] = None,
    dismiss: Annotated[
        list[str] | None, typer.Option("--dismiss", help="Forget the order of this name.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the orders whose fate is open; adopt one that is on the exchange, dismiss one that is
    not."""
    from datetime import UTC, datetime

    from freqpilot.errors import RefuseToStart
    from freqpilot.host.commands import orders as desk

    if order_id and not adopt:
        raise RefuseToStart("--order-id goes with --adopt and the order's name; nothing was done")
    store, now = bot_store(config, userdir, aside=as_json), datetime.now(UTC)
    if (adopt or dismiss) and not yes:
        typer.confirm("Have you looked for it on the exchange?", abort=True)
    if adopt:
        typer.echo(desk.adopt(store.url, adopt, order_id, now))
    for name in dismiss or ():
        typer.echo(desk.dismiss(store.url, name, now))
    if adopt or dismiss:
        return
    found = desk.waiting(store.url, now)
    if as_json:
        typer.echo(json.dumps([desk.as_record(intent) for intent in found], indent=1))
        return
    typer.echo("\n".join(map(desk.as_line, found)) or "no order waits to be settled")
