"""Sentiment by words: VADER (Hutto and Gilbert 2014) with words of finance and crypto over its own.

The values −4…4 are judgements of what a word says about a price, made without a look at any
labelled set; no word names an event, a firm or a coin, as that would be hindsight.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from unicodedata import category

from freqpilot.facts.text.clean import clean
from freqpilot.facts.text.scorer import Scored

VERSION = "1"


def _valued(table: dict[float, str]) -> dict[str, float]:
    return {word: value for value, words in table.items() for word in words.split()}


WORDS: dict[str, float] = _valued(
    {
        3.0: "moon mooning moonshot skyrocket skyrockets skyrocketed skyrocketing",
        2.6: "soar soars soared soaring surge surges surged surging bullish alltimehigh ath "
        "breakout shortsqueeze recordhigh",
        2.0: "rally rallies rallied rallying jump jumps jumped jumping upgrade upgraded upgrades "
        "outperform outperforms outperformed beat beats adoption approve approves approved "
        "approval undervalued accumulate accumulates accumulating accumulation uptrend upside "
        "rebound rebounds rebounded recover recovers recovered recovery bull bulls lambo hodl "
        "pump pumps pumping legaltender oversold goldencross higherhigh buythedip raiseguidance",
        1.4: "rise rises rose rising climb climbs climbed climbing gain gains gained gaining "
        "launch launches launched partnership partners integrates integration listing lists buy "
        "buys buying bought long longs overweight grows grew growing growth higher up upward "
        "expand expands expanded expansion profit profits profitable dividend buyback raise "
        "raises raised tops topped exceed exceeds exceeded boost boosts boosted inflow inflows "
        "support supports backs backed wins milestone mainnet halving burn staking green strong",
        0.0: "share shares security securities trust united interest play playing fine gross vice "
        "credit energy natural like well party nuclear crude matter matters treasury ha natural "
        "please number yes join fun kind original special super top gram gold asset assets value",
        -1.0: "sell sells selling sold short shorts underweight cautious delay delays delayed "
        "postpone postpones postponed volatile volatility unlock dilution outflow outflows "
        "correction resistance overbought taxes liability",
        -1.6: "fall falls fell falling drop drops dropped dropping decline declines declined "
        "declining lower down dip dips slip slips slipped slide slides slid miss misses missed "
        "cut cuts loss losses weak weaker weakness weakens halt halts halted suspend suspends "
        "suspended warn warns warned warning concern concerns probe probes subpoena investigates "
        "investigation restrict restricts restricted fine fined fud downtrend downside red layoffs "
        "bear bears fees debt recession inflation underperform underperforms rekt",
        -2.2: "downgrade downgraded downgrades lawsuit lawsuits sue sues sued bearish dump dumps "
        "dumped dumping selloff liquidation liquidations liquidated slump slumps slumped tumble "
        "tumbles tumbled sink sinks sank plunge plunges plunged plunging delist delists delisted "
        "delisting ban bans banned crackdown illegal fraudulent deathcross bagholder bubble "
        "overvalued insolvency insolvent default defaults depeg depegged depegs",
        -3.0: "crash crashes crashed crashing hack hacks hacked hacker hackers exploit exploits "
        "exploited drained stolen rugpull rug scam scams scammer ponzi bankruptcy bankrupt "
        "collapse collapses collapsed plummet plummets plummeted capitulation fraud laundering "
        "theft honeypot",
    }
)
PHRASES = {
    "all time high": "alltimehigh",
    "all-time high": "alltimehigh",
    "record high": "recordhigh",
    "rug pull": "rugpull",
    "sell off": "selloff",
    "sell-off": "selloff",
    "short squeeze": "shortsqueeze",
    "golden cross": "goldencross",
    "death cross": "deathcross",
    "higher high": "higherhigh",
    "buy the dip": "buythedip",
    "legal tender": "legaltender",
    "raises guidance": "raiseguidance",
    "price target raised": "upgrade",
    "price target cut": "downgrade",
    "all time low": "plunge",
    "all-time low": "plunge",
}
_PHRASE = re.compile("|".join(map(re.escape, PHRASES)), re.IGNORECASE)
# VADER takes time that grows with the square of a text's words, and makes words of emoji.
MOST_WORDS = 300
MOST_SIGNS = 30


class Lexicon:
    """The scorer that needs no training and no download.

    The confidence grows with the words that say something: (n + ½) / (n + 2).

    :param own: whether the words of this module stand over VADER's.
    """

    name = "lexicon"
    version = VERSION
    known_from: datetime | None = None

    def __init__(self, *, own: bool = True) -> None:
        self._analyser = _analyser(own)

    def score(self, texts: Sequence[str]) -> list[Scored]:
        """Return one for each text; 0 where no word says anything."""
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Scored:
        read = _few_signs(" ".join(clean(text).split()[:MOST_WORDS]))
        read = _PHRASE.sub(lambda found: PHRASES[found[0].lower()], read)
        score = float(self._analyser.polarity_scores(read)["compound"])
        lexicon = self._analyser.lexicon
        said = sum(bool(lexicon.get(word.strip(".,!?:;()'\"").lower())) for word in read.split())
        return Scored(min(1.0, max(-1.0, score)), (said + 0.5) / (said + 2.0))


def _few_signs(text: str) -> str:
    """Return a text with its first ``MOST_SIGNS`` emoji and other signs alone."""
    if text.isascii():
        return text
    place = [at for at, sign in enumerate(text) if category(sign) in ("So", "Sk", "Mn")]
    gone = {*place[MOST_SIGNS:]}
    return "".join(sign for at, sign in enumerate(text) if at not in gone) if gone else text


@lru_cache(maxsize=2)
def _analyser(own: bool) -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    found = SentimentIntensityAnalyzer()
    if own:
        found.lexicon.update(WORDS)
    return found
