"""What the supervisor changed of a strategy's orders: which it cut and which it refused, by rule
and entry tag, each once a pair, rule and candle, as Freqtrade asks again in each loop; and which
positions it left.

What is kept is bounded by the rules, tags and pairs there are, however long a run lasts.
"""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from freqpilot.host.candles.timeframe import seconds
from freqpilot.host.run.run import INTERVENTIONS, Run
from freqpilot.shapes import OrderRequest

Kind = Literal["cut", "refused", "reported", "closed"]
"""What was done; ``reported`` stands for a limit that neither cuts nor refuses, by choice, and
``closed`` for a position that was left, whole or in part."""
WATCHED: dict[str, str] = {"cut": "would cut", "refused": "would refuse", "closed": "would close"}
"""What is said of them where the supervisor only watches."""

TAGS = 200
"""Most tags that are told apart; a strategy may write a figure into each of its tags."""
OTHER_TAGS = "(other tags)"


@dataclass
class _Line:
    """Orders of one kind, rule and tag: how many, of which pairs, and their stakes summed up."""

    orders: int = 0
    pairs: set[str] = field(default_factory=set)
    asked: float = 0.0
    allowed: float = 0.0


class Interventions:
    """Counts what a run's supervisor cut and refused; any thread may call it."""

    def __init__(self, run: Run) -> None:
        self._lock = threading.Lock()
        self._words = WATCHED if run.settings.risk.watches else {}
        self._step = 0
        self._seen: dict[tuple[Kind, str, str, str], int] = {}
        self._tags: set[str] = set()
        self._lines: dict[tuple[Kind, str, str], _Line] = {}
        self._saved: int | None = None
        self._since: datetime | None = None

    def begin(self, timeframe: str) -> None:
        """Count an order once a candle of this timeframe from now on."""
        with self._lock:
            self._step = seconds(timeframe)

    def candle(self, time: datetime) -> datetime:
        """Return when the candle opened that a time is in."""
        step = max(1, self._step)
        return datetime.fromtimestamp(int(time.timestamp()) // step * step, UTC)

    def note(self, kind: Kind, rule: str, order: OrderRequest, allowed: float) -> datetime | None:
        """Count an order, and return when its candle opened; None where it was counted in it
        already.

        :param allowed: the stake that is left of it, in stake currency.
        """
        step = max(1, self._step)
        candle = int(order.time.timestamp()) // step
        with self._lock:
            about = (kind, rule, order.pair, order.purpose)
            if self._seen.get(about) == candle:
                return None
            self._seen[about] = candle
            line = self._lines.setdefault((kind, rule, self._tag(order.tag)), _Line())
            line.orders += 1
            line.pairs.add(order.pair)
            line.asked += order.stake
            line.allowed += allowed
        return datetime.fromtimestamp(candle * step, UTC)

    def _tag(self, tag: str | None) -> str:
        name = tag or ""
        if name in self._tags or len(self._tags) < TAGS:
            self._tags.add(name)
            return name
        return OTHER_TAGS

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each kind, rule and tag, most orders first: ``orders`` and ``pairs`` as
        numbers, ``asked`` and ``allowed`` as mean stakes."""
        with self._lock:
            found = [
                {
                    "kind": self._words.get(kind, kind),
                    "rule": rule,
                    "tag": tag,
                    "orders": line.orders,
                    "pairs": len(line.pairs),
                    "asked": line.asked / line.orders,
                    "allowed": line.allowed / line.orders,
                }
                for (kind, rule, tag), line in self._lines.items()
            ]
        return sorted(found, key=lambda row: (-int(str(row["orders"])), *map(str, row.values())))

    def save(self, run: Run, now: datetime) -> None:
        """Keep the rows in the store for ``freqpilot refusals``, where they have changed; none at
        first, in place of those of the start before.

        :raises SQLAlchemyError: when the store fails.
        """
        rows = self.rows()
        orders = sum(int(row["orders"]) for row in rows)
        self._since = self._since or now
        if orders != self._saved:
            told = {"since": self._since.isoformat(), "rows": rows}
            run.store.save_state(f"{run.key}{INTERVENTIONS}", told, now)
            self._saved = orders


def table(rows: list[dict[str, Any]], title: str) -> Any:
    """Return the rows as a table of rich's."""
    from rich.table import Table

    out = Table(title=title, title_justify="left")
    for name in ("Freqpilot", "by rule", "entry tag"):
        out.add_column(name)
    for name in ("orders", "pairs", "mean stake asked", "mean stake allowed"):
        out.add_column(name, justify="right")
    for row in rows:
        stakes = (f"{row['asked']:,.2f}", f"{row['allowed']:,.2f}")
        numbers = (f"{row['orders']:,}", f"{row['pairs']:,}")
        out.add_row(str(row["kind"]), str(row["rule"]), str(row["tag"]), *numbers, *stakes)
    return out
