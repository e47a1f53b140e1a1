"""Texts that somebody made to stop the collector: none takes longer than its size allows."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from freqpilot.facts.sources.base import LONGEST_TEXT, BadAnswer, Call, iso, plain
from freqpilot.facts.sources.rss import MOST_BYTES, MOST_MENDED, Rss
from freqpilot.facts.text import clean
from freqpilot.facts.text.events import events_of
from freqpilot.facts.text.lexicon import Lexicon
from freqpilot.facts.text.link import Taxonomy

NOW = datetime(2024, 1, 2, tzinfo=UTC)
SIZE = 100_000
PARTS = (
    *("<", ">", "</", "<!", "<!--", "<?", "<![", "<![CDATA[", "<a b='", "<a ", "<b>"),
    *("&", "&#", "&#9", "&#x", "&amp", "&lt;", "]]>", "&a;"),
    *("http://", "www.", "@", "@a", "$", "#", "0x", "a'", "a_", "!", "?.", "1,", "1.", "9"),
    *(" ", "\t\n", "\u200d", "\u202e", "e\u0301", "\ufdfa", "\U0001f680", "\x00"),
    *("binance ", "sec ", "sec charges ", "launches ", "not ", "as after ", "$btc ", "btc "),
    *("so very not ", "kind of ", "1" * 44 + " "),
)
ORDINARY = "Binance lists $SOL after the SEC charges an exchange, analysts say https://x.y/z . "
FEED = (
    '<?xml version="1.0"?><rss version="2.0"><channel><title>x</title>{}<item><guid>1</guid>'
    "<title>{}</title><description>{}</description>"
    "<pubDate>Mon, 01 Jan 2024 00:00:00 GMT</pubDate></item></channel></rss>"
)


def feed(text: str) -> int:
    """Return how many entries a feed has whose titles and descriptions are this text."""
    body = FEED.format("", *[f"<![CDATA[{text.replace(']]>', '')}]]>"] * 2)
    batch = Rss().read(Call("x", "http://x"), body.replace("\x00", "").encode(), NOW)
    return len(batch.items) + len(batch.refused)


def broken_feed(text: str) -> str:
    """Return what is said of a feed that should not be."""
    try:
        batch = Rss().read(Call("x", "http://x"), text.encode(), NOW)
    except BadAnswer as error:
        return str(error)
    return "; ".join(batch.refused)


def _plain(text: str) -> str:
    try:
        return plain(text)
    except ValueError as error:
        return str(error)


TAXONOMY, LEXICON = Taxonomy(), Lexicon()
PATHS: dict[str, Callable[[str], object]] = {
    "plain": _plain,
    "clean": clean.clean,
    "shingles": clean.shingles,
    "events": lambda text: events_of(text, TAXONOMY.link(text)),
    "lexicon": lambda text: LEXICON.score([text]),
    "feed": feed,
    "broken feed": lambda text: broken_feed(FEED.format("", text, text)),
}


def cpu(work: Callable[[], object]) -> float:
    """Return the CPU seconds of the quickest of three turns."""
    taken = []
    for _ in range(3):
        begin = time.process_time()
        work()
        taken.append(time.process_time() - begin)
    return min(taken)


@pytest.mark.parametrize("path", PATHS)
def test_no_text_takes_far_longer_than_an_ordinary_one(path: str) -> None:
    read = PATHS[path]
    ordinary = cpu(lambda: read(ORDINARY * (SIZE // len(ORDINARY))))
    slow = {}
    for part in PARTS:
        text = part * (SIZE // len(part))
        taken = cpu(lambda text=text: read(text))  # type: ignore[misc]
        if taken > 100 * max(ordinary, 0.005):
            slow[part] = round(taken / ordinary)
    assert slow == {}


def test_a_text_is_read_so_far_and_no_further() -> None:
    assert plain("<b>" * 1_000 + "Bitcoin") == "Bitcoin"
    assert plain("word " * 100_000) == ("word " * LONGEST_TEXT)[:LONGEST_TEXT]
    with pytest.raises(ValueError, match="a text is empty"):
        plain("<b>" * 100_000 + "Bitcoin")
    assert plain("1 < 2 <b>and</b> 3 > 2") == "1 < 2 and 3 > 2"


def test_a_time_is_short() -> None:
    with pytest.raises(ValueError, match="no time"):
        iso("2024-01-01T00:00:00." + "1" * 1_000)


def test_a_large_feed_has_to_be_well_formed() -> None:
    endless = FEED.format("<!--" + "x" * MOST_BYTES + "-->", "Bitcoin rises", "")
    assert "too many for a feed" in broken_feed(endless)
    whole = FEED.format("<!--" + "x" * MOST_MENDED + "-->", "Bitcoin rises", "")
    batch = Rss().read(Call("x", "http://x"), whole.encode(), NOW)
    assert [each.text for each in batch.items] == ["Bitcoin rises"]
    with pytest.raises(BadAnswer, match="not well-formed"):
        Rss().read(Call("x", "http://x"), whole[: -len("</rss>")].encode(), NOW)


def test_a_small_feed_that_breaks_off_is_read_so_far() -> None:
    text = FEED.format("", "Bitcoin rises", "")[: -len("</channel></rss>")]
    batch = Rss().read(Call("x", "http://x"), text.encode(), NOW)
    assert [each.text for each in batch.items] == ["Bitcoin rises"]
    assert batch.refused == ["the feed breaks off or is not well-formed"]


def test_entities_that_grow_or_read_files_are_not_followed() -> None:
    grows = "".join(f'<!ENTITY l{at + 1} "{f"&l{at};" * 10}">' for at in range(9))
    head, tail = FEED.format("", "&l9;", "").split("?>", 1)
    bomb = f'{head}?><!DOCTYPE r [<!ENTITY l0 "lol">{grows}]>{tail}'
    assert "declares entities" in broken_feed(bomb)
    file = f'{head}?><!DOCTYPE r [<!ENTITY l9 SYSTEM "file:///etc/passwd">]>{tail}'
    assert "declares entities" in broken_feed(file)
