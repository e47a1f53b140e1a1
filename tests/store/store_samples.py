"""Records that the tests of the store keep."""

from datetime import UTC, datetime

from freqpilot.shapes import OrderIntent

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
