"""What the supervisor says of an order, and what it keeps of its answers.

One ledger and one set of limits, asked by both gates and by strategies.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from freqpilot.errors import NoEntry
from freqpilot.host.account.interventions import Interventions, Kind
from freqpilot.host.account.refusals import Refusals
from freqpilot.host.account.shadows import Shadows
from freqpilot.host.alerts import events as alerts
from freqpilot.host.run.current import current, has_begun
from freqpilot.host.run.decisionlog import DECISIONS
from freqpilot.host.run.run import Run
from freqpilot.risk.account import ledger
from freqpilot.risk.entries import limits
from freqpilot.shapes import (
    Book,
    Cut,
    OrderRequest,
    Position,
    RiskVerdict,
)
from freqpilot.store.plain import alert_key

logger = logging.getLogger(__name__)
decisions = logging.getLogger(DECISIONS)


def account_book(run: Run, positions: Sequence[Position] = ()) -> Book | None:
    """Return the account as the ledger last saw it, with the given open positions.

    :raises NoEntry: while it is not known what other bots have open.
    """
    if run.state.stamp is None:
        return None
    if run.others is None:
        raise NoEntry("what other bots have open could not be read from freqpilot.store.shared")
    if run.account is None or run.account[0] is not run.state:
        response = run.state.response(run.state.stamp, run.settings.risk)
        run.account = run.state, run.state.book((), response)
    found = run.account[1]
    return found and replace(
        found, positions=tuple(positions), others=run.others, exchange=run.exchange
    )


def ask(
    run: Run,
    order: OrderRequest,
    positions: Sequence[Position],
    *further: Callable[[], RiskVerdict],
) -> RiskVerdict:
    """Judge an order that raises risk and count the verdict. A refusal is written down when it
    changes: the first of its rule since the pair was last allowed, or since the day began.

    :param further: judge in turn what the limits allow, where there is more to ask.
    """
    if not run.settings.supervisor:
        return RiskVerdict(allowed=True, stake=order.stake, leverage=order.leverage)
    known = account_book(run, positions)
    if known is None:
        veto = "the account has not been observed yet"
        verdict = RiskVerdict(False, 0.0, cuts=(Cut("ledger", 0.0),), veto=veto)
    else:
        verdict = limits.judge(_as_cut(run, order, known), known, run.settings.risk)
    for judge in further:
        if verdict.allowed:
            verdict = judge()
    if known is not None:
        for cut in limits.reported(order, known, run.settings.risk):
            note_reported(run, order, cut)
    if verdict.allowed:
        run.counters.count("orders_allowed")
        run.part(Refusals).forget(order.pair)
        return verdict
    refuse(run, order, verdict)
    return watched(run, order) or verdict


def _as_cut(run: Run, order: OrderRequest, known: Book) -> OrderRequest:
    """Return an order as it would have come, had it been cut, where the supervisor only watches."""
    risk = run.settings.risk
    if not risk.watches or risk.oversized == "refuse":
        return order
    fitted = limits.fit(order, known, risk)
    return replace(order, stake=fitted.stake) if fitted.allowed else order


def watched(run: Run, order: OrderRequest) -> RiskVerdict | None:
    """Return the verdict that lets an order through where the supervisor only watches."""
    if not run.settings.risk.watches:
        return None
    return RiskVerdict(allowed=True, stake=order.stake, leverage=order.leverage)


def refuse(run: Run, order: OrderRequest, verdict: RiskVerdict) -> None:
    """Count a refused order, and write it down when it changes."""
    rule = verdict.cuts[-1].rule if verdict.cuts else "unnamed"
    run.counters.veto(rule)
    _note(run, "refused", rule, order, 0.0, verdict.veto or "")
    if run.live and run.part(Refusals).is_new(order.pair, f"{order.purpose} {rule}", order.time):
        about = {"pair": order.pair, "purpose": order.purpose, "rule": rule}
        verb = "would refuse (watch)" if run.settings.risk.watches else "refused"
        text = f"{verb} {order.purpose} {order.pair}: {verdict.veto}"
        alerts.record(run, "veto", "WARNING", text, about, time=order.time)
        decisions.info("veto", extra={"decision": {"pair": order.pair, "veto": verdict.veto}})


def note_cut(run: Run, order: OrderRequest, cut: Cut, reason: str) -> str:
    """Count an order whose stake was cut, write it down when it changes, and return the sentence.

    :param cut: the rule, and the stake that is left.
    :param reason: why the stake that was asked for passes the rule.
    """
    run.counters.cut(cut.rule)
    _note(run, "cut", cut.rule, order, cut.stake, reason)
    verb = "would cut (watch)" if run.settings.risk.watches else "cut"
    text = (
        f"{verb} the stake of {order.purpose} {order.pair} from {order.stake:.2f} to "
        f"{cut.stake:.2f}: {reason}"
    )
    if run.live and run.part(Refusals).is_new(order.pair, f"cut {cut.rule}", order.time):
        about = {"pair": order.pair, "purpose": order.purpose, "rule": cut.rule}
        alerts.record(run, "cut", "INFO", text, about, time=order.time)
    return text


def note_reported(run: Run, order: OrderRequest, cut: Cut) -> None:
    """Count an order that a limit which is only reported would have cut or refused.

    :param cut: the rule, and the stake that it would have left.
    """
    allowed = min(order.stake, cut.stake)
    words = f"would be {'cut' if allowed > 0 else 'refused'}; the limit is only reported"
    _note(run, "reported", cut.rule, order, allowed, words)


def _note(
    run: Run, kind: Kind, rule: str, order: OrderRequest, allowed: float, reason: str
) -> None:
    """Count an order, and keep it as a shadow order where it is the first of its candle.

    :param allowed: the stake that is left of it, in stake currency.
    """
    candle = run.part(Interventions).note(kind, rule, order, allowed)
    if candle is not None:
        run.part(Shadows).note(kind, rule, order, allowed, reason, candle)


def closes(run: Run, profit: float) -> bool:
    """Tell whether a halt closes a position whose open profit is ``profit`` (a fraction of its
    stake): all but what is deep in profit.

    :raises NoEntry: when no run has begun.
    """
    if not run.settings.supervisor or run.state.halted is None:
        return False
    if run.state.cause not in ledger.CLOSING or run.settings.risk.watches:
        return False
    return not profit >= run.settings.risk.deep_profit


def facts(run: Run) -> dict[str, Any]:
    """Return what a report tells of the current run: releases by the simulated operator and their
    causes, a halt that still holds, vetoes and cuts by rule."""
    stamp = run.state.stamp
    nothing: dict[str, Any] = {"vetoes": {}, "cuts": {}, "counts": {}}
    figures = run.counters.snapshot(stamp) if stamp else nothing
    return {
        "supervisor": run.settings.supervisor,
        "profile": run.settings.risk.profile,
        "releases": run.state.releases,
        "released": dict(run.released),
        "halted": run.state.halted,
        "vetoes": figures["vetoes"],
        "cuts": figures["cuts"],
        "interventions": run.part(Interventions).rows(),
        "counts": figures["counts"],
    }


def count_gate_error(error: Exception) -> str:
    """Count a fault of the gate itself and return the reason for the refusal."""
    done = "refuses the order"
    if has_begun():
        run = current()
        run.counters.count("gate_errors")
        done = "lets the order through (watch)" if run.settings.risk.watches else done
    logger.error("The order gate failed and %s: %s", done, error, exc_info=error)
    return f"the order gate failed ({type(error).__name__}: {error})"


def count_wait(refusal: NoEntry, order: OrderRequest) -> str:
    """Count an entry that has to wait and return the reason. Where the supervisor only watches, the
    caller lets it through."""
    verb = "refused"
    if has_begun():
        run = current()
        run.counters.veto("wait")
        _note(run, "refused", "wait", order, 0.0, str(refusal))
        verb = "would be refused (watch)" if run.settings.risk.watches else verb
    logger.warning("Entry %s: %s", verb, refusal)
    return str(refusal)


def note_unsized(run: Run, time: datetime, pair: str, candle: datetime, reason: str) -> bool:
    """Count why a live entry gets no stake, once a pair and candle, as the loop asks again; write
    it down when it changes, its figures apart. Tell whether it is the first of its candle."""
    if run.unsized.get(pair) == candle:
        return False
    run.unsized[pair] = candle
    run.counters.veto("no stake")
    if run.part(Refusals).is_new(pair, alert_key("no entry", "INFO", reason, {}), time):
        alerts.record(run, "no entry", "INFO", reason, {"pair": pair}, time=time)
    return True


def note_unproposed(run: Run, order: OrderRequest, rule: str, reason: str) -> None:
    """Keep an entry of a strategy that the supervisor sizes, and that got no stake, as a shadow
    order: it never comes to the gate. Its stake is not known."""
    candle = run.part(Interventions).candle(order.time)
    run.part(Shadows).note("refused", rule, order, 0.0, reason, candle)


def claim(run: Run, pair: str, candle: datetime) -> bool:
    """Claim a pair's one discretionary entry of a candle: the decision clock.

    Live, Freqtrade would enter again within the candle whose trade was just stopped out; the
    backtest cannot. True only for the first claim of the candle.
    """
    if run.claimed.get(pair) == candle:
        return False
    run.claimed[pair] = candle
    return True
