"""Asking over the network: what is tried again, what ends a turn, what is never shown."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from freqpilot.facts.fetch import AGENT, MOST_REDIRECTS, Fetcher, is_public
from freqpilot.facts.sources.base import Call, FetchFailed, Key
from http_server import in_thread

NO_PAUSE = timedelta(0)
Reply = Callable[[BaseHTTPRequestHandler], None]


def reply(
    status: int = 200, body: bytes = b"{}", length: int | None = None, **headers: str
) -> Reply:
    """Return what writes an answer; with a ``length`` beyond the body it breaks off."""

    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response_only(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(body)

    return write


@contextmanager
def serving(*replies: Reply) -> Iterator[tuple[str, list[Any]]]:
    """Serve these answers one after the other; yields the address and what was asked."""
    waiting, asked = list(replies), []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, dict(self.headers)))
            waiting.pop(0)(self)

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.path, dict(self.headers), content))
            waiting.pop(0)(self)

        def log_message(self, *_: Any) -> None:
            pass

    with in_thread(Handler) as server:
        yield f"http://127.0.0.1:{server.server_port}", asked


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def fetcher(waits: list[float]) -> Iterator[Fetcher]:
    made = Fetcher(timeout=5, sleep=waits.append, most_bytes=10_000)
    yield made
    made.close()


def test_it_names_itself_and_gives_the_body(fetcher: Fetcher) -> None:
    with serving(reply(body=b"[1]")) as (url, asked):
        answer = fetcher.get(Call("f", url + "/x", {"a": "b c"}), key=None, pause=NO_PAUSE)
    assert answer.body == b"[1]"
    path, headers = asked[0]
    assert path == "/x?a=b+c"
    assert headers["User-Agent"] == AGENT
    assert "freqpilot" in AGENT
    assert "https://" in AGENT


@pytest.mark.parametrize(
    "fault",
    [reply(429), reply(500), reply(503), reply(body=b"{", length=50)],
    ids=["429", "500", "503", "broken off"],
)
def test_what_may_pass_is_tried_again(fetcher: Fetcher, waits: list[float], fault: Reply) -> None:
    with serving(fault, fault, reply(body=b"7")) as (url, asked):
        assert fetcher.get(Call("f", url), key=None, pause=NO_PAUSE).body == b"7"
    assert len(asked) == 3
    assert len(waits) == 2


def test_it_waits_as_long_as_it_is_told(fetcher: Fetcher, waits: list[float]) -> None:
    with serving(reply(429, Retry_After="97"), reply()) as (url, _):
        fetcher.get(Call("f", url), key=None, pause=NO_PAUSE)
    assert waits == [97]
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    with serving(reply(503, Retry_After=until), reply()) as (url, _):
        fetcher.get(Call("f", url), key=None, pause=NO_PAUSE)
    assert 80 < waits[1] <= 100


def test_a_source_that_asks_to_wait_long_ends_the_turn(
    fetcher: Fetcher, waits: list[float]
) -> None:
    with (
        serving(reply(429, Retry_After="3600")) as (url, asked),
        pytest.raises(FetchFailed, match="3600"),
    ):
        fetcher.get(Call("f", url), key=None, pause=NO_PAUSE)
    assert len(asked) == 1
    assert waits == []


def test_it_gives_up_after_four_attempts(fetcher: Fetcher) -> None:
    with (
        serving(*[reply(500)] * 4) as (url, asked),
        pytest.raises(FetchFailed, match="500"),
    ):
        fetcher.get(Call("f", url), key=None, pause=NO_PAUSE)
    assert len(asked) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_what_will_not_pass_is_not_tried_again(fetcher: Fetcher, status: int) -> None:
    with (
        serving(reply(status)) as (url, asked),
        pytest.raises(FetchFailed, match=str(status)),
    ):
        fetcher.get(Call("f", url), key=None, pause=NO_PAUSE)
    assert len(asked) == 1


def test_too_much_is_not_taken_in(fetcher: Fetcher) -> None:
    with (
        serving(reply(body=b"x" * 20_000)) as (url, _),
        pytest.raises(FetchFailed, match="10,000 bytes"),
    ):
        fetcher.get(Call("f", url), key=None, pause=NO_PAUSE)


def test_silence_ends_by_itself(waits: list[float]) -> None:
    release = threading.Event()
    fetcher = Fetcher(timeout=0.1, attempts=2, sleep=waits.append)
    hang: Reply = lambda handler: release.wait(10) and None  # noqa: E731
    with serving(hang, hang) as (url, asked):
        with pytest.raises(FetchFailed, match="Timeout"):
            fetcher.get(Call("f", url), key=None, pause=NO_PAUSE)
        release.set()
    fetcher.close()
    assert len(asked) == 2


@pytest.mark.parametrize("place", ["header", "parameter"])
def test_a_key_is_sent_and_never_told(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch, place: Any
) -> None:
    monkeypatch.setenv("SOME_KEY", "s3cret")
    key = Key("SOME_KEY", place, "X-Token", "Bearer " if place == "header" else "")
    with serving(reply(), reply(403)) as (url, asked):
        fetcher.get(Call("f", url), key=key, pause=NO_PAUSE)
        with pytest.raises(FetchFailed) as error:
            fetcher.get(Call("f", url), key=key, pause=NO_PAUSE)
    path, headers = asked[0]
    sent = headers["X-Token"] if place == "header" else path
    assert sent == ("Bearer s3cret" if place == "header" else "/?X-Token=s3cret")
    assert "s3cret" not in str(error.value)
    assert "key" in str(error.value)


def test_a_call_with_a_body_is_posted_again_as_it_was(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "s3cret")
    key = Key("SOME_KEY", "header", "Authorization", "Apikey ")
    with serving(reply(503), reply(body=b"[1]")) as (url, asked):
        call = Call("f", url, post="{ é }", content_type="application/graphql")
        assert fetcher.get(call, key=key, pause=NO_PAUSE).body == b"[1]"
    assert len(asked) == 2
    for _, headers, content in asked:
        assert content == "{ é }".encode()
        assert headers["Content-Type"] == "application/graphql"
        assert headers["Authorization"] == "Apikey s3cret"


def test_a_key_is_not_carried_to_where_a_redirect_points(
    fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "s3cret")
    key = Key("SOME_KEY", "header", "X-Token")
    with (
        serving(reply(body=b"[2]")) as (other, theirs),
        serving(reply(302, Location=other), reply(302, Location=other)) as (url, _),
    ):
        with pytest.raises(FetchFailed, match="302"):
            fetcher.get(Call("f", url), key=key, pause=NO_PAUSE)
        assert theirs == []
        assert fetcher.get(Call("f", url), key=None, pause=NO_PAUSE).body == b"[2]"


def test_a_redirect_does_not_lead_into_a_private_network(fetcher: Fetcher) -> None:
    with serving(reply(body=b"[secret]")) as (inner, asked):
        inside = inner.replace("127.0.0.1", "localhost")
        with (
            serving(reply(302, Location=inside)) as (url, _),
            pytest.raises(FetchFailed, match="localhost, which is no public address"),
        ):
            fetcher.get(Call("f", url), key=None, pause=NO_PAUSE)
    assert asked == []


def test_redirects_without_end_are_left(fetcher: Fetcher) -> None:
    with (
        serving(*[reply(302, Location="/again")] * 20) as (url, asked),
        pytest.raises(FetchFailed, match="redirects without end"),
    ):
        fetcher.get(Call("f", url), key=None, pause=NO_PAUSE)
    assert len(asked) == MOST_REDIRECTS + 1


@pytest.mark.parametrize(
    ("host", "public"),
    [
        *(("1.1.1.1", True), ("2606:4700::1111", True), ("name.invalid", True)),
        *(("127.0.0.1", False), ("localhost", False), ("0.0.0.0", False), ("::1", False)),
        *(("10.1.2.3", False), ("172.16.0.1", False), ("192.168.1.1", False)),
        *(("169.254.169.254", False), ("100.64.0.1", False), ("fd00::1", False)),
        *(("fe80::1%lo", False), ("::ffff:10.0.0.1", False), ("224.0.0.1", False)),
        *(("2130706433", False), ("0x7f.1", False)),
    ],
)
def test_what_a_public_address_is(host: str, public: bool) -> None:
    assert is_public(host) == public


def test_requests_to_one_host_keep_their_distance(fetcher: Fetcher, waits: list[float]) -> None:
    with serving(*[reply()] * 3) as (url, _):
        for _ in range(3):
            fetcher.get(Call("f", url), key=None, pause=timedelta(seconds=30))
    assert len(waits) == 2
    assert 29 < waits[0] <= 30
    assert 58 < waits[1] <= 60


def test_a_slow_clock_of_ours_keeps_nothing(waits: list[float]) -> None:
    behind = Fetcher(sleep=waits.append, now=lambda: datetime.now(UTC) - timedelta(hours=1))
    ahead = Fetcher(sleep=waits.append, now=lambda: datetime.now(UTC) + timedelta(hours=1))
    date = format_datetime(datetime.now(UTC), usegmt=True)
    with serving(*[reply(Date=date)] * 2) as (url, _):
        with pytest.raises(FetchFailed, match=r"3[56]\d\d s slow"):
            behind.get(Call("f", url), key=None, pause=NO_PAUSE)
        assert ahead.get(Call("f", url), key=None, pause=NO_PAUSE).body == b"{}"
    behind.close()
    ahead.close()
