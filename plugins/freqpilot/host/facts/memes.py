"""What is known of a memecoin at each candle's close, from facts, for the strategy of that name."""

import logging
from typing import Any, get_args

import numpy as np
import pandas as pd

from freqpilot.errors import RefuseToStart
from freqpilot.facts.history import measured
from freqpilot.facts.join import HOUR, NOTHING, Observations, as_of, states
from freqpilot.facts.spec import Metric, parse
from freqpilot.host.facts.columns import closes_of
from freqpilot.host.facts.database import known_or_missing
from freqpilot.host.run.once import warn_once
from freqpilot.risk.exits.plan import scales_memes
from freqpilot.risk.memes.safety import checks
from freqpilot.risk.memes.social import day_growth, spike
from freqpilot.risk.taxonomy import asset_of, base_of
from freqpilot.settings import MemeFact, MemeSettings, Settings
from freqpilot.shapes import Floats, Ints
from freqpilot.signals.memes import Attention

logger = logging.getLogger(__name__)

DAY = 24.0
PREFIX = "meme_"


def add_attention(
    frame: pd.DataFrame, pair: str, config: dict[str, Any], timeframe: str
) -> pd.DataFrame:
    """Return ``frame`` with the fields of :class:`freqpilot.signals.memes.Attention`, each with
    ``meme_`` before its name; NaN where nothing was known, or nothing fresh.

    :raises RefuseToStart: for what names no metric in ``freqpilot.signals.memes.facts``.
    :raises Degraded: when the facts cannot be read; live the columns are NaN instead.
    """
    settings = Settings.from_config(config).signals.memes
    known = _CoinFacts(config, base_of(pair), closes_of(frame, timeframe), settings)
    seen = attention(known, settings)
    known.say_missing()
    columns = {f"{PREFIX}{name}": values for name, values in vars(seen).items()}
    return pd.concat([frame, pd.DataFrame(columns, index=frame.index)], axis=1)


def attention_of(frame: pd.DataFrame) -> Attention:
    """Return what :func:`add_attention` has added."""
    names = Attention.__dataclass_fields__
    return Attention(**{n: frame[f"{PREFIX}{n}"].to_numpy(dtype=np.float64) for n in names})


def metrics(settings: MemeSettings) -> dict[MemeFact, Metric]:
    """Return which metric each fact is read from.

    :raises RefuseToStart: for what names none.
    """
    names: tuple[MemeFact, ...] = get_args(MemeFact)
    try:
        return {name: parse(settings.facts.get(name, name)) for name in names}
    except ValueError as error:
        raise RefuseToStart(f"config: freqpilot.signals.memes.facts: {error}") from None


