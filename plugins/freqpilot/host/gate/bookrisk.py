"""Book risk between Freqtrade and the risk room, the same live and in the backtest.

Candles of a pair are asked for once a day, when it is held or about to be. What counts until the
end of an hour after midnight UTC is what was known at the midnight before, so that a bot that asks
early sees what its backtest sees.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
from cachetools import LRUCache

from freqpilot.errors import NoEntry
from freqpilot.host.account.verdict import account_book, note_reported
from freqpilot.host.candles.stored import NONE, Source
from freqpilot.host.candles.timeframe import DAY, HOUR, seconds
from freqpilot.host.run.run import BOOK, Run
from freqpilot.risk.book import positions as book_risk
from freqpilot.risk.book.comovement import View, view
from freqpilot.risk.book.covariance import Closes, beside, column
from freqpilot.risk.book.value_at_risk import draws
from freqpilot.risk.entries.limits import STAKE_TOLERANCE
from freqpilot.risk.entries.sizing import Proposal
from freqpilot.settings import RiskSettings
from freqpilot.shapes import Book, Cut, Floats, OrderRequest, Position, RiskVerdict

logger = logging.getLogger(__name__)


VIEWS = 64
"""Views that are kept, the last used ones: each has the returns of all its pairs."""


class BookRisk:
    """What a run knows of how its pairs move together; views are kept for a day."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._source: Source | None = None
        self._timeframe = ""
        self._lock = threading.RLock()
        self._noise: Floats = np.empty((0, 0))
        self._kept: tuple[int, tuple[str, ...]] | None = None
        self._asked: tuple[View, OrderRequest, Book, book_risk.Fit] | None = None
        self._forget(0)

    def begin(self, source: Source, timeframe: str) -> None:
        """Take the run's candles from ``source``.

        :param timeframe: the strategy's; a longer one than the setting's takes its place.
        """
        asked = self._run.settings.risk.book.timeframe
        longer = DAY >= seconds(timeframe) > seconds(asked)
        with self._lock:
            self._source = source
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
        found = self.room(order, positions)
        if found.stake * (1 + STAKE_TOLERANCE) >= order.stake:
            return verdict
        risk = self._run.settings.risk
        if risk.watches and risk.oversized == "cut" and found.stake > 0:
            return verdict  # it would have been cut
        if "book" in risk.report_only:
            note_reported(self._run, order, Cut(found.rule, found.stake))
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
        found = self.room(order, positions)
        if found.stake >= verdict.stake:
            return verdict
        self._run.counters.count("stakes_cut_by_book")
        cuts = (*verdict.cuts, Cut(found.rule, found.stake))
        if found.stake >= proposal.min_stake and found.stake > 0:
            return replace(verdict, stake=found.stake, cuts=cuts)
        veto = f"the book has no room for a stake above the least possible: {found.reason}"
        return RiskVerdict(False, 0.0, cuts=cuts, veto=veto)

    def keep(self, time: datetime, positions: Sequence[Position]) -> None:
        """Keep the book's figures in the store for ``freqpilot risk``, once a candle and whenever
        the positions change. It never raises."""
        try:
            run = self._run
            if not run.settings.risk.book.enabled or self._source is None:
                return
            pairs = tuple(sorted({each.pair for each in positions if each.stake}))
            moment = (int(time.timestamp()) // seconds(self._timeframe), pairs)
            if moment == self._kept:
                return
            self._kept = moment
            known = account_book(self._run, positions)
            if known is not None:
                found = book_risk.figures(known, self.view(pairs, time), run.settings.risk)
                told = {"stamp": time.isoformat(), **found.to_dict()}
                run.store.save_state(f"{run.key}{BOOK}", told, time)
        except Exception as error:
            logger.warning("The book's figures could not be kept (%s); trades go on", error)

    def view(self, pairs: Iterable[str], time: datetime) -> View:
        """Return how ``pairs`` moved until the last midnight UTC that is an hour ago. One without
        candles is in it as a pair that nothing is known of.

        :raises NoEntry: when candles are out of reach.
        """
        with self._lock:
            if self._source is None:
                raise NoEntry("book risk has no candles: the run did not begin with Freqtrade's")
            settings, step = self._run.settings.risk, seconds(self._timeframe)
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
                return found
            return self._views[key]

    def room(self, order: OrderRequest, positions: Sequence[Position]) -> book_risk.Fit:
        """Return how much of an order's stake, which the limits allow, the book has room for."""
        settings = self._run.settings.risk
        if not settings.book.enabled:
            return book_risk.Fit(order.stake)
        known = account_book(self._run, positions)
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
            seed = self._run.settings.seed
            wide = 1 << max(3, (width - 1).bit_length())
            self._noise = draws(seed, wide, settings.book.simulations, settings.book.freedom)
        return self._noise

    def _forget(self, end: int) -> None:
        self._end = end
        self._closes: dict[str, Closes] = {}
        self._columns: dict[str, Floats] = {}
        self._views: LRUCache[tuple[str, ...], View] = LRUCache(VIEWS)
        self._asked = None
