"""How much the supervisor may do to a strategy's orders: said at each start, and a change of it is
an event, as it is a person's act."""

import logging
from datetime import datetime

from freqpilot.host.alerts import events as alerts
from freqpilot.host.run.run import PROFILE, Run

logger = logging.getLogger(__name__)

ABOUT = {
    "watch": "it judges every order, reports, and changes none",
    "guard": "it cuts and refuses by the limits of its layer, and reports how the book is spread",
    "full": "it cuts, refuses and closes by all limits",
}


def announce(run: Run, now: datetime) -> None:
    """Log the profile, and keep an event where it is another than at the last start. It never
    raises."""
    profile = run.settings.risk.profile
    logger.info("Freqpilot's profile is %s: %s", profile, ABOUT[profile])
    if not run.writes:
        return
    try:
        key = f"{run.key}{PROFILE}"
        former = (run.store.load_state(key) or {}).get("profile")
        if former == profile:
            return
        run.store.save_state(key, {"profile": profile}, now)
        if former is not None:
            text = f"the profile was changed from {former} to {profile}: {ABOUT[profile]}"
            alerts.record(run, "profile", "WARNING", text, time=now)
    except Exception as error:
        logger.warning("Whether the profile was changed could not be told: %s", error)
