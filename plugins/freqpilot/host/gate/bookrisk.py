"""Book risk between Freqtrade and the risk room, the same live and in the backtest.

Candles of a pair are asked for once a day, when it is held or about to be. What counts until the
end of an hour after midnight UTC is what was known at the midnight before, so that a bot that asks
early sees what its backtest sees.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from freqpilot.errors import NoEntry
from freqpilot.host.run import supervisor
from freqpilot.risk import book as book_risk
from freqpilot.risk.comovement import View, view
from freqpilot.risk.covariance import Closes, beside, column, resampled
from freqpilot.risk.limits import STAKE_TOLERANCE
from freqpilot.risk.sizing import Proposal
from freqpilot.risk.value_at_risk import draws
from freqpilot.settings import RiskSettings, Settings
from freqpilot.shapes import Book, Cut, Floats, OrderRequest, Position, RiskVerdict

logger = logging.getLogger(__name__)

DAY, HOUR = 86_400, 3_600
Source = Callable[[Sequence[str], str, int], Mapping[str, Closes]]
"""Gives the closed candles of pairs, by timeframe, from a time on in seconds since the epoch."""


class BookRisk:
    """What a run knows of how its pairs move together; views are kept for a day."""

    def __init__(self) -> None:
        self._run: supervisor.Run | None = None
        self._source: Source | None = None
        self._timeframe = ""
        self._lock = threading.RLock()
        self._noise: Floats = np.empty((0, 0))
        self._kept: tuple[int, tuple[str, ...]] | None = None
        self._asked: tuple[View, OrderRequest, Book, book_risk.Fit] | None = None
        self._forget(0)

    def begin(self, source: Source, timeframe: str) -> None:
        """Take the candles of the current run from ``source``.

        :param timeframe: the strategy's; a longer one than the setting's takes its place.
        """
        run = supervisor.current()
        asked = run.settings.risk.book.timeframe
        longer = DAY >= _seconds(timeframe) > _seconds(asked)
        with self._lock:
            self._run, self._source = run, source
            self._timeframe = timeframe if longer else asked
            self._noise, self._kept = np.empty((0, 0)), None
            self._forget(0)

    def asked(
        self, order: OrderRequest, positions: Sequence[Position]
    ) -> Callable[[], RiskVerdict]:
        """Return the question about an order, for :func:`supervisor.ask`."""
        return lambda: self.judge(order, positions)

    def judge(self, order: OrderRequest, positions: Sequence[Position]) -> RiskVerdict:
        """Return the verdict on an order as it stands, which the limits allow."""
        verdict = RiskVerdict(allowed=True, stake=order.stake, leverage=order.leverage)
        found = self._fit(order, positions)
        if found.stake * (1 + STAKE_TOLERANCE) >= order.stake:
            return verdict
        veto = found.reason
        if found.stake > 0:
            veto += f"; a stake of {found.stake:.2f} would fit"
        return RiskVerdict(False, 0.0, cuts=(Cut(found.rule, 0.0),), veto=veto)

    def fitted(
        self, proposal: Proposal, verdict: RiskVerdict, positions: Sequence[Position]
    ) -> RiskVerdict:
        """Return the verdict on a proposal, its stake cut to what the book has room for."""
        order = OrderRequest(
            time=proposal.time,
            pair=proposal.pair,
            side=proposal.side,
            purpose="entry",
            stake=verdict.stake,
            rate=proposal.rate,
            leverage=verdict.leverage,
        )
        found = self._fit(order, positions)
        if found.stake >= verdict.stake:
            return verdict
        supervisor.current().counters.count("stakes_cut_by_book")
        cuts = (*verdict.cuts, Cut(found.rule, found.stake))
        if found.stake >= proposal.min_stake and found.stake > 0:
            return replace(verdict, stake=found.stake, cuts=cuts)
        veto = f"the book has no room for a stake above the least possible: {found.reason}"
        return RiskVerdict(False, 0.0, cuts=cuts, veto=veto)

    def keep(self, time: datetime, positions: Sequence[Position]) -> None:
        """Keep the book's figures in the store for ``freqpilot risk``, once a candle and whenever
        the positions change. It never raises."""
        try:
            run = supervisor.current()
            if not run.settings.risk.book.enabled or self._run is not run:
                return
            pairs = tuple(sorted({each.pair for each in positions if each.stake}))
            moment = (int(time.timestamp()) // _seconds(self._timeframe), pairs)
            if moment == self._kept:
                return
            self._kept = moment
            known = supervisor.book(positions)
            if known is not None:
                found = book_risk.figures(known, self.view(pairs, time), run.settings.risk)
                told = {"stamp": time.isoformat(), **found.to_dict()}
                run.store.save_state(f"{run.key}{supervisor.BOOK}", told, time)
        except Exception as error:
            logger.warning("The book's figures could not be kept (%s); trades go on", error)

    def view(self, pairs: Iterable[str], time: datetime) -> View:
        """Return how ``pairs`` moved until the last midnight UTC that is an hour ago. One without
        candles is in it as a pair that nothing is known of.

        :raises NoEntry: when candles are out of reach.
        """
        with self._lock:
            if self._source is None or self._run is not supervisor.current():
                raise NoEntry("book risk has no candles: the run did not begin with Freqtrade's")
            settings, step = self._run.settings.risk, _seconds(self._timeframe)
            end = (int(time.timestamp()) - HOUR) // DAY * DAY
            if end != self._end:
                self._forget(end)
            key = tuple(sorted(set(pairs)))
            if key not in self._views:
                begin = end - settings.book.lookback_days * DAY
                self._load([pair for pair in key if pair not in self._closes], begin - step)
                columns = {pair: self._column(pair, begin, end, step) for pair in key}
                noise = self._draws(len(key), settings)
                found = view(beside(columns, (end - begin) // step), DAY // step, noise)
                if not all(pair in self._closes for pair in key):
                    return found  # what is missing now may be there at the next order
                self._views[key] = found
            return self._views[key]

    def _fit(self, order: OrderRequest, positions: Sequence[Position]) -> book_risk.Fit:
        run = supervisor.current()
        settings = run.settings.risk
        if not settings.book.enabled:
            return book_risk.Fit(order.stake)
        known = supervisor.book(positions)
        if known is None:
            return book_risk.Fit(0.0, "ledger", "the account has not been observed yet")
        held = [each.pair for each in positions if each.stake]
        try:
            seen = self.view([*held, order.pair], order.time)
        except NoEntry as error:
            return book_risk.Fit(0.0, "book_data", str(error))
        if self._asked and self._asked[0] is seen and self._asked[1:3] == (order, known):
            return self._asked[3]  # the gate asks what the proposal has just asked
        found = book_risk.fit(order, known, seen, settings)
        self._asked = seen, order, known, found
        return found

    def _load(self, pairs: Sequence[str], begin: int) -> None:
        if not pairs or self._source is None:
            return
        try:
            found = self._source(pairs, self._timeframe, begin)
        except Exception as error:  # ccxt and Freqtrade raise many kinds
            raise NoEntry(f"the candles for book risk could not be read: {error}") from error
        self._closes.update({pair: each for pair, each in found.items() if len(each.date)})

    def _column(self, pair: str, begin: int, end: int, step: int) -> Floats:
        """Return the returns of a pair, which are the same in every view of a day."""
        known = self._columns.get(pair)
        if known is None:
            known = column(self._closes.get(pair, NONE), begin, end, step)
            if pair in self._closes:
                self._columns[pair] = known
        return known

    def _draws(self, width: int, settings: RiskSettings) -> Floats:
        if len(self._noise) < width:
            seed = supervisor.current().settings.seed
            wide = 1 << max(3, (width - 1).bit_length())
            self._noise = draws(seed, wide, settings.book.simulations, settings.book.freedom)
        return self._noise

    def _forget(self, end: int) -> None:
        self._end = end
        self._closes: dict[str, Closes] = {}
        self._columns: dict[str, Floats] = {}
        self._views: dict[tuple[str, ...], View] = {}
        self._asked = None


BOOK = BookRisk()
NONE = Closes(np.empty(0, dtype=np.int64), np.empty(0))


def fetched_candles(exchange: Any) -> Source:
    """Return the source of a live bot: the exchange, one request a pair and day."""

    def fetch(pairs: Sequence[str], timeframe: str, begin: int) -> dict[str, Closes]:
        kind = exchange._config["candle_type_def"]
        keys = [(pair, timeframe, kind) for pair in pairs]
        found = exchange.refresh_latest_ohlcv(keys, since_ms=begin * 1000, cache=False)
        return {key[0]: _closes(found.get(key)) for key in keys}

    return fetch


def stored_candles(config: Mapping[str, Any], own: str) -> Source:
    """Return the source of a backtest: the files on disk. Where there are none of the timeframe,
    they are made of the strategy's shorter ones.

    :param own: the strategy's timeframe.
    """

    period = _period(config)
    known: dict[tuple[str, str], Closes] = {}  # files do not change while a backtest runs

    def load(pair: str, timeframe: str) -> Closes:
        closes = _stored(config, pair, timeframe, period)
        if not len(closes.date) and _seconds(timeframe) % _seconds(own) == 0:
            closes = _stored(config, pair, own, period)
            closes = resampled(closes, _seconds(own), _seconds(timeframe))
        return closes

    def read(pairs: Sequence[str], timeframe: str, begin: int) -> dict[str, Closes]:
        for pair in pairs:
            if (pair, timeframe) not in known:
                known[pair, timeframe] = load(pair, timeframe)
        return {pair: known[pair, timeframe] for pair in pairs}

    return read


def _period(config: Mapping[str, Any]) -> tuple[int, int]:
    """Return from when to when a backtest may ask for candles, 0 for an open end: cleaning whole
    files would take longer than all else here."""
    from freqtrade.configuration import TimeRange

    asked = config.get("timerange")
    if not asked:
        return 0, 0
    period = TimeRange.parse_timerange(str(asked))
    lead = (Settings.from_config(config).risk.book.lookback_days + 3) * DAY
    return max(0, period.startts - lead), period.stopts


def _stored(
    config: Mapping[str, Any], pair: str, timeframe: str, period: tuple[int, int]
) -> Closes:
    from freqtrade.data.history import get_datahandler

    folder, form = Path(config["datadir"]), str(config["dataformat_ohlcv"])
    kind = str(config["candle_type_def"])
    file = get_datahandler(folder, form)._pair_data_filename(folder, pair, timeframe, kind)
    if not file.is_file():
        return NONE
    return _read(folder, form, kind, pair, timeframe, period, file.stat().st_mtime_ns)


@lru_cache(maxsize=256)  # hyperopt begins a run an epoch and would read the files each time
def _read(
    folder: Path,
    form: str,
    kind: str,
    pair: str,
    timeframe: str,
    period: tuple[int, int],
    _: int,
) -> Closes:
    from freqtrade.configuration import TimeRange
    from freqtrade.data.history import load_pair_history
    from freqtrade.enums import CandleType

    frame = load_pair_history(
        pair,
        timeframe,
        folder,
        timerange=TimeRange(*("date" if each else None for each in period), *period),
        fill_up_missing=False,
        data_format=form,
        candle_type=CandleType.from_string(kind),
    )
    return _closes(frame)


def _closes(frame: Any) -> Closes:
    if frame is None or not len(frame):
        return NONE
    date = frame["date"].to_numpy(dtype="datetime64[s]").astype(np.int64)
    return Closes(date, frame["close"].to_numpy(dtype=np.float64))


def _seconds(timeframe: str) -> int:
    from freqtrade.exchange import timeframe_to_seconds

    return int(timeframe_to_seconds(timeframe))
