"""All pages of a position's funding, and what stands in for an answer that fails."""

from typing import Any, ClassVar

import ccxt
import pytest

from freqpilot.host.account import funding

PAIR = "SOL/USDT:USDT"
HOUR = 3_600_000
PAGE = 1000


class Api:
    """An exchange with payments every hour, that answers with a page of them."""

    id = "binance"
    has: ClassVar[dict[str, bool]] = {"fetchFundingHistory": True}

    def __init__(self, payments: int) -> None:
        self.payments = payments
        self.asked: list[tuple[int | None, int | None]] = []
        self.fault: Exception | None = None

    def fetch_funding_history(
        self, symbol: str | None, since: int | None, limit: int | None, params: dict[str, Any]
    ) -> list[Any]:
        self.asked.append((since, limit))
        if self.fault is not None:
            raise self.fault
        rows = [
            {"id": str(number), "timestamp": number * HOUR, "amount": -1.0}
            for number in range(self.payments)
            if number * HOUR >= (since or 0)
        ]
        return rows[: limit or 100]


def api(payments: int) -> Any:
    made = Api(payments)
    funding.install(made)
    funding.install(made)
    return made


@pytest.mark.parametrize(
    ("payments", "calls"), [(0, 1), (3, 1), (PAGE - 1, 1), (PAGE, 2), (PAGE + 1, 2), (2500, 3)]
)
def test_all_pages_are_put_together(payments: int, calls: int) -> None:
    made = api(payments)
    rows = made.fetch_funding_history(symbol=PAIR, since=0)
    assert [int(row["id"]) for row in rows] == list(range(payments))
    assert len(made.asked) == calls


def test_payments_of_one_moment_end_the_pages() -> None:
    made = Api(0)
    same = [{"id": str(number), "timestamp": HOUR, "amount": 1.0} for number in range(PAGE)]
    made.fetch_funding_history = lambda *_: same  # type: ignore[method-assign]
    funding.install(made)
    assert made.fetch_funding_history(PAIR, 0) == same  # type: ignore[call-arg]


@pytest.mark.parametrize("name", ["okx", "kraken"])
def test_elsewhere_the_exchange_s_own_page_is_asked_for(name: str) -> None:
    made = api(500)
    made.id = name
    assert len(made.fetch_funding_history(PAIR, 0)) == 100
    assert made.asked == [(0, None)]


def test_another_question_passes() -> None:
    made = Api(500)
    funding.install(made)
    ask: Any = made.fetch_funding_history
    for asked in ((None, 0, None, None), (PAIR, None, None, None), (PAIR, 0, 7, None)):
        ask(*asked)
    assert made.asked == [(0, None), (None, None), (0, 7)]


def test_the_last_answer_stands_in_for_one_that_fails() -> None:
    made = api(5)
    before = made.fetch_funding_history(PAIR, 0)
    made.fault = ccxt.ExchangeNotAvailable("503")
    assert made.fetch_funding_history(PAIR, 0) == before
    with pytest.raises(ccxt.ExchangeNotAvailable):
        made.fetch_funding_history(PAIR, HOUR)
    made.fault = None
    assert len(made.fetch_funding_history(PAIR, HOUR)) == 4


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(funding, "KEPT", 2)
    made = api(5)
    for since in range(3):
        made.fetch_funding_history(PAIR, since)
    made.fault = ccxt.ExchangeNotAvailable("503")
    for since, known in ((0, False), (1, True), (2, True)):
        if known:
            assert made.fetch_funding_history(PAIR, since)
        else:
            with pytest.raises(ccxt.ExchangeNotAvailable):
                made.fetch_funding_history(PAIR, since)


def test_an_exchange_without_funding_is_left_alone() -> None:
    made = Api(5)
    made.has = {}  # type: ignore[misc]
    before = made.fetch_funding_history
    funding.install(made)
    assert made.fetch_funding_history == before
