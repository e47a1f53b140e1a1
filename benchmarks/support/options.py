"""The command-line options that benchmarks share: ``--json``, ``--datadir``, ``--timerange``,
``--page``.

Each benchmark begins with :func:`parser`; one that reads candle files adds
:func:`add_candle_options`, one that has a section of a results page :func:`add_page_option`.
"""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from benchmarks.support.candles import file_of, pairs_in


class Period(NamedTuple):
    """From ``begin`` up to and without ``end``, both at midnight UTC."""

    begin: datetime
    end: datetime

    @classmethod
    def parse(cls, text: str) -> "Period":
        """Return the period that ``text`` names, as ``20230101-20240101``.

        :raises ArgumentTypeError: for anything else, and for a period that ends before it begins.
        """
        try:
            begin, end = (
                datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) for day in text.split("-")
            )
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not YYYYMMDD-YYYYMMDD") from None
        if begin >= end:
            raise argparse.ArgumentTypeError(f"{text!r} does not end after it begins")
        return cls(begin, end)

    @property
    def dates(self) -> tuple[str, str]:
        """Both days as ISO dates, ``("2023-01-01", "2024-01-01")``."""
        return f"{self.begin:%Y-%m-%d}", f"{self.end:%Y-%m-%d}"

    @property
    def days(self) -> int:
        """The number of days."""
        return (self.end - self.begin).days

    def rows(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of ``frame`` whose ``date`` lies inside."""
        return frame[(frame["date"] >= self.begin) & (frame["date"] < self.end)]

    def __str__(self) -> str:
        return f"{self.begin:%Y%m%d}-{self.end:%Y%m%d}"


def parser(name: str, about: str) -> argparse.ArgumentParser:
    """Return the parser of the benchmark ``name`` with the option ``--json``.

    :param about: the benchmark's docstring, which ``--help`` shows.
    """
    made = argparse.ArgumentParser(
        prog=f"python -m benchmarks {name}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--json", action="store_true", help="print the JSON object alone; else it is printed last"
    )
    return made


def add_candle_options(
    made: argparse.ArgumentParser,
    timerange: str | None,
    *,
    default: str = "",
    required: bool = True,
    needs: Sequence[str] = (),
) -> None:
    """Add ``--datadir``, a folder of 1h feather files, and ``--timerange``.

    :param timerange: the period without that option, None where the benchmark has its own.
    :param default: what ``--help`` says of the period in place of ``timerange``.
    :param required: whether there is nothing to do without candles.
    :param needs: pairs whose files must lie in the folder.
    """
    made.add_argument(
        "--datadir",
        type=partial(candle_folder, needs=needs),
        required=required,
        metavar="DIR",
        help="folder of 1h feather candles",
    )
    made.add_argument(
        "--timerange",
        type=Period.parse,
        default=timerange,
        metavar="YYYYMMDD-YYYYMMDD",
        help=f"UTC, without its last day; default: {default or timerange}",
    )


def add_page_option(made: argparse.ArgumentParser) -> None:
    """Add ``--page``, the Markdown file to write the benchmark's section into."""
    made.add_argument(
        "--page",
        type=Path,
        metavar="FILE",
        help="write the section into this page, as docs/results.md, unless parity fails",
    )


def candle_folder(text: str, needs: Sequence[str] = ()) -> Path:
    """Return a folder of candles.

    :raises ArgumentTypeError: for a folder without 1h candles of USDT pairs, or of those needed.
    """
    folder = Path(text).resolve()
    if not pairs_in(folder):
        raise argparse.ArgumentTypeError(f"no *_USDT-1h.feather in {folder}")
    for pair in needs:
        if not file_of(folder, pair).is_file():
            raise argparse.ArgumentTypeError(f"no {file_of(folder, pair).name} in {folder}")
    return folder
