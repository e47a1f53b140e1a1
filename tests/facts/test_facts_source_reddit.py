"""Reddit: its token is asked for once, goes nowhere else, and is asked for anew when it ends."""

import base64
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from source_payloads import CASES, DAY, NOW

from freqpilot.errors import RefuseToStart
from freqpilot.facts.fetch import Fetcher
from freqpilot.facts.sources import make, reddit
from freqpilot.facts.sources.base import Answer, BadAnswer, Call, FetchFailed, Key
from freqpilot.facts.text.step import account_of

LISTING = next(case for case in CASES if case.source == "reddit")


@dataclass
class Asked:
    """What was asked, answered from a list."""

    answers: list[Any]
    calls: list[tuple[Call, Key | None]] = field(default_factory=list)

    def get(self, call: Call, *, key: Key | None, pause: timedelta) -> Answer:
        self.calls.append((call, key))
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return Answer(json.dumps(found).encode(), NOW)


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reddit, "_tokens", {})
    monkeypatch.delenv("FREQPILOT_REDDIT_KEY", raising=False)


def token(name: str, life: Any = 86_400) -> dict[str, Any]:
    return {"access_token": name, "token_type": "bearer", "expires_in": life, "scope": "*"}


def call() -> Call:
    return make("reddit").call("Bitcoin", DAY, NOW)


def test_without_a_key_the_public_listing_is_asked() -> None:
    asked = Asked([LISTING.body])
    make("reddit").fetch(call(), asked)
    (found, key), *_ = asked.calls
    assert (found.url, key) == ("https://www.reddit.com/r/Bitcoin/new.json", None)
    assert found.params["limit"] == "100"


def test_a_token_is_asked_for_once_and_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREQPILOT_REDDIT_KEY", "app:hidden")
    asked = Asked([token("granted"), LISTING.body, LISTING.body])
    source = make("reddit")
    for _ in range(2):
        source.fetch(call(), asked)
    first, second, third = asked.calls
    assert first[0].url == "https://www.reddit.com/api/v1/access_token"
    assert first[0].post == "grant_type=client_credentials"
    assert first[1] is not None
    assert first[1].basic
    assert second[0].url == third[0].url == "https://oauth.reddit.com/r/Bitcoin/new"
    assert second[1] is not None
    assert (second[1].prefix, second[1].secret) == ("Bearer ", "granted")
    assert "granted" not in repr(asked.calls)
    assert "hidden" not in repr(asked.calls)


def test_an_old_or_refused_token_is_asked_for_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREQPILOT_REDDIT_KEY", "app:hidden")
    asked = Asked([token("one", 61), LISTING.body])
    source = make("reddit")
    source.fetch(call(), asked)
    after = reddit.time.monotonic() + 2
    monkeypatch.setattr(reddit.time, "monotonic", lambda: after)
    asked.answers = [token("two"), FetchFailed("answers 401"), token("three"), LISTING.body]
    with pytest.raises(FetchFailed):
        source.fetch(call(), asked)
    source.fetch(call(), asked)
    assert [key.secret for _, key in asked.calls if key and key.secret] == ["one", "two", "three"]


@pytest.mark.parametrize(
    "given", [{}, [], {"error": 401}, token(""), token("x", "soon"), token("x", 30), token("x", -1)]
)
def test_an_answer_without_a_token_is_named(monkeypatch: pytest.MonkeyPatch, given: Any) -> None:
    monkeypatch.setenv("FREQPILOT_REDDIT_KEY", "app:hidden")
    with pytest.raises(BadAnswer, match="no token"):
        make("reddit").fetch(call(), Asked([given]))
    assert reddit._tokens == {}


def test_the_keys_go_where_they_belong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREQPILOT_REDDIT_KEY", "app:hidden")
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        body = token("granted") if request.method == "POST" else LISTING.body
        return httpx.Response(200, json=body)

    fetcher = Fetcher(sleep=lambda seconds: None)
    monkeypatch.setattr(fetcher, "_client", httpx.Client(transport=httpx.MockTransport(answer)))
    make("reddit").fetch(call(), fetcher)
    fetcher.close()
    assert [request.headers["Authorization"] for request in seen] == [
        f"Basic {base64.b64encode(b'app:hidden').decode()}",
        "Bearer granted",
    ]
    assert seen[0].headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "granted" not in str(seen[1].url)


def test_it_goes_back_to_what_it_has_and_looks_at_the_newest_again() -> None:
    source = make("reddit", {"pages": 2})
    assert call().since == DAY
    late = source.call("Bitcoin", NOW, NOW)
    assert late.since == NOW - timedelta(hours=6)
    far = source.call("Bitcoin", DAY - timedelta(days=3), NOW)
    page = source.read(far, LISTING.raw, NOW).next_page
    assert page is not None
    assert page.params["after"] == "t3_1b6old"
    assert source.read(page, LISTING.raw, NOW).next_page is None, "two pages a turn"
    # What stands on top, however old, does not end the way back; what is old enough does.
    assert source.read(call(), LISTING.raw, NOW).next_page is None


def test_a_post_names_its_community_and_a_false_name_is_refused() -> None:
    (item,) = make("reddit").read(call(), LISTING.raw, NOW).items
    assert account_of(item.url) == "reddit.com/r/bitcoin"
    assert account_of("https://www.reddit.com/user/x") == ""
    with pytest.raises(RefuseToStart, match="no community"):
        make("reddit", {"communities": ["Bitcoin/../x"]})
