"""Commands on what moves an opinion: regimes' models and scorecards."""

from pathlib import Path
from typing import Annotated

import typer

from freqpilot.cli.common import ConfigFiles, UserDir, console

app = typer.Typer()


regimes = typer.Typer(help="Models of the market's regimes.", no_args_is_help=True)


app.add_typer(regimes, name="regimes")


@regimes.command("fit")
def regimes_fit(
    config: ConfigFiles = None,
    userdir: UserDir = Path("user_data"),
    datadir: Annotated[
        Path | None, typer.Option("--datadir", help="Folder of candles; default: the config's.")
    ] = None,
    pair: Annotated[
        list[str] | None, typer.Option("--pair", help="Several times; default: the whitelist.")
    ] = None,
    begin: Annotated[str, typer.Option("--from", help="First day; default: one model.")] = "",
    end: Annotated[str, typer.Option("--to", help="Last day; default: now.")] = "",
    every: Annotated[int, typer.Option("--every", min=1, help="Days between models.")] = 30,
    window: Annotated[int, typer.Option("--window", min=90, help="Days of candles each.")] = 730,
    timeframe: Annotated[str, typer.Option("--timeframe", help="The strategy's.")] = "1h",
    fear_greed: Annotated[
        str, typer.Option("--fear-greed", help="A metric of 0…100, as fear_greed@*.")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Fit those that are there anew.")] = False,
) -> None:
    """Fit models for signals.regimes.method hmm: each sees only candles closed by its day.

    Without --from the newest one; with it all of its schedule, for backtests. Exit 1 when one could
    not be fitted: an older one, or the rules, tell the regime then.
    """
    from freqpilot.host.commands.doctor import load_config
    from freqpilot.host.commands.regimes import index_of, plan, write_series
    from freqpilot.host.frames.regimes import folder_of

    found = load_config(config, str(userdir)) if config else {}
    asked = plan(
        found, datadir, pair or [], begin, end, every=every, window=window, timeframe=timeframe
    )
    folder = folder_of(Path(found.get("user_data_dir", userdir)).resolve())
    known = index_of(found, userdir.resolve(), fear_greed, timeframe)
    failed = False
    for until, text, well in write_series(asked, folder, known, force=force):
        failed = failed or not well
        typer.echo(f"{until:%Y-%m-%d}  {text}")
    raise typer.Exit(1 if failed else 0)


@app.command()
def scorecards(
    config: ConfigFiles = None,
    userdir: UserDir = Path("user_data"),
    datadir: Annotated[
        Path | None, typer.Option("--datadir", help="Folder of candles; default: the config's.")
    ] = None,
    pair: Annotated[
        list[str] | None, typer.Option("--pair", help="Several times; default: the whitelist.")
    ] = None,
    timeframe: Annotated[str, typer.Option("--timeframe", help="The strategy's.")] = "1h",
) -> None:
    """Show how the analysts' strong opinions did up to the last candle, and what that moves."""
    from rich.table import Table

    from freqpilot.host.commands.doctor import load_config
    from freqpilot.host.commands.scorecards import COLUMNS, cards, cells

    found = load_config(config, str(userdir)) if config else {}
    for name, each in cards(found, datadir, pair or [], timeframe).items():
        table = Table(*COLUMNS, title=name, box=None, pad_edge=False)
        for card in each:
            table.add_row(*cells(card))
        console().print(table)
