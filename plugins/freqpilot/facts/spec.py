"""How a strategy or pairlist names a metric: ``[source/]metric[@asset]`` (pure)."""

import re
from dataclasses import dataclass

MARKET = "*"
"""The asset of facts about no single coin, as the Fear & Greed index."""
_FORM = re.compile(r"^(?:([^/@\s]+)/)?([^/@\s]+)(?:@([^/@\s]+))?$")


@dataclass(frozen=True)
class Metric:
    """A metric of a source (None: of whichever has it) for an asset (None: the pair's coin)."""

    name: str
    source: str | None = None
    asset: str | None = None

    @property
    def column(self) -> str:
        """The name of its column: the metric, and the asset where a coin is named."""
        return self.name if self.asset in (None, MARKET) else f"{self.name}_{self.asset}"


def parse(text: str) -> Metric:
    """Read ``coinmetrics/FlowInExNtv``, ``fear_greed@*`` or ``MVRV@BTC``.

    :raises ValueError: for anything else.
    """
    found = _FORM.match(text)
    if found is None:
        raise ValueError(
            f"{text!r} names no metric; write it as metric, source/metric, metric@ASSET or metric@*"
        )
    source, name, asset = found.groups()
    return Metric(name, source, asset and asset.upper())
