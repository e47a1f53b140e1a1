"""The sequence models as models of the catalogue."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from freqpilot.models.boosting import winsorised
from freqpilot.models.fitted import Fitted
from freqpilot.models.heads import fit_mean
from freqpilot.models.runtime import require
from freqpilot.models.scaling import robust_scale
from freqpilot.models.sequences.context import newest
from freqpilot.models.sequences.core import SequenceMean
from freqpilot.models.window import Window, parts
from freqpilot.settings import LabelSettings, SequenceSettings
from freqpilot.shapes import Ints

DEFAULT = SequenceSettings()


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
        """Fit on one window; see :class:`freqpilot.models.fitted.Model`.

        :raises RefuseToStart: without torch, or without the GPU that is asked for.
        :raises ValueError: when the columns are no whole candles.
        """
        split = parts(window, settings)
        require(f"the model {self.name}", self.settings.device)
        from freqpilot.models.sequences.training import Part, Scale, train

        columns = self._columns(window)
        label = winsorised(window.y, window.y[split.train])

        def part(rows: Ints) -> Part:
            return Part(window.x[np.ix_(rows, columns)], label[rows], window.weights[rows])

        learnt, tune = part(split.train), part(split.tune)
        # Only the row's own candle, or the same candles would count ``length`` times.
        scale = Scale(*robust_scale(newest(learnt.x, self.length)))
        weights = train(self.name, learnt, tune, scale, self.settings, seed)
        core = SequenceMean(
            self.name,
            self.length,
            self.settings.hidden,
            tuple(map(float, scale.centre)),
            tuple(map(float, scale.scale)),
            tuple((weight.name, weight.shape, weight.data) for weight in weights),
        )
        head = fit_mean(
            (core.raw(tune.x), window.y[split.tune], window.weights[split.tune]),
            (
                core.raw(window.x[np.ix_(split.hold, columns)]),
                window.y[split.hold],
                window.unique[split.hold],
            ),
        )
        return Fitted(core, head, window.names, tuple(int(k) for k in columns))

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

    It does not beat the baselines: see ``docs/results.md``.
    """

    name: ClassVar[str] = "bilstm"


@dataclass(frozen=True)
class GRU(SequenceModel):
    """A gated recurrent unit.

    It does not beat the baselines: see ``docs/results.md``.
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
