"""The figures of a report, in plotly: quiet, light, and readable on a phone."""

import calendar
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from freqpilot.journal.contributions import PREFIX, analysts, winners_and_losers
from freqpilot.journal.measures import Costs, drawdown

INK = "#26323d"
BLUE = "#2f6690"
GREY = "#9aa5b1"
GAIN = "#2a9d6f"
LOSS = "#c8553d"
GRID = "#e8ecf0"
SERIES = ("#2f6690", "#e0a33e", "#7a9e7e", "#8d6a9f", "#c8553d", "#5f9ea0", "#9aa5b1")
MAX_POINTS = 4_000  # a line drawn over a screen shows no more
MAX_BARS = 240
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


def equity_chart(equity: pd.Series, held: pd.Series, currency: str) -> go.Figure:
    """Return the account over time with its drawdown below, buy and hold dashed beside it."""
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.7, 0.3], vertical_spacing=0.06
    )
    line, fall = thinned(equity), thinned(drawdown(equity) * 100)
    figure.add_scatter(
        x=line.index, y=line, name="strategy", line={"color": BLUE, "width": 2}, row=1, col=1
    )
    if len(held):
        hold = thinned(held)
        figure.add_scatter(
            x=hold.index,
            y=hold,
            name="buy and hold",
            line={"color": GREY, "width": 1.5, "dash": "dot"},
            row=1,
            col=1,
        )
    figure.add_scatter(
        x=fall.index,
        y=fall,
        name="drawdown",
        fill="tozeroy",
        line={"color": LOSS, "width": 1},
        fillcolor="rgba(200,85,61,0.15)",
        showlegend=False,
        row=2,
        col=1,
    )
    figure.update_yaxes(title_text=currency, row=1, col=1)
    figure.update_yaxes(title_text="drawdown, %", row=2, col=1)
    return _styled(figure, 460)


def trades_chart(trades: pd.DataFrame, prices: Mapping[str, pd.Series]) -> go.Figure:
    """Return the price of one pair with its entries and exits; a menu changes the pair. The pair
    with most trades comes first."""
    pairs = list(trades["pair"].value_counts().index)
    figure = go.Figure()
    spans: list[tuple[int, int]] = []
    for pair in pairs:
        before = len(figure.data)
        _add_pair(figure, trades[trades["pair"] == pair], prices.get(pair))
        spans.append((before, len(figure.data)))
    count = len(figure.data)
    buttons = [
        {
            "label": pair,
            "method": "update",
            "args": [{"visible": [first <= place < last for place in range(count)]}],
        }
        for pair, (first, last) in zip(pairs, spans, strict=True)
    ]
    for place, trace in enumerate(figure.data):
        trace.visible = spans[0][0] <= place < spans[0][1]
    menu = {"buttons": buttons, "x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom"}
    figure.update_layout(updatemenus=[{**menu, "bgcolor": "#fff", "bordercolor": GRID}])
    _styled(figure, 480)
    figure.update_layout(
        margin={"t": 60},
        hovermode="closest",
        legend={"x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom", "orientation": "h"},
    )
    return figure


def _add_pair(figure: go.Figure, trades: pd.DataFrame, price: pd.Series | None) -> None:
    if price is not None:
        line = thinned(price)
        style = {"color": GREY, "width": 1}
        figure.add_scatter(
            x=line.index, y=line, name="price", mode="lines", line=style, hoverinfo="skip"
        )
    for won, colour, name in ((True, GAIN, "gain"), (False, LOSS, "loss")):
        part = trades[(trades["profit_abs"] > 0) == won]
        if part.empty:
            continue
        figure.add_scatter(
            x=_joined(part, "open_date", "close_date"),
            y=_joined(part, "open_rate", "close_rate"),
            mode="lines",
            line={"color": colour, "width": 1.5},
            name=name,
            hoverinfo="skip",
        )
        _add_marks(figure, part, colour)


