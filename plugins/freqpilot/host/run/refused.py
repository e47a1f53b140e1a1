"""How Freqtrade hears that an order was refused."""

from functools import cache


@cache
def order_refused() -> type[Exception]:
    """Return the exception for a refused order.

    Freqtrade's loop treats a ``DependencyException`` as 'this entry did not happen', its REST API
    and Telegram show an ``RPCException`` to the person who forced the entry: it is both.
    """
    from freqtrade.exceptions import DependencyException
    from freqtrade.rpc.rpc import RPCException

    class OrderRefused(DependencyException, RPCException):
        def __init__(self, message: str) -> None:
            Exception.__init__(self, message)
            self.message = message

        def __str__(self) -> str:
            return self.message

    return OrderRefused
