"""Commands on the account: what limits it, what a person tells the bot."""

import json
from typing import Annotated

import typer

from freqpilot.cli.common import BotDir, ConfigFiles, bot_store, console
from freqpilot.errors import RefuseToStart

app = typer.Typer()


@app.command()
def release(
    config: ConfigFiles = None,
    userdir: BotDir = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Release what waits for a person: a halt, a blocked account, a losing streak, a record without
    edge."""
    from datetime import UTC, datetime

    from freqpilot.host.account import saved as savedledgers

    store = bot_store(config, userdir)
    if not yes:
        typer.confirm(
            "New positions will be allowed again. Have you reviewed the loss?", abort=True
        )
    released = savedledgers.release(store.url, datetime.now(UTC), store.settings.risk)
    typer.echo("\n".join(f"released {line}" for line in released) or "nothing waits for a person")


@app.command()
def flow(
    config: ConfigFiles = None,
    userdir: BotDir = None,
    deposit: Annotated[float, typer.Option("--deposit", help="Stake currency.")] = 0.0,
    withdraw: Annotated[float, typer.Option("--withdraw", help="Stake currency.")] = 0.0,
) -> None:
    """Declare a deposit or a withdrawal, so that it is neither profit nor loss; best before it."""
    from datetime import UTC, datetime

    from freqpilot.host.account import flows

    store = bot_store(config, userdir)
    if deposit or withdraw:
        flows.declare(store.url, deposit, withdraw, datetime.now(UTC))
        typer.echo("declared; the bot takes it in at its next loop, or when it is started")
    typer.echo("\n".join(flows.describe(store.url)) or "no flow is open")


@app.command()
def risk(
    config: ConfigFiles = None,
    userdir: BotDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the account beside its limits: what holds now, what would trip next, what each open
    trade can still lose, the book."""
    from datetime import UTC, datetime

    from freqpilot.control.book import print_book
    from freqpilot.control.openrisk import print_open_risk
    from freqpilot.control.risk import print_overview
    from freqpilot.host.account import saved as savedledgers
    from freqpilot.risk.entries.overview import overview

    store = bot_store(config, userdir, aside=as_json)
    now = datetime.now(UTC)
    found = {
        key.removeprefix("ledger "): overview(state, now, store.settings.risk)
        for key, state in savedledgers.saved_states(store.url).items()
    }
    blind, books, trades = (
        {key.removeprefix("ledger "): each for key, each in saved(store.url).items()}
        for saved in (
            savedledgers.saved_blindness,
            savedledgers.saved_books,
            savedledgers.saved_open_risk,
        )
    )
    if as_json:
        told = {
            mode: {
                **each.to_dict(),
                "blind": blind.get(mode),
                "open_risk": trades.get(mode),
                "book": books.get(mode),
            }
            for mode, each in found.items()
        }
        typer.echo(json.dumps(told, indent=1))
    elif not found:
        typer.echo(f"no account was observed yet in {store.shown}; start the bot first")
    else:
        for mode, each in found.items():
            print_overview(mode, each, now, console())
            if mode in blind:
                console().print(f"BLIND: {blind[mode]['why']}", style="bold red")
            if mode in trades:
                print_open_risk(mode, trades[mode], each.usd, console())
            if mode in books:
                print_book(mode, books[mode], console())


@app.command()
def sleeves(
    config: ConfigFiles = None,
    userdir: BotDir = None,
    resume: Annotated[
        list[str] | None, typer.Option("--resume", help="Switch this sleeve on again.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the sleeves of Ensemble: budget, equity, PnL, drawdown, exposure; resume one that was
    switched off."""
    from datetime import UTC, datetime

    from freqpilot.control.sleeves import print_sleeves
    from freqpilot.host.trading import sleeves as keeper

    store = bot_store(config, userdir, aside=as_json)
    if resume:
        known = {name for each in keeper.saved(store.url).values() for name in each["sleeves"]}
        if unknown := set(resume) - known:
            raise RefuseToStart(
                f"no sleeve {', '.join(sorted(unknown))} in {store.shown}; nothing was resumed and "
                f"open trades are untouched. Known are: {', '.join(sorted(known)) or 'none yet'}"
            )
        if not yes:
            typer.confirm("It will trade again. Have you reviewed its loss?", abort=True)
        done = keeper.resume(store.url, resume, datetime.now(UTC))
        typer.echo("\n".join(f"resumed {line}" for line in done) or "it was not switched off")
        return
    found = {key.removeprefix("ledger "): each for key, each in keeper.saved(store.url).items()}
    if as_json:
        typer.echo(json.dumps(found, indent=1))
    elif not found:
        typer.echo(
            f"no sleeves were observed yet in {store.shown}; start the bot with Ensemble first"
        )
    else:
        for mode, each in found.items():
            print_sleeves(mode, each, console())


@app.command()
def why(
    trade: Annotated[int, typer.Argument(help="Freqtrade's trade id, as in /status.")],
    config: ConfigFiles = None,
    userdir: BotDir = None,
) -> None:
    """Tell why a trade was opened: the decision as it was recorded when its entry was filled."""
    from freqpilot.control.why import explain
    from freqpilot.host.trading import record

    store = bot_store(config, userdir)
    decision = record.recorded(store.url, trade)
    if decision is None:
        typer.echo(
            f"no decision of trade {trade} is recorded in {store.shown}: it was entered by hand or "
            "by another strategy, in a backtest, or with another --userdir"
        )
        raise typer.Exit(1)
    typer.echo("\n".join(explain(trade, decision)))
