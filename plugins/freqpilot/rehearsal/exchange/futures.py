"""The stand-in exchange for live mode on USD-M futures: the signed routes that Freqtrade asks."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar

from freqpilot.rehearsal.clock import Clock
from freqpilot.rehearsal.exchange.live import LiveExchange, Observer, Params, Private, Refusals
from freqpilot.rehearsal.faults.playing import IncidentPlayer
from freqpilot.rehearsal.faults.requests import Fault, FaultPlan
from freqpilot.rehearsal.market.quotes import BadRequest
from freqpilot.rehearsal.venue import futures_private, perpetuals, private
from freqpilot.rehearsal.venue.futures import FuturesVenue
from freqpilot.rehearsal.venue.spot import Ticket

FUTURE = "/fapi/v1"
NOT_IN_V3 = ("leverage", "marginType", "isolated")
"""What positionRisk v3 does not tell any more."""


class FuturesExchange(LiveExchange):
    """Serves perpetuals and one futures account."""

    orders: ClassVar[tuple[tuple[str, str], ...]] = (
        ("POST", f"{FUTURE}/order"),
        ("POST", f"{FUTURE}/algoOrder"),
    )
    heavy: ClassVar[Mapping[str, int]] = {
        f"{FUTURE}/positionSide/dual": 30,
        f"{FUTURE}/income": 30,
        f"{FUTURE}/commissionRate": 20,
        f"{FUTURE}/allOrders": 5,
        f"{FUTURE}/userTrades": 5,
    }
    refusals: ClassVar[Refusals] = {
        Fault.REJECT: {
            "before": (-2019, "Margin is insufficient."),
            "after": (-1111, "Precision is over the maximum defined for this asset."),
        },
        Fault.STOP: {
            "before": (-2021, "Order would immediately trigger."),
            "after": (
                -4131,
                "The counterparty's best price does not meet the PERCENT_PRICE filter limit.",
            ),
        },
    }

    def __init__(
        self,
        venue: FuturesVenue,
        clock: Clock,
        faults: FaultPlan | None = None,
        kill: Callable[[], None] = lambda: None,
        watchman: Observer | None = None,
        player: IncidentPlayer | None = None,
        port: int = 0,
    ) -> None:
        """See :class:`LiveExchange`."""
        self.account = venue
        super().__init__(
            venue.tape,
            clock,
            venue,
            faults,
            kill,
            watchman,
            player,
            port,
            futures=True,
        )
        self.funding = venue.funding

    def _signed_routes(self) -> dict[tuple[str, str], Private]:
        return {
            ("POST", f"{FUTURE}/order"): self._new_order,
            ("DELETE", f"{FUTURE}/order"): self._cancel,
            ("POST", f"{FUTURE}/algoOrder"): self._new_order,
            ("DELETE", f"{FUTURE}/algoOrder"): self._cancel_algo,
            ("POST", f"{FUTURE}/leverage"): self._set_leverage,
            ("POST", f"{FUTURE}/marginType"): self._set_margin_type,
            **{("GET", path): self._seen(answer) for path, answer in self._looks().items()},
        }

    def _looks(self) -> dict[str, Private]:
        """Return what is answered without changing anything."""
        venue, shapes = self.account, futures_private
        looks: dict[str, Private] = {
            f"{FUTURE}/order": lambda params, _: shapes.order_json(private.found(venue, params)),
            f"{FUTURE}/openOrders": lambda params, _: [
                shapes.order_json(order)
                for order in venue.open_orders(params.get("symbol"))
                if venue.listed(order)
            ],
            f"{FUTURE}/allOrders": lambda params, _: shapes.orders_json(venue, params),
            f"{FUTURE}/algoOrder": lambda params, _: shapes.algo_json(
                shapes.found_algo(venue, params)
            ),
            f"{FUTURE}/openAlgoOrders": lambda params, _: [
                shapes.algo_json(algo)
                for algo in venue.open_algos(params.get("symbol"))
                if venue.listed(algo)
            ],
            f"{FUTURE}/allAlgoOrders": lambda params, _: shapes.algos_json(venue, params),
            f"{FUTURE}/userTrades": lambda params, _: shapes.trades_json(venue, params),
            f"{FUTURE}/income": lambda params, _: shapes.income_json(venue, params),
            f"{FUTURE}/positionSide/dual": lambda _, __: {"dualSidePosition": False},
            f"{FUTURE}/multiAssetsMargin": lambda _, __: {"multiAssetsMargin": False},
            f"{FUTURE}/accountConfig": lambda _, __: {"feeTier": 0, "canTrade": True},
            f"{FUTURE}/commissionRate": lambda params, _: {
                "symbol": private.need(params, "symbol"),
                "makerCommissionRate": str(venue.maker),
                "takerCommissionRate": str(venue.fee),
            },
            f"{FUTURE}/leverageBracket": self._brackets,
        }
        for version in ("v2", "v3"):
            looks[f"/fapi/{version}/account"] = lambda _, now: shapes.account(venue, now)
            looks[f"/fapi/{version}/balance"] = lambda _, now: shapes.balances_json(venue, now)
        looks["/fapi/v2/positionRisk"] = self._positions
        looks["/fapi/v3/positionRisk"] = lambda params, now: [
            {name: value for name, value in row.items() if name not in NOT_IN_V3}
            for row in self._positions(params, now)
        ]
        return looks

    def _positions(self, params: Params, now: int) -> list[dict[str, Any]]:
        return futures_private.positions_json(self.account, params, now)

    def _brackets(self, params: Params, _now: int) -> Any:
        if "symbol" in params:
            return [perpetuals.brackets(self.tape.symbol(params["symbol"]))]
        return [perpetuals.brackets(pair) for pair in self.tape.pairs.values()]

    def _set_leverage(self, params: Params, _now: int) -> Any:
        symbol, leverage = private.need(params, "symbol"), int(private.need(params, "leverage"))
        self.account.set_leverage(symbol, leverage)
        return {"symbol": symbol, "leverage": leverage, "maxNotionalValue": "50000000"}

    def _set_margin_type(self, params: Params, now: int) -> Any:
        self.account.advance(now)
        kind = private.need(params, "marginType")
        self.account.set_margin_type(private.need(params, "symbol"), kind)
        return {"code": 200, "msg": "success"}

    def _new_order(self, params: Params, now: int) -> Any:
        made = self.account.submit(self._ticket(params), now)
        if params.get("algoType"):
            return futures_private.algo_json(self.account.find_algo(made.number, None))
        return futures_private.order_json(made)

    def _ticket(self, params: Params) -> Ticket:
        doomed = bool(params.get("doomed"))
        return replace(futures_private.ticket_of(params), doomed=doomed)

    def _cancel(self, params: Params, now: int) -> Any:
        self.account.advance(now)
        with _unknown():
            order = private.found(self.account, params)
        return futures_private.order_json(self.account.cancel(order, now))

    def _cancel_algo(self, params: Params, now: int) -> Any:
        self.account.advance(now)
        with _unknown():
            algo = futures_private.found_algo(self.account, params)
        self.account.cancel(algo, now)
        return futures_private.cancelled_algo_json(algo)


@contextmanager
def _unknown() -> Iterator[None]:
    """Refuse as a cancellation does when there is no such order."""
    try:
        yield
    except BadRequest as fault:
        code = -2011 if fault.code == -2013 else fault.code
        raise BadRequest(code, "Unknown order sent.") from None
