"""Posts of communities on Reddit: https://www.reddit.com/dev/api (GET /r/subreddit/new)."""

import os
import threading
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from freqpilot.errors import RefuseToStart
from freqpilot.facts.sources.base import (
    Answer,
    BadAnswer,
    Batch,
    Call,
    FetchFailed,
    Gets,
    Key,
    Source,
    Spec,
    decoded,
    item,
    number,
    reactions,
    read_rows,
    rows_of,
    seconds,
)
from freqpilot.shapes import Item

APP = Key("FREQPILOT_REDDIT_KEY", "header", "Authorization", "Basic ", needed=False, basic=True)
PAGE = 100
POST = "t3"
LEAST_LIFE = 60.0
"""Seconds before its end that a token is not used any more."""
_tokens: dict[str, tuple[str, float]] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class Reddit(Source):
    """New posts of each of ``communities``, newest first, at most ``pages`` pages of a hundred a
    turn (Reddit shows the last thousand), with score and comments as engagement.

    The key is ``id:secret`` of an app of type *script* or *web app*; a token is asked for with it
    (OAuth 2, application only) and renewed. Without one the public listing is asked, which Reddit
    allows few requests of a minute and to many networks none. The newest posts are looked at again
    for ``again`` hours, so that their engagement is seen to grow.
    """

    communities: tuple[str, ...] = ("CryptoCurrency", "Bitcoin", "ethereum")
    pages: int = 10
    again: float = 6
    public: str = "https://www.reddit.com"
    oauth: str = "https://oauth.reddit.com"

    spec: ClassVar[Spec] = Spec(
        name="reddit",
        about="new posts of communities on Reddit",
        every=timedelta(minutes=10),
        max_age=timedelta(hours=12),
        pause=timedelta(seconds=7),
        key=APP,
    )
    ascending: ClassVar[bool] = False

    def __post_init__(self) -> None:
        for name in self.communities:
            if not (name.isascii() and name.replace("_", "").isalnum()):
                raise RefuseToStart(
                    f"config: freqpilot.facts.sources.reddit: {name!r} is no community; write "
                    "Bitcoin for reddit.com/r/Bitcoin"
                )

    def feeds(self) -> tuple[str, ...]:
        return self.communities

    def call(self, feed: str, since: datetime | None, now: datetime) -> Call:
        after = since or now - timedelta(days=1)
        after = min(after, now - timedelta(hours=self.again))
        params = {"limit": str(PAGE), "raw_json": "1"}
        return Call(feed, f"{self.public}/r/{feed}/new.json", params, after)

    def fetch(self, call: Call, fetcher: Gets) -> Answer:
        token = self._token(call, fetcher)
        if not token:
            return fetcher.get(call, key=None, pause=self.spec.pause)
        bearer = Key(APP.env, "header", "Authorization", "Bearer ", secret=token)
        address = call.url.replace(self.public, self.oauth, 1).removesuffix(".json")
        try:
            # Sixty requests a minute are allowed with a token.
            return fetcher.get(replace(call, url=address), key=bearer, pause=timedelta(seconds=1))
        except FetchFailed:
            with _lock:  # it may have been taken back
                _tokens.pop(self.public, None)
            raise

    def _token(self, call: Call, fetcher: Gets) -> str:
        """Return a token that is still good, empty without a key."""
        if not os.environ.get(APP.env):
            return ""
        with _lock:
            token, end = _tokens.get(self.public, ("", 0.0))
            if token and time.monotonic() < end:
                return token
            asked = Call(
                call.feed,
                f"{self.public}/api/v1/access_token",
                post="grant_type=client_credentials",
                content_type="application/x-www-form-urlencoded",
            )
            given = decoded(fetcher.get(asked, key=APP, pause=self.spec.pause).body)
            told = given if isinstance(given, dict) else {}
            granted, life = told.get("access_token"), number(told.get("expires_in"))
            if not isinstance(granted, str) or not granted or not life > LEAST_LIFE:
                raise BadAnswer("reddit: the answer holds no token; check FREQPILOT_REDDIT_KEY")
            _tokens[self.public] = (granted, time.monotonic() + life - LEAST_LIFE)
            return granted

    def parse(self, call: Call, body: bytes, fetched_at: datetime) -> Batch:
        document = decoded(body)
        if document["kind"] != "Listing":
            raise BadAnswer(f"reddit/{call.feed}: the answer is no listing")
        rows = rows_of(document, "data", "children")
        batch, oldest = Batch(), fetched_at

        def read(row: Any) -> list[Item]:
            nonlocal oldest
            if row["kind"] != POST:
                return []
            post = row["data"]
            written = seconds(post["created_utc"])
            if not post.get("stickied"):  # those stand first, however old
                oldest = min(oldest, written)
            if call.since is not None and written < call.since:
                return []
            told = reactions([post.get("score"), post.get("num_comments")])
            words = " ".join(str(each) for each in (post["title"], post.get("selftext")) if each)
            link = f"https://www.reddit.com{post['permalink']}"
            return [
                item(
                    self.spec.name,
                    post["name"],
                    words,
                    written,
                    fetched_at,
                    url=link,
                    engagement=told,
                )
            ]

        read_rows(batch, rows, "post", read)
        token = document["data"].get("after")
        more = call.since is None or oldest > call.since
        if isinstance(token, str) and token and rows and more and call.page < self.pages:
            params = {**call.params, "after": token}
            batch.next_page = replace(call, params=params, page=call.page + 1)
        return batch
