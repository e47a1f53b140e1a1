"""Facts for strategies: columns of what was known at each candle's close.

The join is the same live, in a backtest and in hyperopt. Live only what the candles need is read,
each time; otherwise a series is read once a run and kept. The database is opened read only.
"""

import difflib
import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from freqpilot.errors import Degraded, RefuseToStart
from freqpilot.facts.join import NOTHING, AsOf, Observations, as_of, states
from freqpilot.facts.spec import Metric, parse
from freqpilot.features.candles.frames import utc_dates
from freqpilot.host.run.supervisor import store_url
from freqpilot.risk.taxonomy import base_of
from freqpilot.settings import FactSettings, Settings
from freqpilot.shapes import Ints

logger = logging.getLogger(__name__)

MOST_BACKUPS = 4
MOST_KEPT = 20_000_000
"""Facts in memory, of 24 bytes each."""
LIVE = ("live", "dry_run")
PAUSE = 10.0
"""Seconds that a live bot does not ask a database again that could not be read: each metric of each
pair would wait for it anew, and exits with them."""
PATIENCE = 1.0
"""Seconds that a live bot waits for one that is locked."""


def facts_url(settings: Settings, user_data: Path) -> str:
    """Return the database of facts: ``freqpilot.facts.url``, or beside the store."""
    if settings.facts.url:
        return store_url(settings.model_copy(update={"store": settings.facts}), user_data)
    url = store_url(settings, user_data)
    if not url.startswith("sqlite:///"):
        return url
    path = Path(url.removeprefix("sqlite:///"))
    return f"sqlite:///{path.with_name(f'{path.stem}-facts{path.suffix}')}"


