"""Holds the virtual clock while FreqAI trains.

FreqAI trains in a thread, in real time. On a virtual clock days would pass before its first model;
so the clock waits until no pair is due, which is what a fast enough machine would show.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from freqpilot.host.freqai.training.service import Service, service_of

logger = logging.getLogger(__name__)

PATIENCE = 300.0
"""Seconds of real time to wait for one round of training. A failing model is noticed before."""


class TrainingWait:
    """Waits for the pairs that are due; a pair that was waited for in vain is not waited for
    again, so that one broken model cannot stop the clock."""

    def __init__(self, sleep: Callable[[float], bool], patience: float = PATIENCE) -> None:
        """
        :param sleep: sleeps so many real seconds, returns true when the rehearsal is to stop.
        """
        self._sleep, self._patience = sleep, patience
        self._given_up: set[str] = set()

    def __call__(self, bot: Any) -> bool:
        """Wait while a pair of ``bot`` (a FreqtradeBot) is due; returns true when told to stop."""
        model = getattr(bot.strategy, "freqai", None)
        enabled = bot.config.get("freqai", {}).get("enabled")
        if model is None or not enabled or not hasattr(model, "train_queue"):
            return False
        deadline = time.monotonic() + self._patience
        if (service := service_of(model)) is not None:
            return self._serve(bot, service, deadline)
        tried: set[str] = set()
        while due := self._due(bot, model):
            head = model.train_queue[0]
            # FreqAI trains the head and then moves it to the end: who was there and is still due
            # has failed.
            failed = due if time.monotonic() > deadline else (tried - {head}) & due
            if failed:
                self._given_up |= failed
                logger.warning("No model for %s; the clock goes on", ", ".join(sorted(failed)))
                continue
            tried.add(head)
            if self._sleep(0.1):
                return True
        return False

    def _serve(self, bot: Any, service: Service, deadline: float) -> bool:
        """Wait until the training service has nothing more to do at this time: it sees to it
        itself that a model that fails is left alone for a while."""
        while service.busy or (set(service.pending(bot.strategy)) - self._given_up):
            if time.monotonic() > deadline:
                self._given_up |= (late := set(service.pending(bot.strategy)))
                logger.warning("No model for %s; the clock goes on", ", ".join(sorted(late)))
                return False
            if self._sleep(0.1):
                return True
        return False

    def _due(self, bot: Any, model: Any) -> set[str]:
        hours = bot.config["freqai"].get("live_retrain_hours", 0)
        due = set()
        for pair in set(model.train_queue) - self._given_up:
            trained = model.dd.get_pair_dict_info(pair)[1]
            # live_retrain_hours 0 trains without end: then only the first model is waited for.
            old = hours > 0 and (time.time() - trained) / 3600 > hours
            if trained == 0 or old:
                due.add(pair)
        return due & set(bot.active_pair_whitelist)
