"""Records that the tests of the store keep."""

from datetime import UTC, datetime

from freqpilot.shapes import OrderIntent
from freqpilot.store import ShadowOrder

NOW = datetime(2024, 3, 6, 12, tzinfo=UTC)
INTENT = OrderIntent(
    client_id="fq-3f9a12c4-n1-entry-1",
    pair="BTC/USDT",
    side="buy",
    purpose="entry",
    trade=None,
    kind="limit",
    amount=0.01501,
    rate=65_000.12,
    stop=None,
    leverage=1.0,
    tag="trend",
    time=NOW,
)
SHADOW = ShadowOrder(
    ledger="ledger dry run",
    kind="refused",
    pair="BTC/USDT",
    purpose="entry",
    rule="max_position",
    candle=NOW,
    time=NOW,
    side="long",
    tag="dip",
    rate=50_000.0,
    leverage=1.0,
    stake=300.0,
    allowed=0.0,
    reason="the position would be 30% of equity",
)
