"""The facts' database as frames and pairlists read it; what is missing is logged once."""

import difflib
import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from freqpilot.errors import Degraded, RefuseToStart
from freqpilot.facts.join import NOTHING, Observations
from freqpilot.facts.spec import Metric
from freqpilot.host.run.once import warn_once
from freqpilot.settings import Settings
from freqpilot.store.urls import facts_url, sqlite_file

logger = logging.getLogger(__name__)


MOST_KEPT = 20_000_000
"""Facts in memory, of 24 bytes each."""

LIVE = ("live", "dry_run")

PAUSE = 10.0
"""Seconds that a live bot does not ask a database again that could not be read: each metric of each
pair would wait for it anew, and exits with them."""

PATIENCE = 1.0
"""Seconds that a live bot waits for one that is locked."""


def observations(
    config: dict[str, Any],
    metric: Metric,
    coin: str,
    first: int | None,
    last: int | None,
    *,
    quiet: bool = False,
) -> Observations | None:
    """Return a metric's facts, None where there are none or two sources have it.

    With ``first`` and ``last`` (microseconds) at least what is needed for the states within.

    :param quiet: log nothing where there are none, because the caller does.
    :raises Degraded: when the database cannot be read.
    """
    sourced = with_source(config, metric, coin, first, last, quiet=quiet)
    return None if sourced is None else sourced[1]


def with_source(
    config: dict[str, Any],
    metric: Metric,
    coin: str,
    first: int | None,
    last: int | None,
    *,
    quiet: bool,
) -> tuple[str, Observations] | None:
    """Return a metric's source and its facts; see :func:`observations`."""
    with _readable(config) as source:
        series = source.find(metric, metric.asset or coin, quiet=quiet)
        if series is None:
            return None
        name = source.of(series)
        if str(config.get("runmode")) in LIVE:
            return name, source.store.observations(series, first, last)
        return name, source.whole(series)


@contextmanager
def _readable(config: dict[str, Any]) -> Iterator["_Source"]:
    """Open the database; live one that failed a moment ago is not waited for again."""
    from sqlalchemy.exc import DBAPIError

    url = facts_url(Settings.from_config(config), Path(config["user_data_dir"]))
    live = str(config.get("runmode")) in LIVE
    failed_at, reason = _failed.get(url, (-math.inf, ""))
    # A clock that was set back must not make the pause any longer.
    if live and 0 <= time.time() - failed_at < PAUSE:
        raise Degraded(reason)
    try:
        yield _source(url, live=live)
    except (DBAPIError, RefuseToStart) as error:
        reason = (
            f"facts cannot be read ({error}); what needs them gives no entry, open trades are "
            "managed as before. Import some with freqpilot facts import or mend freqpilot.facts.url"
        )
        _failed[url] = (time.time(), reason)
        raise Degraded(reason) from None
    _failed.pop(url, None)


def sources(config: dict[str, Any], name: str, asset: str) -> list[str]:
    """Return who has facts of a metric about an asset, in order.

    :raises Degraded: when the database cannot be read.
    """
    with _readable(config) as source:
        return source.sources(name, asset)


def known_or_missing(
    config: dict[str, Any], metric: Metric, coin: str, first: int, last: int, *, quiet: bool = False
) -> Observations:
    """As :func:`observations`, but :data:`NOTHING` where there are none and, live, where they
    cannot be read, which is logged once."""
    try:
        found = observations(config, metric, coin, first, last, quiet=quiet)
    except Degraded as error:
        missing_live(config, error)
        found = None
    return NOTHING if found is None else found


def missing_live(config: dict[str, Any], error: Degraded) -> None:
    """Log once, live, that facts are missing; a backtest must have them.

    :raises Degraded: otherwise.
    """
    if str(config.get("runmode")) not in LIVE:
        raise error
    warn_once(logger, _sentence(str(error)))


class _Source:
    """An open database, what it lists and what was read of it."""

    def __init__(self, url: str, *, live: bool) -> None:
        from freqpilot.facts.store import FactStore

        waits = {"busy_timeout": PATIENCE} if live else {}
        self.store = FactStore.open(url, writes=False, **waits)
        self.url = url
        self.refresh()

    def refresh(self) -> None:
        """Look at what is listed, and let go of what was read."""
        self.stamp = _stamp(self.url)
        self.catalogue = self.store.catalogue()
        self._kept: dict[int, Observations] = {}

    def find(self, metric: Metric, asset: str, *, quiet: bool) -> int | None:
        """Return the number of a metric's series, None where there is none or more than one."""
        found = {
            source: number
            for (source, coin, name), number in self.catalogue.items()
            if name == metric.name and coin == asset and metric.source in (None, source)
        }
        if len(found) == 1:
            return next(iter(found.values()))
        if found or not quiet:
            warn_once(logger, _sentence(self._why(metric, asset, sorted(found))))
        return None

    def sources(self, name: str, asset: str) -> list[str]:
        """Return who has a metric about an asset."""
        return sorted(s for s, coin, metric in self.catalogue if (coin, metric) == (asset, name))

    def of(self, series: int) -> str:
        """Return which source a series is of."""
        return next(key[0] for key, number in self.catalogue.items() if number == series)

    def whole(self, series: int) -> Observations:
        """Return all facts of a series, from memory after the first time."""
        if series not in self._kept:
            if sum(len(each) for each in self._kept.values()) > MOST_KEPT:
                self._kept.clear()
            self._kept[series] = self.store.observations(series)
        return self._kept[series]

    def _why(self, metric: Metric, asset: str, sources: list[str]) -> str:
        if sources:
            ways = " or ".join(f"{source}/{metric.name}" for source in sources)
            return f"several sources have {metric.name} of {asset}, so it is NaN: name {ways}"
        names = sorted({name for _, coin, name in self.catalogue if coin == asset})
        near = difflib.get_close_matches(metric.name, names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names) or 'none'}"
        whose = f"{metric.source}/{metric.name}" if metric.source else metric.name
        return f"there are no facts {whose} of {asset}, so it is NaN; {hint}"


_open: list[_Source] = []

_failed: dict[str, tuple[float, str]] = {}


def _source(url: str, *, live: bool) -> _Source:
    """Return the open database; another one is opened, a changed one is looked at anew."""
    if not _open or _open[0].url != url or _open[0].stamp[:1] != _stamp(url)[:1]:
        fresh = _Source(url, live=live)
        for former in _open:
            former.store.close()
        _open[:] = [fresh]
    elif _open[0].stamp != _stamp(url) or (live and not _open[0].stamp):
        _open[0].refresh()
    return _open[0]


def _stamp(url: str) -> tuple[Any, ...]:
    """Return which file a SQLite database is and what changes when it is written to; empty for a
    server's, which a backtest takes as it finds it at its begin."""
    path = sqlite_file(url)
    if path is None:
        return ()
    files = [file for file in (path, path.with_name(f"{path.name}-wal")) if file.exists()]
    stats = [file.stat() for file in files]
    return (
        stats[0].st_ino if stats else None,
        *((stat.st_size, stat.st_mtime_ns) for stat in stats if stat.st_size),
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
