"""Headlines that tell an event, by rules (pure): which kind, of which coin, how sure.

The rules look at words alone, so a confidence is a judgement: .8 for a plain statement, less where
it is told as rumour or question, none where it is denied or a memory of an old event. Whether two
sources are needed is decided where the events are read.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from freqpilot.facts.text.clean import plain
from freqpilot.facts.text.link import Link
from freqpilot.settings import EventKind

SURE, UNSURE = 0.8, 0.4
MOST_ASSETS = 3
"""A text about more coins is a round-up."""
MARKET = "*"
NOBODYS = ("BTC",)
"""Coins that nobody runs: what was hacked, or found a partner, is something else in the text."""
_VENUE = (
    r"binance|coinbase|kraken|okx|bybit|upbit|bithumb|kucoin|gemini|bitstamp|robinhood|"
    r"crypto\.com|(?<!stock )exchanges?"
)
_AUTHORITY = (
    r"sec|cftc|doj|fca|finma|mica|esma|bafin|fincen|ofac|regulators?|watchdog|government|"
    r"senate|congress|parliament|court|judge|central bank|prosecutors?|china|india|korea|russia|"
    r"lawmakers|treasury"
)
_RULES: tuple[tuple[EventKind, str], ...] = (
    (
        "hack",
        r"\b(hacked|hack|exploited|exploit|drained|stolen|steals?|security breach|rug ?pull(ed|s)?|"
        r"attackers?)\b",
    ),
    (
        "listing",
        rf"\b({_VENUE})\b.{{0,60}}\b(lists?|listed|listing|will list|to list|adds? support|"
        rf"launch(es)? .{{0,20}}trading)\b|\b(lists?|listed|listing|trading)\b (on|at|by) "
        rf"({_VENUE})\b",
    ),
    (
        "regulation_negative",
        rf"\b({_AUTHORITY})\b.{{0,60}}\b(sues?|sued|charges|charged|bans?|banned|crack(s|ed)? "
        r"?down|crackdown|fines?|fined|subpoenas?|rejects?|rejected|prohibits?|outlaws?|"
        r"wells notice|lawsuit|probes?|investigates?)\b|"
        rf"\b(sued|charged|banned|fined|subpoenaed|probed|rejected) by (the )?(us )?"
        rf"({_AUTHORITY})\b",
    ),
    (
        "regulation_positive",
        rf"\b({_AUTHORITY})\b.{{0,60}}\b(approves?|approved|greenlights?|legali[sz]es?|"
        r"dismiss(es|ed)|drops? (the )?(case|charges|lawsuit|probe)|licen[cs]es?|clears?)\b|"
        rf"\b(approved|cleared|licensed) by (the )?(us )?({_AUTHORITY})\b|\blegal tender\b|"
        rf"\bwins?\b.{{0,40}}\b({_AUTHORITY})\b",
    ),
    (
        "upgrade",
        r"\b(hard fork|mainnet (launch|upgrade|goes live)|network upgrade|protocol upgrade|"
        r"launches (its )?mainnet|(upgrade|fork) (goes live|activated|is live|scheduled))\b",
    ),
    (
        "partnership",
        r"\b(partners?|partnered|teams up|joins forces|collaborates) with\b|\bpartnership with\b|"
        r"\bstrategic partnership\b|\bintegrates with\b",
    ),
)
_MATCH = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _RULES)
_DENIED = re.compile(
    r"\b(den(y|ies|ied)|never|no evidence|delay(s|ed)?|postpone[sd]?|"
    r"not (been )?(hacked|affected|listed|listing)|debunks?|false|"
    r"fake|prevent(s|ed)?|foil(s|ed)|avert(s|ed)?|anniversary|years? (ago|after|later)|history|"
    r"sentenced|recovers?|recovered|refunds?|reimburses?|delist(s|ed|ing)?|how to|explained|"
    r"what is|top \d+)\b",
    re.IGNORECASE,
)
_RUMOUR = re.compile(
    r"\?|\b(may|might|could|rumou?rs?|rumou?red|reportedly|allegedly|considers?|considering|mulls|"
    r"hints?|speculation|if|expected|possible|potential|urges?|calls for|wants|plans?|seeks?|"
    r"propos\w+|bill|aims?|hopes?|unlikely|predicts?)\b",
    re.IGNORECASE,
)
_PAID_IN = re.compile(
    r"(\d[\d.,]*\s*([kmb]|thousand|million|billion)?|\b(in|worth of|using|on|via|of|stolen|stole|"
    r"steals?|lost|seized|his|her|their))\s*\(?\$?$",
    re.IGNORECASE,
)

_CUT = re.compile(r"\b(as|after|amid|following|despite|while|since|because)\b|[;|:]", re.IGNORECASE)
_LINK = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_OF_CRYPTO = re.compile(r"\b(crypto\w*|digital assets?)\b", re.IGNORECASE)


class TextEvent(NamedTuple):
    """An event that a text tells of, of a coin (``*``: the market), and how sure, above 0 to 1."""

    kind: EventKind
    asset: str
    confidence: float


def events_of(text: str, links: Sequence[Link]) -> tuple[TextEvent, ...]:
    """Return the events of a headline; at most one kind, the first that fits, of the
    coins in the same clause."""
    shown = _LINK.sub(lambda found: " " * len(found[0]), plain(text))
    if _DENIED.search(shown) or len(links) > MOST_ASSETS:
        return ()
    kind, found = next(
        ((kind, match) for kind, pattern in _MATCH if (match := pattern.search(shown))),
        (None, None),
    )
    if kind is None or found is None:
        return ()
    confidence = UNSURE if _RUMOUR.search(shown) else SURE
    begin, end = _clause(shown, found.start(), found.end())
    about = [
        link.asset
        for link in links
        if begin <= link.begin < end
        and not (link.asset in NOBODYS and kind in ("hack", "partnership"))
        # What was stolen, or where, was not hacked.
        and not (kind == "hack" and _PAID_IN.search(shown[: link.begin].rstrip()))
    ]
    if not links and kind in ("regulation_positive", "regulation_negative"):
        about = [MARKET] if _OF_CRYPTO.search(shown) else []
    return tuple(TextEvent(kind, asset, confidence) for asset in about)


def _clause(text: str, begin: int, end: int) -> tuple[int, int]:
    """Return the part of a headline that a match lies in: a coin that falls *after* a hack is not
    the one that was hacked."""
    cuts = [found.span() for found in _CUT.finditer(text)]
    if any(begin <= start < end for start, _ in cuts):
        # Its words are of two clauses, so it says nothing.
        return 0, 0
    first = max((stop for _, stop in cuts if stop <= begin), default=0)
    last = min((start for start, _ in cuts if start >= end), default=len(text))
    return first, last
