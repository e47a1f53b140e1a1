"""The sequence models as models of the catalogue."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from freqpilot.models.base.fitted import Fitted
from freqpilot.models.base.heads import fit_mean
from freqpilot.models.base.runtime import require
from freqpilot.models.base.scaling import robust_scale, scaled
from freqpilot.models.base.window import Window, parts
from freqpilot.models.sequences.core import FAR, SequenceMean
from freqpilot.models.trees.boosting import winsorised
from freqpilot.settings import LabelSettings, SequenceSettings
from freqpilot.shapes import Floats, Floats32, Ints

DEFAULT = SequenceSettings()
ROWS = 1024
"""Rows that are scaled at once."""


@dataclass(frozen=True)
class SequenceModel:
    """Base: a network on the forward return in its volatility.

    Its window's rows carry their context: :func:`freqpilot.models.sequences.context.lagged` of
    ``settings.length`` candles. Codes (categorical columns) are left out: they have no scale.
    """

    name: ClassVar[str]
    classes: ClassVar[bool] = False
    settings: SequenceSettings = DEFAULT

    @property
    def length(self) -> int:
        """Candles of a row's context, its own among them."""
        return self.settings.length

    def fit(self, window: Window, settings: LabelSettings, seed: int) -> Fitted:
        """Fit on one window; see :class:`freqpilot.models.base.fitted.Model`.

        :raises RefuseToStart: without torch, or without the GPU that is asked for.
        :raises ValueError: when the columns are no whole candles.
        """
        split = parts(window, settings)
        require(f"the model {self.name}", self.settings.device)
        from freqpilot.models.sequences.training import Part, train

        columns = self._columns(window)
        label = winsorised(window.y, window.y[split.train])
        # Only the row's own candle, or the same candles would count ``length`` times.
        own = columns[len(columns) - len(columns) // self.length :]
        centre, scale = robust_scale(window.x[np.ix_(split.train, own)])

        def part(rows: Ints) -> Part:
            z = self._scaled(window.x, rows, columns, (centre, scale))
            return Part(z, label[rows], window.weights[rows])

        weights = train(self.name, part(split.train), part(split.tune), self.settings, seed)
        core = SequenceMean(
            self.name,
            self.length,
            self.settings.hidden,
            tuple(map(float, centre)),
            tuple(map(float, scale)),
            tuple((weight.name, weight.shape, weight.data) for weight in weights),
        )
        tune, hold = (
            core.raw(window.x[np.ix_(rows, columns)]) for rows in (split.tune, split.hold)
        )
        head = fit_mean(
            (tune, window.y[split.tune], window.weights[split.tune]),
            (hold, window.y[split.hold], window.unique[split.hold]),
        )
        return Fitted(core, head, window.names, tuple(int(k) for k in columns))

    def _scaled(
        self, x: Floats32, rows: Ints, columns: Ints, scale: tuple[Floats, Floats]
    ) -> Floats32:
        """Return rows as the network reads them (n × length × k), float64 only a part at a time."""
        out = np.empty((len(rows), self.length, len(columns) // self.length), np.float32)
        for begin in range(0, len(rows), ROWS):
            some = x[np.ix_(rows[begin : begin + ROWS], columns)]
            out[begin : begin + ROWS] = scaled(some.reshape(len(some), *out.shape[1:]), *scale, FAR)
        return out

    def _columns(self, window: Window) -> Ints:
        total = window.x.shape[1]
        if total % self.length:
            raise ValueError(
                f"{total} columns are no whole rows of {self.length} candles: give the model "
                "the lagged features of that length"
            )
        width = total // self.length
        codes = {k % width for k, name in enumerate(window.names) if name in window.categorical}
        return np.asarray([k for k in range(total) if k % width not in codes], np.int64)


@dataclass(frozen=True)
class BiLSTM(SequenceModel):
    """A bidirectional LSTM with attention.

    Its rank IC is above the baselines'; at 4 h chance explains as much, and its picks earn less
    than the ridge's: see ``docs/results.md``.
    """

    name: ClassVar[str] = "bilstm"


@dataclass(frozen=True)
class GRU(SequenceModel):
    """A gated recurrent unit.

    Its rank IC is above the baselines'; at 4 h chance explains as much, and its picks earn less
    than the ridge's: see ``docs/results.md``.
    """

    name: ClassVar[str] = "gru"


@dataclass(frozen=True)
class CNNLSTM(SequenceModel):
    """Convolutions, then an LSTM.

    It does not beat the baselines: see ``docs/results.md``.
    """

    name: ClassVar[str] = "cnn_lstm"


@dataclass(frozen=True)
class PatchTransformer(SequenceModel):
    """A Transformer over patches of candles.

    It does not beat the baselines: see ``docs/results.md``.
    """

    name: ClassVar[str] = "patch_transformer"