def _add_marks(figure: go.Figure, part: pd.DataFrame, colour: str) -> None:
    profit = (part["profit_ratio"] * 100).round(2).astype(str) + " %"
    side = np.where(part["is_short"], "short", "long")
    figure.add_scatter(
        x=part["open_date"],
        y=part["open_rate"],
        mode="markers",
        marker={
            "symbol": np.where(part["is_short"], "triangle-down", "triangle-up"),
            "size": 9,
            "color": colour,
        },
        text=[f"{a} in: {b}, {c}" for a, b, c in zip(side, part["enter_tag"], profit, strict=True)],
        hovertemplate="%{x}<br>%{y}<br>%{text}<extra></extra>",
        showlegend=False,
    )
    figure.add_scatter(
        x=part["close_date"],
        y=part["close_rate"],
        mode="markers",
        marker={"symbol": "x-thin", "size": 7, "line": {"color": colour, "width": 2}},
        text=[f"out: {a}, {b}" for a, b in zip(part["exit_reason"], profit, strict=True)],
        hovertemplate="%{x}<br>%{y}<br>%{text}<extra></extra>",
        showlegend=False,
    )


def _joined(part: pd.DataFrame, first: str, last: str) -> list[object]:
    """Return entry, exit and a gap for each trade, so that one line draws them all."""
    rows = zip(part[first].tolist(), part[last].tolist(), strict=True)
    return [point for begin, end in rows for point in (begin, end, None)]


def contributions_chart(joined: pd.DataFrame) -> go.Figure:
    """Return the analysts' contributions to each trade, stacked; the newest :data:`MAX_BARS`."""
    recent = joined.tail(MAX_BARS).reset_index(drop=True)
    first = len(joined) - len(recent) + 1
    figure = go.Figure()
    hover = [
        f"{pair}, {date:%Y-%m-%d %H:%M}, {profit:+.2f}"
        for pair, date, profit in zip(
            recent["pair"], recent["open_date"], recent["profit_abs"], strict=True
        )
    ]
    for place, name in enumerate(analysts(joined)):
        figure.add_bar(
            x=list(range(first, first + len(recent))),
            y=recent[PREFIX + name],
            name=name.replace("_", " "),
            marker={"color": SERIES[place % len(SERIES)], "line": {"width": 0}},
            customdata=hover,
            hovertemplate="%{customdata}<br>%{fullData.name}: %{y:+.3f}<extra></extra>",
        )
    figure.update_layout(barmode="relative", bargap=0.1)
    figure.update_xaxes(title_text="trade")
    figure.update_yaxes(title_text="contribution to the composite")
    _styled(figure, 400)
    return figure.update_layout(hovermode="closest")


def winners_chart(joined: pd.DataFrame) -> go.Figure:
    """Return each analyst's mean contribution to trades that gained and that lost."""
    table = winners_and_losers(joined)
    names = [name.replace("_", " ") for name in table.index]
    figure = go.Figure()
    for column, colour in (("winners", GAIN), ("losers", LOSS)):
        figure.add_bar(
            y=names,
            x=table[column],
            name=column,
            orientation="h",
            marker={"color": colour},
            hovertemplate="%{y}: %{x:+.3f}<extra>" + column + "</extra>",
        )
    figure.update_xaxes(title_text="mean contribution at entry")
    figure.update_yaxes(autorange="reversed")
    _styled(figure, 300)
    return figure.update_layout(hovermode="closest")


def monthly_chart(returns: pd.Series) -> go.Figure:
    """Return the return of each month: bars, or a table of years and months in colours when they
    are more than 18."""
    percent = returns * 100
    index = pd.DatetimeIndex(percent.index)
    if len(percent) <= 18:
        figure = go.Figure()
        figure.add_bar(
            x=[f"{time:%b %Y}" for time in index],
            y=percent,
            marker={"color": np.where(percent >= 0, GAIN, LOSS)},
            text=[f"{value:+.1f}" for value in percent],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{x}: %{y:+.2f} %<extra></extra>",
        )
        figure.update_yaxes(title_text="return, %")
        return _styled(figure, 320)
    frame = pd.DataFrame({"year": index.year, "month": index.month, "value": percent.to_numpy()})
    table = frame.pivot(index="year", columns="month", values="value").reindex(columns=range(1, 13))
    bound = float(np.nanmax(np.abs(table.to_numpy()))) or 1.0
    figure = go.Figure(
        go.Heatmap(
            z=table.to_numpy(),
            x=list(calendar.month_abbr)[1:],
            y=[str(year) for year in table.index],
            zmin=-bound,
            zmax=bound,
            colorscale=[[0, LOSS], [0.5, "#f7f8fa"], [1, GAIN]],
            texttemplate="%{z:+.1f}",
            hovertemplate="%{y} %{x}: %{z:+.2f} %<extra></extra>",
            xgap=2,
            ygap=2,
            showscale=False,
        )
    )
    figure.update_yaxes(autorange="reversed", type="category")
    return _styled(figure, 110 + 46 * len(table))


