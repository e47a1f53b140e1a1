"""Sentences of our own with labels (pure): the encoder's head learns from them beside two open
sets, and an exported model is compared with its original on them.

Written for this purpose; they name no event, firm or coin, as that would be hindsight.
"""

from collections.abc import Sequence

SUBJECTS = ("The token", "$XYZ", "The company", "This coin", "The exchange's stock")

POSITIVE = """
{} soars to a record high
{} rallies 12% after strong quarterly results
{} jumps as demand beats all forecasts
{} breaks out above resistance on heavy volume
{} looks ready for the next leg up
{} bounces off support, buyers step in
{} raises its guidance for the year
{} gets approval from the regulator
{} wins a large contract
{} reports profit up from 3.1 million a year earlier to 4.5 million
{} turned to a profit from a loss the year before
{} sees inflows for a fifth week in a row
{} upgraded to buy, price target raised
{} announces a buyback and lifts its dividend
{} will be listed on the largest exchange
{} signs a partnership with a major bank
{} hits one million active users, adoption keeps growing
{} recovers all of its losses
{} added to my position, great setup here
{} long here, chart looks beautiful
{} loading up on calls, this goes higher
{} squeezing shorts, up big today
{} holding strong while the market bleeds
{} undervalued at this price, buying every dip
{} higher highs and higher lows, trend is up
{} bullish engulfing on the daily, target hit next
{} the mainnet upgrade went live without a problem
{} net sales rose by 14% and operating profit doubled
{} exploit was stopped, all funds are safe
{} won its case against the regulator
{} outperforms the market again
{} short interest falls and momentum turns up
{} moon soon, not selling a single one
{} cuts its costs and margins widen
{} debt repaid early, outlook raised to stable from negative
{} whales accumulate, supply on exchanges at a low
{} beats estimates on revenue and earnings
{} nice gains today, taking some off but still in
{} demand is back and orders are growing
{} could double from here
"""

NEUTRAL = """
{} will publish its results on Thursday
{} holds its annual meeting next month
{} trades at 41.20, little changed
{} names a new head of marketing
{} moves its office to another city
{} what is it and how does it work
{} explained: a guide for beginners
{} price analysis for the week
{} releases the agenda of its conference
{} is the subject of our podcast today
{} to present at an industry event
{} completes the transaction announced earlier
{} the value of the deal was not disclosed
{} publishes a transcript of its call
{} five things to know before the market opens
{} here is what to watch this week
{} files its annual report
{} the board has nine members
{} employs around 300 people in two countries
{} files form 8-K
{} declares its regular quarterly dividend of 0.12
{} weekly recap and open thread
{} question about fees, can anyone help?
{} what do you think about it?
{} consolidates in a range, no direction yet
{} opens a survey for its community
{} announces the date of a network vote
{} is one of many such projects
{} explains the rules for staking
{} launches a page for frequently asked questions
{} shares were unchanged at the close
{} is scheduled to be audited in spring
{} a look at the numbers behind it
{} central bank leaves rates as they were
{} the offering is handled by two banks
{} sold 200 units in each of the two years
{} interview with one of the founders
{} how to move your wallet to a new phone
{} watchlist for tomorrow
{} the study compares several networks
"""

NEGATIVE = """
{} crashes to a record low
{} plunges 15% after weak quarterly results
{} falls as demand misses all forecasts
{} breaks down below support on heavy volume
{} looks ready for the next leg down
{} rejected at resistance again, sellers in control
{} cuts its guidance for the year
{} is sued by the regulator
{} loses its largest customer
{} reports profit down from 4.5 million a year earlier to 3.1 million
{} swung to a loss from a profit the year before
{} sees outflows for a fifth week in a row
{} downgraded to sell, price target cut
{} suspends its dividend
{} will be delisted from the largest exchange
{} partner walks away from the deal
{} users are leaving, activity keeps falling
{} gives up all of its gains
{} sold everything, this chart is broken
{} short here, chart looks terrible
{} loading up on puts, this goes lower
{} longs get liquidated, down big today
{} weak while the whole market is green
{} overvalued at this price, selling every bounce
{} lower highs and lower lows, trend is down
{} bearish engulfing on the daily, next stop lower
{} network halts again, transactions are stuck
{} net sales fell by 14% and operating profit halved
{} was hacked, wallets were drained
{} lost its case against the regulator
{} underperforms the market again
{} insiders sell and momentum turns down
{} rug pull, the team has gone with the money
{} costs rise and margins shrink
{} defaults on its debt, outlook cut to negative
{} whales dump on the market, supply on exchanges rises
{} misses estimates on revenue and earnings
{} painful losses today, stopped out again
{} warns of layoffs as orders dry up
{} could halve from here
{} halts withdrawals
{} files for bankruptcy
{} founder arrested for fraud
{} loses its peg to the dollar
"""


def sentences(subjects: Sequence[str] = SUBJECTS) -> tuple[list[str], list[int]]:
    """Return each sentence with each subject, and their labels −1, 0, 1."""
    texts: list[str] = []
    labels: list[int] = []
    for label, block in ((-1, NEGATIVE), (0, NEUTRAL), (1, POSITIVE)):
        for line in block.strip().splitlines():
            texts += [line.format(subject) for subject in subjects]
            labels += [label] * len(subjects)
    return texts, labels