def add_facts(
    frame: pd.DataFrame,
    pair: str,
    metrics: Sequence[str],
    config: dict[str, Any],
    *,
    timeframe: str | None = None,
    max_age: timedelta | None = None,
    prefix: str = "",
) -> pd.DataFrame:
    """Return ``frame`` with each metric as it was known at each candle's close.

    A metric is ``[source/]metric[@asset]``, of the pair's coin unless an asset is named (``*`` for
    the whole market). It adds ``<metric>`` (``<metric>_<asset>`` where a coin is named) and
    ``<metric>_age``, the hours since its event. Both are NaN where nothing was known: nothing is
    ever filled from later. A metric without facts, or that two sources have, is NaN throughout and
    said so once.

    A value that is older than its source allows counts as missing, so one that is late or silent
    has no say; so does one that was set aside as absurd. Where ``freqpilot.facts.backups`` names
    another source of the metric, that one stands in then.

    :param config: the strategy's ``self.config``.
    :param timeframe: of ``frame`` where it is not the strategy's.
    :param max_age: values that are older count as missing, instead of what the source allows.
    :param prefix: before each name; ``%-`` makes them features of FreqAI.
    :raises ValueError: for what names no metric, a name twice, or a wrong timeframe.
    :raises Degraded: when the database cannot be read; live the columns are NaN instead.
    """
    named = [parse(text) for text in metrics]
    names = [f"{prefix}{metric.column}" for metric in named]
    if len({*names, *frame.columns}) < len(names) + len(frame.columns):
        raise ValueError(f"a column is named twice among {', '.join(names)}; name each metric once")
    closes = closes_of(frame, timeframe or str(config["timeframe"]))
    hours = None if max_age is None else max_age / timedelta(hours=1)
    columns = {}
    for name, metric in zip(names, named, strict=True):
        found = _known(config, metric, base_of(pair), closes, hours)
        columns[name], columns[f"{name}_age"] = found
    return pd.concat([frame, pd.DataFrame(columns, index=frame.index)], axis=1)


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

    :param quiet: do not say that there are none, where the caller does.
    :raises Degraded: when the database cannot be read.
    """
    found = _found(config, metric, coin, first, last, quiet=quiet)
    return None if found is None else found[1]


def _found(
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
    failed_at, told = _failed.get(url, (-math.inf, ""))
    # A clock that was set back must not make the pause any longer.
    if live and 0 <= time.time() - failed_at < PAUSE:
        raise Degraded(told)
    try:
        yield _source(url, live=live)
    except (DBAPIError, RefuseToStart) as error:
        told = (
            f"facts cannot be read ({error}); what needs them gives no entry, open trades are "
            "managed as before. Import some with freqpilot facts import or mend freqpilot.facts.url"
        )
        _failed[url] = (time.time(), told)
        raise Degraded(told) from None
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
    """As :func:`observations`, nothing where there are none and, live, where they cannot be read,
    which is said once."""
    try:
        found = observations(config, metric, coin, first, last, quiet=quiet)
    except Degraded as error:
        missing_live(config, error)
        found = None
    return NOTHING if found is None else found


def missing_live(config: dict[str, Any], error: Degraded) -> None:
    """Say once, live, that facts are missing; a backtest without them is none.

    :raises Degraded: otherwise.
    """
    if str(config.get("runmode")) not in LIVE:
        raise error
    _say_once(str(error))


def _known(
    config: dict[str, Any], metric: Metric, coin: str, closes: Ints, max_age: float | None
) -> AsOf:
    missing = np.full(closes.size, np.nan)
    settings = Settings.from_config(config).facts
    known = AsOf(missing, missing)
    if not closes.size:
        return known
    first, last = int(closes.min()), int(closes.max())
    for place, each in enumerate((metric, *backups_of(settings, metric))):
        # Only where all before it know nothing, and as of the same candle's close.
        holes = np.isnan(known.value)
        if not holes.any():
            break
        try:
            found = _found(config, each, coin, first, last, quiet=place > 0)
        except Degraded as error:
            missing_live(config, error)
            break
        if found is None:
            continue
        limit = max_age if max_age is not None else oldest(settings, found[0])
        other = as_of(states(found[1]), closes, limit)
        take = holes & (np.isfinite(other.value) | np.isnan(known.age))
        known = AsOf(np.where(take, other.value, known.value), np.where(take, other.age, known.age))
    return known


def backups_of(settings: FactSettings, metric: Metric) -> list[Metric]:
    """Return what stands in for a metric, in order; a backup may have one of its own."""
    found: list[Metric] = []
    name = f"{metric.source}/{metric.name}"
    while (name := settings.backups.get(name, "")) and len(found) < MOST_BACKUPS:
        other = parse(name)
        found.append(Metric(other.name, other.source, metric.asset))
    return found


def oldest(settings: FactSettings, source: str) -> float | None:
    """Return how many hours old a value of a source may be; None without a limit."""
    from freqpilot.facts.sources import SOURCES
    from freqpilot.facts.text.step import is_text

    if is_text(source):
        return settings.text.max_age
    own = settings.sources.get(source)
    if own is not None and own.max_age is not None:
        return own.max_age
    kind = SOURCES.get(source)
    return None if kind is None else kind.spec.max_age / timedelta(hours=1)


def closes_of(frame: pd.DataFrame, timeframe: str) -> Ints:
    """Return when each candle closed, in microseconds."""
    from freqtrade.exchange import timeframe_to_seconds

    step = int(timeframe_to_seconds(timeframe)) * 1_000_000
    opened = utc_dates(frame).dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    dates = opened.astype(np.int64)
    # A step too long would see the future, a step too short only knows less.
    if dates.size > 1 and (np.diff(dates) < step).any():
        raise ValueError(
            f"the candles are nearer together than {timeframe}; give add_facts their timeframe"
        )
    closes: Ints = dates + step
    return closes


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
            _say_once(self._why(metric, asset, sorted(found)))
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
_said: set[str] = set()
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
    if not url.startswith("sqlite:///"):
        return ()
    path = Path(url.removeprefix("sqlite:///"))
    files = [file for file in (path, path.with_name(f"{path.name}-wal")) if file.exists()]
    stats = [file.stat() for file in files]
    return (
        stats[0].st_ino if stats else None,
        *((stat.st_size, stat.st_mtime_ns) for stat in stats if stat.st_size),
    )


def _say_once(text: str) -> None:
    if text not in _said:
        _said.add(text)
        logger.warning("%s", text[:1].upper() + text[1:])
