"""Commands on facts from outside."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from freqpilot.cli.common import ConfigFiles, UserDir, console

if TYPE_CHECKING:
    from datetime import datetime

    from freqpilot.host.commands.ungated import Watchman
    from freqpilot.settings import Settings

app = typer.Typer()


facts = typer.Typer(help="Facts from outside, as they were known.", no_args_is_help=True)


app.add_typer(facts, name="facts")


@facts.command("import")
def facts_import(
    files: Annotated[list[Path], typer.Argument(help="csv (also compressed) or parquet files.")],
    config: ConfigFiles = None,
    userdir: UserDir = Path("user_data"),
    source: Annotated[str, typer.Option("--source", help="For files without it.")] = "",
    asset: Annotated[str, typer.Option("--asset", help="For files without it.")] = "",
    metric: Annotated[str, typer.Option("--metric", help="For files without it.")] = "",
    scheduled: Annotated[
        bool, typer.Option("--scheduled", help="Facts known before they happen, as unlocks.")
    ] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave bad rows out.")] = False,
) -> None:
    """Append facts: source, asset, metric, value, event_time, available_at[, vintage].

    Times are ISO 8601. What is there already is left alone, so a file may be imported again.
    """
    from datetime import UTC, datetime

    from freqpilot.facts.importer import import_file
    from freqpilot.facts.store import FactStore

    given = {"source": source, "asset": asset, "metric": metric}
    store = FactStore.open(_facts_url(config, userdir))
    for file in files:
        with console().status(f"{file}: reading") as status:
            done = import_file(
                store,
                file,
                datetime.now(UTC),
                defaults={name: value for name, value in given.items() if value},
                scheduled=scheduled,
                skip_bad=skip_bad,
                progress=lambda file, rows: status.update(f"{file}: {rows:,} rows"),
            )
        typer.echo(
            f"{file}: {done.added:,} new, {done.known:,} known already, {done.empty:,} without "
            f"value, {done.refused:,} refused"
        )
        typer.echo("".join(f"  refused {fault}\n" for fault in done.faults), nl=False)
    store.close()


@facts.command("list")
def facts_list(config: ConfigFiles = None, userdir: UserDir = Path("user_data")) -> None:
    """Show which facts there are, and from when to when."""
    from rich.table import Table

    from freqpilot.facts.store import FactStore

    store = FactStore.open(_facts_url(config, userdir), writes=False)
    names = ("source", "asset", "metric", "facts", "first event", "last event", "last available")
    table = Table(*names, box=None, pad_edge=False)
    for each in store.summary():
        times = (each.first_event, each.last_event, each.last_available)
        cells = (each.source, each.asset, each.metric, f"{each.count:,}")
        table.add_row(*cells, *(f"{time:%Y-%m-%d %H:%M}" for time in times))
    store.close()
    console().print(table)


text = typer.Typer(help="What is made of headlines and posts.", no_args_is_help=True)


app.add_typer(text, name="text")


Texts = Annotated[list[str], typer.Argument(help="Each in quotes.")]


@text.command("score")
def text_score(
    texts: Texts, config: ConfigFiles = None, userdir: UserDir = Path("user_data")
) -> None:
    """Score texts as the collector does: -1 (bad) to 1 (good), and how sure."""
    from freqpilot.control.texts import print_scores

    print_scores(_tried(texts, config, userdir), console())


@text.command("link")
def text_link(
    texts: Texts, config: ConfigFiles = None, userdir: UserDir = Path("user_data")
) -> None:
    """Show which coins texts are about, by what they are known, and which events are told."""
    from freqpilot.control.texts import print_links

    print_links(_tried(texts, config, userdir), console())


@text.command("train")
def text_train(
    data: Annotated[list[Path], typer.Option("--data", help="csv: text, label or score.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.")],
    name: Annotated[str, typer.Option("--name", help="Its figures' source is text.NAME.")] = "own",
) -> None:
    """Train a scorer of your own on labelled texts, for freqpilot.facts.text.head."""
    from datetime import UTC, datetime

    from freqpilot.facts.text.command import train

    made, count = train(data, out, name, datetime.now(UTC))
    typer.echo(
        f"{out}: {made.name}-{made.version}, trained on {count:,} texts; "
        "python -m benchmarks text measures one on held-out texts"
    )


class Precision(StrEnum):
    """How an exported model computes."""

    int8 = "int8"
    fp32 = "fp32"


@text.command("export")
def text_export(
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write.")],
    config: ConfigFiles = None,
    userdir: UserDir = Path("user_data"),
    name: Annotated[
        str, typer.Option("--name", help="Its figures' source is text.NAME.")
    ] = "finbert",
    precision: Annotated[
        Precision, typer.Option("--precision", help="fp32 where int8 is too far off.")
    ] = Precision.int8,
) -> None:
    """Make the model of freqpilot.facts.text fast: int8 ONNX, which needs no torch.

    Downloads the model when it is not on this machine. Refused when it does not say what the
    original says.
    """
    from freqpilot.facts.text import scorers

    settings = _settings(config, userdir)
    told = scorers.export(settings.facts.text, userdir.resolve(), out, name, precision.value)
    typer.echo(told)


def _tried(texts: list[str], config: list[str] | None, userdir: Path) -> Any:
    from freqpilot.facts.text.command import tried

    settings = _settings(config, userdir)
    return tried(settings, userdir.resolve(), texts)


@app.command()
def collect(
    config: ConfigFiles = None,
    userdir: UserDir = Path("user_data"),
    once: Annotated[bool, typer.Option("--once", help="One turn of each source.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Show how each feed fares.")] = False,
    sources: Annotated[bool, typer.Option("--list", help="Show the sources there are.")] = False,
    accept: Annotated[
        str, typer.Option("--accept", help="SOURCE/METRIC@ASSET: keep what was set aside.")
    ] = "",
) -> None:
    """Collect facts from the sources under freqpilot.facts.sources, until it is stopped.

    A process of its own: the bot only reads. Keys come from the environment. --status ends with 1
    when a feed is not well.
    """
    import logging
    from datetime import UTC, datetime

    from freqpilot.control.collecting import print_quarantine, print_sources, print_status
    from freqpilot.facts import collecting

    if sources:
        print_sources(collecting.specs(), console())
        return
    settings = _settings(config, userdir)
    folder, now = userdir.resolve(), datetime.now(UTC)
    if accept:
        typer.echo(f"{collecting.accept(settings, folder, accept, now)} readings are kept now")
    elif status:
        found = collecting.status(settings, folder, now)
        print_status(found.lines, console())
        print_quarantine(found.quarantined, console())
        typer.echo(
            f"the collector {'runs' if found.alive(now) else 'does not run'}"
            + (f", last beat {found.beat:%Y-%m-%d %H:%M:%S}" if found.beat else "")
        )
        raise typer.Exit(0 if found.well(now) else 1)
    else:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
        watch = _watchman(config, userdir, now).look
        collecting.collect(settings, folder, once=once, say=typer.echo, watch=watch)


def _watchman(config: list[str] | None, userdir: Path, now: "datetime") -> "Watchman":
    """Return what looks at the bot's books while facts are collected."""
    from functools import partial

    from freqpilot.control.notify import notify
    from freqpilot.host.commands.storefile import read_config
    from freqpilot.host.commands.ungated import Watchman, books_of

    read = read_config(config, userdir)
    return Watchman(books_of(read), now, partial(notify, read))


def _facts_url(config: list[str] | None, userdir: Path) -> str:
    from freqpilot.store.urls import facts_url

    return facts_url(_settings(config, userdir), userdir.resolve())


def _settings(config: list[str] | None, userdir: Path) -> "Settings":
    """Return the settings that a bot has which is started so: of the environment as well."""
    from freqpilot.host.commands.storefile import read_config
    from freqpilot.settings import Settings

    return Settings.from_config(read_config(config, userdir))
