"""One way to the network for all sources: paced, retried, limited in time and size."""

import os
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx
import tenacity

from freqpilot import __version__
from freqpilot.facts.sources.base import Answer, Call, FetchFailed, Key

AGENT = f"freqpilot/{__version__} (+https://github.com/freqpilot/freqpilot)"
MOST_BYTES = 32 * 1024 * 1024
LONGEST_WAIT = 120.0
"""Seconds that a turn waits at most for a source that asks to wait; longer ends the turn."""
AHEAD = timedelta(minutes=2)
MOST_REDIRECTS = 5
BUSY = 429
BROKEN = 500


class _Again(FetchFailed):
    """Worth another try, after ``wait`` seconds where the source says."""

    def __init__(self, text: str, wait: float = 0.0) -> None:
        super().__init__(text)
        self.wait = wait


class Fetcher:
    """Asks by GET, or by POST where a call has a body. Safe to use from several threads: requests
    to one host keep their distance.

    :param timeout: seconds to connect, and for the whole answer three times as long.
    :param attempts: requests a call at most; between them the wait doubles, with jitter.
    :param sleep: waits so many seconds; it may raise to end a turn.
    """

    def __init__(
        self,
        *,
        timeout: float = 20.0,
        attempts: int = 4,
        most_bytes: int = MOST_BYTES,
        first_wait: float = 1.0,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = httpx.Client(timeout=timeout, headers={"User-Agent": AGENT}, trust_env=True)
        self._deadline, self._most = 3 * timeout, most_bytes
        self._attempts, self._first_wait = attempts, first_wait
        self._sleep, self._now = sleep, now
        self._lock = threading.Lock()
        self._free_at: dict[str, float] = {}

    def get(self, call: Call, *, key: Key | None, pause: timedelta) -> Answer:
        """Return the answer to a call.

        :raises FetchFailed: after the last attempt, or at once where another is no use.
        """
        jitter = tenacity.wait_random_exponential(multiplier=self._first_wait, max=60)

        def wait(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.wait if isinstance(error, _Again) else 0.0
            return max(asked, float(jitter(state)))

        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self._attempts),
            wait=wait,
            retry=tenacity.retry_if_exception_type(_Again),
            sleep=self._sleep,
            reraise=True,
        )
        answer: Answer = retrying(self._once, call, key, pause.total_seconds())
        return answer

    def close(self) -> None:
        """Release the connections."""
        self._client.close()

    def _once(self, call: Call, key: Key | None, pause: float) -> Answer:
        self._take_turn(urlsplit(call.url).netloc, pause)
        params, headers = dict(call.params), dict[str, str]()
        secret = (key.secret or os.environ.get(key.env, "")) if key else ""
        if key and secret:
            if key.basic:
                secret = b64encode(secret.encode()).decode()
            place = headers if key.place == "header" else params
            place[key.name] = f"{key.prefix}{secret}"
        # Redirects would carry a key to wherever they point.
        if call.post:
            headers["Content-Type"] = call.content_type
        request = self._client.build_request(
            "POST" if call.post else "GET",
            call.url,
            params=params,
            headers=headers,
            content=call.post.encode() or None,
        )
        try:
            response = self._send(call, request, follow=not secret)
            try:
                self._check_status(call, response)
                body = self._body(call, response)
            finally:
                response.close()
        except httpx.DecodingError:
            raise _Again(f"{_shown(call)} sent what cannot be unpacked") from None
        except (httpx.TransportError, httpx.StreamError) as error:
            # Without httpx's own text, which may hold the address with the key.
            raise _Again(f"{_shown(call)} cannot be reached: {type(error).__name__}") from None
        fetched_at = self._now()
        _check_clock(call, response, fetched_at)
        return Answer(body, fetched_at)

    def _send(self, call: Call, request: httpx.Request, *, follow: bool) -> httpx.Response:
        """Send a request; where it is redirected, go there, but never into a private network."""
        for _ in range(MOST_REDIRECTS + 1):
            response = self._client.send(request, stream=True)
            onward = response.next_request if follow else None
            if onward is None:
                return response
            response.close()
            host = onward.url.host
            if host != request.url.host and not is_public(host):
                raise FetchFailed(
                    f"{_shown(call)} redirects to {host}, which is no public address; nothing was "
                    "asked there. If that is meant, name it as the source's own address"
                )
            request = onward
        raise FetchFailed(f"{_shown(call)} redirects without end")

    def _take_turn(self, host: str, pause: float) -> None:
        with self._lock:
            now = time.monotonic()
            begin = max(now, self._free_at.get(host, now))
            self._free_at[host] = begin + pause
        if begin > now:
            self._sleep(begin - now)

    def _check_status(self, call: Call, response: httpx.Response) -> None:
        status = response.status_code
        if status == httpx.codes.OK:
            return
        told = f"{_shown(call)} answers {status} {response.reason_phrase}".rstrip()
        if status == BUSY or status >= BROKEN:
            wait = self._retry_after(response)
            if wait > LONGEST_WAIT:
                raise FetchFailed(f"{told} and asks to wait {wait:.0f} s")
            raise _Again(told, wait)
        if status in (401, 403):
            told += "; check its key in the environment"
        raise FetchFailed(told)

    def _retry_after(self, response: httpx.Response) -> float:
        text = response.headers.get("Retry-After", "").strip()
        if text.isdecimal():
            return float(text)
        try:
            until = parsedate_to_datetime(text)
        except ValueError:
            return 0.0
        if until.tzinfo is None:
            return 0.0
        return max(0.0, (until - self._now()).total_seconds())

    def _body(self, call: Call, response: httpx.Response) -> bytes:
        end = time.monotonic() + self._deadline
        parts, size = [], 0
        for part in response.iter_bytes():
            size += len(part)
            if size > self._most:
                raise FetchFailed(f"{_shown(call)} sends more than {self._most:,} bytes")
            if time.monotonic() > end:
                raise _Again(f"{_shown(call)} takes longer than {self._deadline:.0f} s")
            parts.append(part)
        return b"".join(parts)


def _check_clock(call: Call, response: httpx.Response, fetched_at: datetime) -> None:
    """Refuse when our clock is slow: facts would be stamped as known before they were. A source
    whose clock is slow, or that answers from a cache, does no harm."""
    try:
        theirs = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return
    if theirs.tzinfo is not None and theirs - fetched_at > AHEAD:
        behind = (theirs - fetched_at).total_seconds()
        raise FetchFailed(
            f"by {_shown(call)} this machine's clock is {behind:.0f} s slow, so nothing was kept; "
            "set it (timedatectl set-ntp true)"
        )


def is_public(host: str) -> bool:
    """Tell whether all addresses of a host are public; of a name that nobody knows, True: no
    connection will be made, or a proxy makes it."""
    try:
        found = socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        return True
    addresses = [ip_address(str(each[4][0]).partition("%")[0]) for each in found]
    plain = [getattr(each, "ipv4_mapped", None) or each for each in addresses]
    return all(each.is_global and not each.is_multicast for each in plain)


def _shown(call: Call) -> str:
    parts = urlsplit(call.url)
    return f"{parts.netloc}{parts.path}"
