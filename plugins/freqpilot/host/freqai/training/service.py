"""The training service of live and dry runs, in the place of FreqAI's queue.

FreqAI fits the pairs of its queue one after the other, without end or limit, in a thread of the
bot. Here a schedule says whose turn it is (:mod:`freqpilot.models.training.schedule`), the pack's
models are fitted in a process of their own with limits (:mod:`freqpilot.models.training.apart`),
and whatever goes wrong leaves the last good model in use.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from freqpilot.errors import Degraded, FreqpilotError
from freqpilot.host.alerts import events as alerts
from freqpilot.host.candles.timeframe import seconds
from freqpilot.host.freqai.training import files as modelfiles
from freqpilot.host.seams.freqtrade import AiModel, Strategy
from freqpilot.host.seams.seam import Place, Seam
from freqpilot.models.training import apart, schedule
from freqpilot.models.training.diary import FILE, Diary
from freqpilot.settings import Settings, TrainingSettings

logger = logging.getLogger(__name__)

SERVICE = "freqpilot_training"
"""Under what name a FreqAI model holds its service, so that both go together."""
PAUSE = 1.0
"""Seconds between two looks at the schedule."""


class Service:
    """The fits of one bot. :meth:`turn` belongs to FreqAI's thread, the rest to the bot's."""

    def __init__(self, model: AiModel, clock: Callable[[], float] = time.time) -> None:

        self.model, self.clock = model, clock
        self.settings: TrainingSettings = Settings.from_config(model.config).models.training
        freqai = model.freqai_info
        # Without a new candle there is nothing new to learn.
        candle = float(seconds(model.config["timeframe"]))
        hours = float(freqai.get("live_retrain_hours", 0))
        self.pace = schedule.Pace(
            max(hours * schedule.HOUR, candle),
            float(freqai.get("expiration_hours", 0)) * schedule.HOUR,
        )
        self.diary = self._read()
        self.diary.retrain, self.diary.expires = self.pace.retrain, self.pace.expires
        self.held: frozenset[str] = frozenset()
        self.busy = False
        self._expired: set[str] = set()

    def _read(self) -> Diary:
        root = self.model.dd.full_path
        try:
            diary = Diary.load(root)
        except Degraded as error:
            modelfiles.set_aside(root / FILE, "", str(error))
            diary = Diary()
        diary.forget(self.clock())
        return diary

    def run(self, strategy: Strategy) -> None:
        """Fit what is due until the bot stops."""
        while not self.model._stop_event.wait(PAUSE):
            try:
                self.turn(strategy)
            except Exception:
                logger.exception("The training service goes on after a fault")

    def turn(self, strategy: Strategy) -> str | None:
        """Fit the model whose turn it is; return its pair, None where no one's is."""
        now = self.clock()
        chosen = schedule.next_fit(
            self.standings(strategy), self.diary.spent, now, self.pace, self.settings
        )
        if chosen is None:
            return None
        self.busy = True
        try:
            self.fit(chosen.pair, strategy)
        finally:
            self.busy = False
        return chosen.pair

    def standings(self, strategy: Strategy) -> list[schedule.Standing]:
        """Return how the models stand of the whitelist's pairs and of those with a position, as far
        as FreqAI has candles to train on; a pair that has none yet gets them when it is analysed.
        """
        drawer = self.model.dd
        listed = dict.fromkeys([*strategy.dp.current_whitelist(), *sorted(self.held)])
        entries = drawer.pair_dict
        return [
            schedule.Standing(
                pair,
                float(entries.get(pair, modelfiles.EMPTY)["trained_timestamp"]),
                self.diary.pairs[pair].retry_at if pair in self.diary.pairs else 0.0,
                pair in self.held,
            )
            for pair in listed
            if pair in drawer.historic_data
        ]

    def pending(self, strategy: Strategy) -> tuple[str, ...]:
        """Return the pairs whose fit does not wait for anything but its turn."""
        standings = self.standings(strategy)
        return schedule.pending(standings, self.diary.spent, self.clock(), self.pace, self.settings)

    def fit(self, pair: str, strategy: Strategy) -> bool:
        """Fit a pair's model and take it into use; tell whether that was done."""
        model, limits = self.model, self._limits()
        model.dd.get_pair_dict_info(pair)  # which makes an entry for a new pair
        before = dict(model.dd.pair_dict[pair])
        begun, fault = time.monotonic(), None
        model.train_timer("start")
        try:
            with self._limited(limits):
                self._train(pair, strategy)
        except Exception as error:
            fault = error
        model.train_timer("stop", pair)
        seconds = time.monotonic() - begun
        self.diary.spent.append(schedule.Spent(self.clock(), seconds))
        fresh = bool(model.dd.pair_dict[pair]["model_filename"] != before["model_filename"])
        if not fresh:
            # FreqAI has written down the time of a fit that came to nothing.
            model.dd.pair_dict[pair] = before
        if fresh:
            if fault is not None:
                logger.warning("%s: the model is in use; after it was saved: %s", pair, fault)
            self._note_success(pair, seconds, limits)
        elif not model._stop_event.is_set():
            self._note_failure(pair, fault, before)
        self._keep(pair)
        return fresh

    def _limits(self) -> apart.Limits:
        own = self.settings
        return apart.Limits(own.fit_seconds, own.memory_mb, own.nice, self.model._stop_event)

    def _limited(self, limits: apart.Limits) -> AbstractContextManager[Any]:
        return apart.limited(limits) if self.settings.own_process else nullcontext()

    def _train(self, pair: str, strategy: Strategy) -> None:
        from freqtrade.freqai.data_kitchen import FreqaiDataKitchen

        model = self.model
        dk = FreqaiDataKitchen(model.config, model.live, pair)
        # It gives a window only where it thinks that one is due, and there always is for 0.
        _, window, load = dk.check_if_new_training_required(0)
        dk.set_paths(pair, window.stopts)
        model.extract_data_and_train_model(window, pair, strategy, dk, load)

    def _note_success(self, pair: str, seconds: float, limits: apart.Limits) -> None:
        course = self.diary.of(pair)
        course.fitted_at, course.seconds = self.clock(), seconds
        course.peak_mb, course.failures, course.retry_at = limits.peak_mb, 0, 0.0
        logger.info(
            "%s: the model was trained in %.1f s%s",
            pair,
            seconds,
            f", {limits.peak_mb:.0f} MB in its own process" if limits.calls else "",
        )

    def _note_failure(self, pair: str, fault: Exception | None, before: dict[str, Any]) -> None:
        course, now = self.diary.of(pair), self.clock()
        course.failures += 1
        course.failed_at = now
        course.reason = _words(fault)
        course.retry_at = schedule.retry_at(now, course.failures, self.pace, self.settings)
        if fault is not None and not isinstance(fault, FreqpilotError):
            logger.error("Training %s failed", pair, exc_info=fault)
        alerts.record_later(
            "training failed",
            f"{pair}: training failed ({course.reason}); {self._outlook(before)}; open trades keep "
            f"their stops and exits. The next try is at {_at(course.retry_at)} UTC",
            pair=pair,
            failures=course.failures,
        )

    def _outlook(self, entry: dict[str, Any]) -> str:
        trained = float(entry["trained_timestamp"])
        if not entry["model_filename"]:
            return "there is no other model, so this pair has no entries by it"
        if self.pace.expires <= 0:
            return f"the model of {_at(trained)} UTC stays in use"
        expires = trained + self.pace.expires
        if expires <= self.clock():
            return f"the model of {_at(trained)} UTC has expired, so there are no entries by it"
        return f"the model of {_at(trained)} UTC stays in use until {_at(expires)} UTC"

    def _keep(self, pair: str) -> None:
        """Write down what was done; a full disk ends no service."""
        model = self.model
        queue = model.train_queue
        if pair in queue:
            queue.remove(pair)
        queue.append(pair)
        self.diary.forget(self.clock())
        for save in (
            lambda: self.diary.save(model.dd.full_path),
            model.dd.save_historic_predictions_to_disk,
            *self._metrics(),
        ):
            try:
                save()
            except Exception as error:
                logger.warning("What FreqAI keeps could not be written: %s", error)

    def _metrics(self) -> Iterator[Callable[[], None]]:
        if self.model.freqai_info.get("write_metrics_to_disk", False):
            yield self.model.dd.save_metric_tracker_to_disk

    def look(self, pair: str, held: frozenset[str]) -> None:
        """Take note of the pairs with a position, and tell once that a model has expired."""
        self.held = held
        trained = self.model.dd.get_pair_dict_info(pair)[1]
        if not trained or self.pace.expires <= 0:
            return
        if self.clock() - trained <= self.pace.expires:
            self._expired.discard(pair)
        elif pair not in self._expired:
            self._expired.add(pair)
            hours = self.pace.expires / schedule.HOUR
            alerts.record_later(
                "model expired",
                f"{pair}: the model of {_at(trained)} UTC is older than {hours:g} hours "
                "(expiration_hours): no entries by it until it is trained anew; open trades keep "
                "their stops and exits. `freqpilot models` tells why it was not",
                pair=pair,
            )