class _CoinFacts:
    """The facts of a coin at candles' closes."""

    def __init__(
        self, config: dict[str, Any], coin: str, closes: Ints, settings: MemeSettings
    ) -> None:
        self.config, self.coin, self.closes = config, coin, closes
        self.metrics, self.max_age = metrics(settings), settings.max_age_hours
        self.history = DAY * max(settings.history_days, settings.listing_days)
        self._read: dict[MemeFact, Observations] = {}

    def all(self, name: MemeFact) -> Observations:
        """Return the facts that any figure of these candles needs."""
        if name not in self._read:
            if not self.closes.size:
                return NOTHING
            back = int((self.history + self.max_age + 3 * DAY) * HOUR)
            first, last = int(self.closes.min()) - back, int(self.closes.max())
            self._read[name] = known_or_missing(
                self.config, self.metrics[name], self.coin, first, last, quiet=True
            )
        return self._read[name]

    def say_missing(self) -> None:
        """Say once what is not known of the coin."""
        missing = [self.metrics[name].name for name, found in self._read.items() if not len(found)]
        if missing:
            warn_once(
                logger,
                f"Of {self.coin} there are no facts, or two sources have them: "
                f"{', '.join(missing)}. What an entry needs of them is no entry; an exit rule "
                "without its facts is silent",
                about=f"facts of {self.coin}",
            )

    def value(self, name: MemeFact, hours: float | None = None) -> Floats:
        """Return the newest value that is at most ``hours`` old."""
        return as_of(states(self.all(name)), self.closes, hours or self.max_age).value

    def age(self, name: MemeFact, hours: float, *, positive: bool = False) -> Floats:
        """Return how many hours ago the newest value happened; of those above 0 if asked."""
        found = self.all(name)
        found = found.take(found.value > 0) if positive else found
        return as_of(states(found), self.closes, hours).age

    def day_change(self, name: MemeFact) -> Floats:
        """Return what a value has gained since a day before."""
        series = states(self.all(name))
        before = as_of(series, self.closes - int(DAY * HOUR), self.max_age).value
        return self.value(name) - before

    def unusual(self, name: MemeFact, hours: float, least: int) -> Floats:
        """Return the newest value's deviations from those of ``hours`` before it."""
        found = self.all(name)
        return measured(found, self.closes, hours, lambda _, v: spike(v, least), self.max_age)

    def day_growth(self, name: MemeFact) -> Floats:
        """Return by which share a count has grown within a day."""
        return measured(self.all(name), self.closes, 2 * DAY, day_growth, self.max_age)


def attention(known: _CoinFacts, settings: MemeSettings) -> Attention:
    """Return what was known at each close."""
    history = DAY * settings.history_days
    listed = known.value("listing", DAY * settings.listing_days)
    listed_age = known.age("listing", DAY * settings.listing_days)
    return Attention(
        mention_growth=known.day_growth("mentions"),
        zscore=known.unusual("mentions", history, settings.min_history),
        listed_days=np.where(listed > 0, listed_age / DAY, np.nan),
        influencers=known.value("influencers"),
        narrative=known.value("narrative"),
        token_days=known.value("token_age_days") + known.age("token_age_days", known.max_age) / DAY,
        holder_growth=known.day_growth("holders"),
        market_cap=known.value("market_cap"),
        safe=_safe(known, settings),
        velocity=known.day_change("sentiment"),
        spoke_hours=known.age("influencers", settings.quiet_hours, positive=True),
        influencer_sales=known.value("influencer_sales"),
        inflow=known.unusual("exchange_inflow", history, settings.min_history),
    )


def _safe(known: _CoinFacts, settings: MemeSettings) -> Floats:
    """Return 1 where every rug-pull check passes, 0 where one fails or is not known."""
    wanted = checks(settings.max_top10_share, settings.max_developer_moves)
    names: tuple[MemeFact, ...] = get_args(MemeFact)
    passes = np.ones(len(known.closes), np.bool_)
    for name in names:
        if name in wanted:
            figure = known.value(name)
            passes &= (figure >= wanted[name].least) & (figure <= wanted[name].most)
    return passes.astype(np.float64)


def require_memes(settings: Settings) -> None:
    """Refuse where memecoins would not be sold in parts.

    :raises RefuseToStart: naming the setting.
    """
    if not scales_memes(settings.risk.exits):
        raise RefuseToStart(
            "MemeMomentum sells at multiples of the price, and that is switched off: a trade would "
            "have its stop alone, and none is opened. Open ones stay as they are. Put "
            '"freqpilot": {"risk": {"exits": {"meme": {"enabled": true}}}} into your config'
        )


def tradable(pair: str, settings: Settings) -> bool:
    """Tell whether a pair's coin is a memecoin: only then its caps and exits hold."""
    if asset_of(pair, settings.risk).kind == "meme":
        return True
    warn_once(
        logger,
        f"{pair} is no memecoin by freqpilot.risk.taxonomy, so MemeMomentum does not enter it; if "
        f'it is one, add {{"{base_of(pair)}": {{"class": "meme", "sector": "meme"}}}} there',
    )
    return False
