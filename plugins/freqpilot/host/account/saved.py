"""What a person asks of, and does to, a ledger that a bot has saved: look at it, release it."""

from datetime import datetime
from typing import Any

from freqpilot.host.run.run import BLOCKED, BOOK, INTERVENTIONS, LEDGER_KEYS, OPEN_RISK, SEEN
from freqpilot.risk.account import ledger, releases
from freqpilot.risk.account.responses import streak_phase
from freqpilot.risk.entries.targets import no_edge_in
from freqpilot.settings import RiskSettings
from freqpilot.store import open_store


def saved_states(url: str) -> dict[str, ledger.Ledger]:
    """Return the ledgers that the store at ``url`` holds, by their key, as last observed."""
    store = open_store(url)
    found: dict[str, ledger.Ledger] = {}
    for key in LEDGER_KEYS.values():
        saved, seen = store.load_state(key), store.load_state(f"{key}{SEEN}") or {}
        if saved:
            last: dict[str, Any] = {
                name: seen[name] for name in ("stamp", "equity", "usd") if name in seen
            }
            found[key] = ledger.Ledger.from_dict({**saved, **last})
    store.close()
    return found


def saved_blindness(url: str) -> dict[str, dict[str, Any]]:
    """Return since when and why a bot is blind, by ledger key, for those that are."""
    store = open_store(url)
    seen = {key: store.load_state(f"{key}{SEEN}") for key in LEDGER_KEYS.values()}
    store.close()
    return {key: each["blind"] for key, each in seen.items() if each and each.get("blind")}


def saved_books(url: str) -> dict[str, dict[str, Any]]:
    """Return the books' figures that a bot has kept in the store at ``url``, by ledger key."""
    store = open_store(url)
    found = {key: store.load_state(f"{key}{BOOK}") for key in LEDGER_KEYS.values()}
    store.close()
    return {key: saved for key, saved in found.items() if saved}


def saved_open_risk(url: str) -> dict[str, dict[str, Any]]:
    """Return what open trades can still lose, as bots have kept it, by ledger key."""
    store = open_store(url)
    found = {key: store.load_state(f"{key}{OPEN_RISK}") for key in LEDGER_KEYS.values()}
    store.close()
    return {key: saved for key, saved in found.items() if saved}


def saved_interventions(url: str) -> dict[str, dict[str, Any]]:
    """Return what bots have cut and refused since their last start, by ledger key."""
    store = open_store(url)
    found = {key: store.load_state(f"{key}{INTERVENTIONS}") for key in LEDGER_KEYS.values()}
    store.close()
    return {key: saved for key, saved in found.items() if saved}


def release(url: str, time: datetime, risk: RiskSettings | None = None) -> list[str]:
    """Release the latches that are kept in the store at ``url``, as a person's act.

    A running bot sees it at its next loop.

    :param risk: where its sizing stakes nothing for lack of an edge, the record's edge is counted
        anew; where a losing streak has come to one of its phases, so is the streak.
    :returns: the reasons of what was released.
    """
    store = open_store(url)
    released: list[str] = []
    for key in LEDGER_KEYS.values():
        if blocked := store.load_state(f"{key}{BLOCKED}"):
            store.save_state(f"{key}{BLOCKED}", {}, time)
            store.add_event(time, "release", "CRITICAL", blocked["reason"])
            released.append(f"{key}: {blocked['reason']}")
        saved = store.load_state(key)
        state = ledger.Ledger.from_dict(saved) if saved else ledger.Ledger.empty()
        reason = state.halted or ("entries wait for a person" if state.wait_until else None)
        none = no_edge_in(state.record.edge(), risk.sizing) if risk else None
        streak = _streak(state, time, risk) if risk and not state.halted else None
        if not reason and not none and not streak:
            continue
        state = releases.release(state, time) if reason else state
        state = releases.reviewed(state) if streak else state
        state = releases.retry(state) if none else state
        reason = "; ".join(filter(None, (reason, streak, none)))
        store.save_state(key, state.to_dict(), time)
        store.add_event(time, "release", "CRITICAL", reason, {"equity": state.equity})
        released.append(f"{key}: {reason}")
    store.close()
    return released


def _streak(state: ledger.Ledger, time: datetime, risk: RiskSettings) -> str | None:
    """Return which phase a losing streak has come to, in words; None without one."""
    phase = streak_phase(state.record, time, risk)
    if phase is None:
        return None
    return (
        f"a losing streak ({state.record.losses_in_a_row} in a row: sizes were {phase.factor:.0%}, "
        f"an entry needed a composite of {phase.threshold:g})"
    )