def service_of(model: AiModel) -> Service | None:
    """Return the service of a FreqAI model that trains live, or None."""
    found: Service | None = getattr(model, SERVICE, None)
    return found


def _words(fault: Exception | None) -> str:
    if fault is None:
        return "no model came of it"
    if isinstance(fault, FreqpilotError):
        return str(fault)
    return f"{type(fault).__name__}: {fault}"[:300]


def _at(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


def _make_start_scanning(original: Callable[..., Any]) -> Callable[..., Any]:
    def start_scanning(self: AiModel, *arguments: object, **named: object) -> None:
        if Settings.from_config(self.config).models.training.enabled:
            setattr(self, SERVICE, Service(self))
        original(self, *arguments, **named)

    return start_scanning


def _make_scan(original: Callable[..., Any]) -> Callable[..., Any]:
    def _start_scanning(self: AiModel, strategy: Strategy) -> None:
        service = service_of(self)
        if service is None:
            original(self, strategy)
        else:
            service.run(strategy)

    return _start_scanning


def _make_start(original: Callable[..., Any]) -> Callable[..., Any]:
    def start(
        self: AiModel, dataframe: pd.DataFrame, metadata: dict[str, str], strategy: Strategy
    ) -> Any:
        found = original(self, dataframe, metadata, strategy)
        if (service := service_of(self)) is not None:
            service.look(metadata["pair"], _held())
        return found

    return start


def _held() -> frozenset[str]:
    from freqtrade.persistence import Trade

    return frozenset(trade.pair for trade in Trade.get_open_trades())


MODEL = "freqtrade.freqai.freqai_interface:IFreqaiModel"
KITCHEN = "freqtrade.freqai.data_kitchen:FreqaiDataKitchen"
WINDOW = ["new_trained_timerange", "pair", "strategy", "dk", "data_load_timerange"]
SEAMS = (
    Seam(
        "freqai.training",
        "train live by a schedule and within limits, and keep the last good model",
        until="FreqAI has a schedule, an end and a limit for each fit",
        places=(
            Place(f"{MODEL}.start_scanning", make=_make_start_scanning),
            Place(f"{MODEL}._start_scanning", ["strategy"], _make_scan),
            Place(f"{MODEL}.start", ["dataframe", "metadata", "strategy"], _make_start),
            Place(f"{MODEL}.extract_data_and_train_model", WINDOW),
            Place(f"{KITCHEN}.check_if_new_training_required", ["trained_timestamp"]),
            Place(f"{KITCHEN}.set_paths", ["pair", "trained_timestamp"]),
            Place("freqtrade.data.dataprovider:DataProvider.current_whitelist"),
            Place("freqtrade.persistence:Trade.get_open_trades"),
        ),
    ),
)
