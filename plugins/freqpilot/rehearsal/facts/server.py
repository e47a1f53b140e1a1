"""Stand-in sources of facts on loopback: documented answers about an invented world that goes on,
with faults drawn from a seed. What is true of that world is known, so a store can be judged by it.

SYNTHETIC throughout. Days pass at ``pace`` a second from a past long enough that none lies ahead.
"""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from freqpilot.rehearsal.facts.world import FactWorld, Page


class FactFault(StrEnum):
    """What can happen to a request."""

    LIMIT = "limit"
    """429 with a Retry-After."""
    ERROR = "error"
    """500."""
    OUTAGE = "outage"
    """503."""
    HANG = "hang"
    """No answer, for longer than anyone waits."""
    CUT = "cut"
    """The connection breaks within the answer."""
    TRUNCATED = "truncated"
    """An answer that ends early, and says that this is all."""
    HTML = "html"
    """A page for people, with a 200."""
    TYPES = "types"
    """A value is an object."""
    NAN = "nan"
    """A value is NaN."""
    ABSURD = "absurd"
    """A value that cannot be."""
    FUTURE = "future"
    """A row is stamped ten years ahead."""
    TWICE = "twice"
    """All rows come twice."""
    CIRCLE = "circle"
    """The next page is this one."""
    SKEW = "skew"
    """The source's clock is an hour ahead of ours."""


TEN_YEARS = 10 * 365 * 86_400
STATUS = {FactFault.LIMIT: 429, FactFault.ERROR: 500, FactFault.OUTAGE: 503}


@dataclass
class FactSources:
    """Serves one port a source, in threads of its own, between ``with`` and its end.

    :param rate: share of the requests that a fault meets; it may be changed at any time.
    :param hang: seconds that a hanging request is kept.
    """

    world: FactWorld
    seed: int = 7
    rate: float = 0.0
    hang: float = 8.0
    served: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)  # noqa: S311
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._servers = {
            name: ThreadingHTTPServer(("127.0.0.1", 0), self._handler(name))
            for name in self.world.routes
        }
        self._threads = [
            threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
            for each in self._servers.values()
        ]

    def url(self, name: str) -> str:
        """Return the base address of a source."""
        return f"http://127.0.0.1:{self._servers[name].server_port}"

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        for server in self._servers.values():
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()

    def settings(self, every: float) -> dict[str, Any]:
        """Return ``freqpilot.facts.sources`` for these sources, asked ``every`` so many minutes."""
        options = self.world.options({name: self.url(name) for name in self._servers})
        begin = self.world.day(0).date().isoformat()
        return {
            name: {"every": every, "backfill_from": begin, "options": each}
            for name, each in options.items()
        }

    def _fault(self) -> FactFault | None:
        with self._lock:
            hit = self._draw.random() < self.rate
            kind = self._draw.choice(list(FactFault))
        return kind if hit else None

    def _place(self, count: int) -> int:
        with self._lock:
            return self._draw.randrange(count)

    def _handler(self, name: str) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                page = outer.world.routes[name](parts.path, dict(parse_qsl(parts.query)))
                fault = outer._fault() if page else None
                with outer._lock:
                    outer.served[name] += 1
                    if fault:
                        outer.faults[fault] += 1
                outer._answer(self, page, fault)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler

    def _answer(
        self, handler: BaseHTTPRequestHandler, page: Page | None, fault: FactFault | None
    ) -> None:
        if page is None:
            handler.send_error(404)
            return
        if fault is FactFault.HANG:
            self._stopping.wait(self.hang)
            handler.close_connection = True
            return
        if fault and page.rows:
            self._spoil(page, fault)
        body = page.body()
        length = len(body)
        if fault is FactFault.HTML:
            body = b"<!DOCTYPE html><html><title>Just a moment...</title></html>"
            length = len(body)
        elif fault in (FactFault.TRUNCATED, FactFault.CUT):
            body = body[: 1 + self._place(length - 1)]
            length = len(body) if fault is FactFault.TRUNCATED else length
        status = STATUS.get(fault, 200) if fault else 200
        handler.send_response_only(status)
        ahead = 3600 if fault is FactFault.SKEW else 0
        handler.send_header("Date", handler.date_time_string(int(time.time()) + ahead))
        if fault is FactFault.LIMIT:
            handler.send_header("Retry-After", "1")
        handler.send_header("Content-Length", str(length))
        handler.end_headers()
        try:
            handler.wfile.write(body)
        except OSError:  # the collector was killed meanwhile
            handler.close_connection = True
        if length != len(body):
            handler.close_connection = True

    def _spoil(self, page: Page, fault: FactFault) -> None:
        rows = page.rows
        row = rows[self._place(len(rows))]
        values: dict[FactFault, Callable[[Any], Any]] = {
            FactFault.TYPES: lambda _: {"value": 1},
            FactFault.NAN: lambda _: float("nan"),
            FactFault.ABSURD: lambda _: 1e30,
        }
        if fault in values and page.value:
            row[page.value] = values[fault](row[page.value])
        elif fault is FactFault.FUTURE:
            row[page.time] = page.later(row[page.time], TEN_YEARS)
        elif fault is FactFault.TWICE:
            rows.extend(json.loads(json.dumps(rows)))
        elif fault is FactFault.CIRCLE and page.circle:
            page.circle()