def beside_chart(alone: pd.Series, guarded: pd.Series, currency: str) -> go.Figure:
    """Return two accounts over time, without and with the supervisor, their drawdowns below."""
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.62, 0.38], vertical_spacing=0.06
    )
    kinds = (("without", alone, LOSS), ("with the supervisor", guarded, BLUE))
    for name, equity, colour in kinds:
        line, fall = thinned(equity), thinned(drawdown(equity) * 100)
        style = {"color": colour, "width": 1.8}
        figure.add_scatter(x=line.index, y=line, name=name, line=style, row=1, col=1)
        figure.add_scatter(
            x=fall.index,
            y=fall,
            name=f"drawdown {name}",
            line={"color": colour, "width": 1.2},
            showlegend=False,
            row=2,
            col=1,
        )
    figure.update_yaxes(title_text=currency, row=1, col=1)
    figure.update_yaxes(title_text="drawdown, %", row=2, col=1)
    return _styled(figure, 480)


def costs_chart(costs: Costs, currency: str) -> go.Figure:
    """Return how fees and funding lead from the profit before them to the net profit."""
    steps = [("before costs", costs.before, "absolute"), ("fees", -costs.fees, "relative")]
    if costs.funding:
        steps.append(("funding", -costs.funding, "relative"))
    steps.append(("net", costs.net, "total"))
    return steps_chart(steps, currency)


def steps_chart(steps: Sequence[tuple[str, float, str]], currency: str) -> go.Figure:
    """Return how one sum becomes another: name, value and plotly's measure of each step."""
    figure = go.Figure(
        go.Waterfall(
            x=[name for name, _, _ in steps],
            y=[value for _, value, _ in steps],
            measure=[measure for _, _, measure in steps],
            text=[f"{value:+.2f}" for _, value, _ in steps],
            textposition="outside",
            cliponaxis=False,
            connector={"line": {"color": GRID}},
            increasing={"marker": {"color": GAIN}},
            decreasing={"marker": {"color": LOSS}},
            totals={"marker": {"color": BLUE}},
            hovertemplate="%{x}: %{y:.2f}<extra></extra>",
        )
    )
    figure.update_yaxes(title_text=currency)
    return _styled(figure, 320)


def thinned(series: pd.Series) -> pd.Series:
    """Return the series with at most :data:`MAX_POINTS` points (about), the lowest and highest of
    each stretch kept, so that no peak or trough is lost."""
    if len(series) <= MAX_POINTS:
        return series
    stretch = np.arange(len(series)) * (MAX_POINTS // 2 - 1) // len(series)
    values = pd.Series(series.to_numpy(dtype=float))
    groups = values.groupby(stretch)
    keep = {0, len(series) - 1, *groups.idxmin(), *groups.idxmax()}
    return series.iloc[sorted(keep)]


def _styled(figure: go.Figure, height: int) -> go.Figure:
    figure.update_layout(
        height=height,
        template="none",
        font={"family": FONT, "size": 13, "color": INK},
        margin={"l": 64, "r": 16, "t": 36, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        hovermode="x unified",
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        dragmode="pan",
    )
    figure.update_xaxes(gridcolor=GRID, zeroline=False, linecolor=GRID)
    figure.update_yaxes(gridcolor=GRID, zerolinecolor="#c9d1d9", automargin=True)
    return figure
