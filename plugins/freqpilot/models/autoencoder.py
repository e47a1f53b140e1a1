"""An anomaly guard: an autoencoder learns how features hang together, and refuses the rows that it
cannot put together again.

Sources: M. Sakurada and T. Yairi, Anomaly Detection Using Autoencoders with Nonlinear
Dimensionality Reduction, 2014; the threshold is split-conformal (R. Laxhammar, Conformal Anomaly
Detection, 2014).
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from freqpilot.models.base import artefact
from freqpilot.models.base.arrays import decode, encode
from freqpilot.models.base.runtime import reproducible, require
from freqpilot.models.base.scaling import robust_scale, scaled
from freqpilot.models.base.window import TooShort
from freqpilot.settings import GuardSettings
from freqpilot.shapes import Bools, Floats, Floats32, Ints

VERSION = 1
FAR = 10.0
"""Scales beyond which a feature is no stranger still."""
BATCH = 128
LEAST = 20
"""Rows that each part has to hold."""


@dataclass(frozen=True)
class Autoencoder:
    """Medians and scales of the features, the four layers' weights as text, and the ``threshold``
    of the reconstruction error. Values and text only; it serves without torch."""

    centre: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[tuple[str, tuple[int, ...], str], ...]
    threshold: float

    def errors(self, x: Floats32) -> Floats:
        """Return the mean squared reconstruction error of each row, in squared scales; NaN for a
        row with a missing figure.

        :raises ValueError: when ``x`` has another number of columns than the training data.
        """
        if x.ndim != 2 or x.shape[1] != len(self.centre):
            raise ValueError(f"the guard knows {len(self.centre)} features, not {x.shape[1:]}")
        whole = np.isfinite(x).all(axis=1)
        out = np.full(len(x), np.nan)
        if whole.any():
            z = scaled(x[whole], np.asarray(self.centre), np.asarray(self.scale), FAR)
            # Rounded to float32: how many rows are asked for moves the last bits of a product.
            out[whole] = ((self._rebuilt(z) - z) ** 2).mean(axis=1).astype(np.float32)
        return out

    def accepts(self, x: Floats32) -> Bools:
        """Return which rows are usual; one with a missing figure is not."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.errors(x) <= self.threshold)

    def save(self, path: Path) -> None:
        """Write it as JSON with a digest of its content."""
        artefact.write(path, {"version": VERSION, **asdict(self)})

    @classmethod
    def load(cls, path: Path) -> "Autoencoder":
        """Read what :meth:`save` wrote.

        :raises Degraded: when the file is missing, is none, or was changed.
        """
        content = artefact.read(path)
        try:
            if content.pop("version") != VERSION:
                raise ValueError(f"its version is not {VERSION}")
            weights = tuple((n, tuple(shape), data) for n, shape, data in content.pop("weights"))
            centre, scale = tuple(content.pop("centre")), tuple(content.pop("scale"))
            return cls(centre, scale, weights, **content)
        except (ValueError, KeyError, TypeError) as error:
            raise artefact.corrupt(path, error) from None

    def _rebuilt(self, z: Floats) -> Floats:
        found = z
        arrays = [decode(weight).astype(np.float64) for weight in self.weights]
        for layer, (slope, level) in enumerate(zip(arrays[::2], arrays[1::2], strict=True)):
            found = found @ slope.T + level
            if layer in (0, 2):
                found = np.tanh(found)
        return found


def fit(x: Floats32, settings: GuardSettings, share: float, gap: int, seed: int) -> Autoencoder:
    """Return the guard of a window's rows, oldest first (n × k).

    The newest ``share`` is held apart: its first half ends the training early, the ``quantile`` of
    its second half's errors is the threshold, and ``gap`` rows, whose features overlap, are left
    out before each. Rows with a missing figure are left out.

    :raises TooShort: when a part holds fewer than :data:`LEAST` rows.
    :raises RefuseToStart: without torch.
    """
    require("the anomaly guard (freqpilot.models.guard)")
    x = x[np.isfinite(x).all(axis=1)]
    parts = _parts(len(x), share, gap)
    for name, rows in zip(("train", "tune", "threshold"), parts, strict=True):
        if len(rows) < LEAST:
            raise TooShort(
                f"{len(x)} rows leave {len(rows)} for the guard's part {name!r} behind a gap of "
                f"{gap}, fewer than {LEAST}; train on a longer window"
            )
    learnt, tune, hold = (x[rows] for rows in parts)
    centre, scale = robust_scale(learnt)
    weights = _train(
        scaled(learnt, centre, scale, FAR), scaled(tune, centre, scale, FAR), settings, seed
    )
    centres, scales = tuple(map(float, centre)), tuple(map(float, scale))
    found = Autoencoder(centres, scales, weights, np.inf)
    rising = np.sort(found.errors(hold))
    place = int(np.ceil((len(rising) + 1) * settings.quantile)) - 1
    threshold = float(rising[min(place, len(rising) - 1)])
    return Autoencoder(centres, scales, weights, threshold)


def _parts(rows: int, share: float, gap: int) -> tuple[Ints, Ints, Ints]:
    tail = rows - round(rows * share)
    half = tail + (rows - tail) // 2
    return (
        np.arange(0, max(tail - gap, 0)),
        np.arange(tail, max(half - gap, tail)),
        np.arange(half, rows),
    )


def _train(z: Floats, tune: Floats, settings: GuardSettings, seed: int) -> tuple[Any, ...]:
    """Return the weights of the epoch with the least error on ``tune``."""
    shuffles = np.random.default_rng(seed)
    width, hidden, code = z.shape[1], settings.hidden, min(settings.code, z.shape[1])
    with reproducible() as torch:
        generator = torch.Generator().manual_seed(seed)
        sizes = ((hidden, width), (code, hidden), (hidden, code), (width, hidden))
        layers = []
        for size in sizes:
            slope = torch.empty(size)
            torch.nn.init.xavier_uniform_(slope, generator=generator)
            layers += [slope.requires_grad_(), torch.zeros(size[0], requires_grad=True)]
        own, other = (torch.from_numpy(part.astype(np.float32)) for part in (z, tune))
        steps = torch.optim.AdamW(layers, lr=settings.learning_rate, weight_decay=1e-4)

        def loss(rows: Any) -> Any:
            found = rows
            for layer in range(4):
                found = torch.nn.functional.linear(found, layers[2 * layer], layers[2 * layer + 1])
                found = torch.tanh(found) if layer in (0, 2) else found
            return ((found - rows) ** 2).mean()

        best, kept, waited = np.inf, layers, 0
        for _ in range(settings.epochs):
            order = shuffles.permutation(len(own))
            for begin in range(0, len(own), BATCH):
                value = loss(own[order[begin : begin + BATCH]])
                steps.zero_grad()
                value.backward()
                steps.step()
            with torch.no_grad():
                now = float(loss(other))
            if now < best:
                best, waited = now, 0
                kept = [layer.detach().clone() for layer in layers]
            else:
                waited += 1
                if waited >= settings.patience:
                    break
        found = [encode(f"layer {k}", layer.detach().numpy()) for k, layer in enumerate(kept)]
        return tuple((weight.name, weight.shape, weight.data) for weight in found)
