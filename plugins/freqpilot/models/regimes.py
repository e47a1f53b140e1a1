"""Fits a Gaussian hidden Markov model of the market's regimes, and keeps it in a stamped file.

hmmlearn fits; what filters candles with the fitted figures is :mod:`freqpilot.signals.hmm`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from freqpilot.errors import Degraded
from freqpilot.shapes import Floats

PRIOR = 0.1
"""Weight of a state's prior, as a share of all rows. Without one a state of a few percent of the
rows, as a crash is, is given up for a second ordinary one that explains more of them."""
WIDTH = 0.05
"""Variance that is added to a prior's, in standardised units, so that it is never singular."""
STEPS, SETTLED = 60, 2e-3
"""Steps of the fit at most, and the change of any mean or transition at which it has settled."""
LEAST_ROWS = 2_000
FLOOR = 1e-5
"""The least probability of a transition, so that a filter can always leave a state."""


@dataclass(frozen=True)
class RegimeModel:
    """A fitted model. Times are nanoseconds since the epoch.

    ``names`` gives each of the k states the name of a regime, ``inputs`` the d figures in the order
    of ``center`` and ``scale``, which standardise them; ``means`` (k × d) and ``covariances`` (k ×
    d × d) are of standardised figures, ``transition`` (k × k) has the probabilities of a candle to
    the next. ``fitted_until``: no candle that closed later was seen. ``timeframe`` is in minutes.
    """

    names: tuple[str, ...]
    inputs: tuple[str, ...]
    center: Floats
    scale: Floats
    means: Floats
    covariances: Floats
    transition: Floats
    timeframe: int
    fitted_from: int
    fitted_until: int
    rows: int = 0
    pairs: tuple[str, ...] = ()
    data: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def stationary(self) -> Floats:
        """The share of time in each state in the long run: the left eigenvector of 1."""
        k = len(self.transition)
        system = np.vstack([self.transition.T - np.eye(k), np.ones(k)])
        found = np.linalg.lstsq(system, np.r_[np.zeros(k), 1.0], rcond=None)[0]
        positive = np.maximum(found, FLOOR)
        shares: Floats = positive / positive.sum()
        return shares

    def save(self, path: Path) -> None:
        """Write the model as JSON with a digest of its content, complete or not at all."""
        content = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in asdict(self).items()
        }
        body = json.dumps(content, sort_keys=True)
        document = json.dumps({"digest": _digest(body), "content": body})
        path.parent.mkdir(parents=True, exist_ok=True)
        # A bot may read the folder at any moment.
        part = path.with_suffix(".part")
        part.write_text(document, encoding="utf-8")
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> "RegimeModel":
        """Read a model.

        :raises Degraded: when the file is missing, is none, or was changed.
        """
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            body = document["content"]
            if _digest(body) != document["digest"]:
                raise ValueError("its content does not fit its digest")
            return cls._of(json.loads(body))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Degraded(
                f"the regime model {path} is corrupt or missing ({error}), so it is not used: an "
                "older one or the rules tell the regime, open trades are managed as before; write "
                "it anew with freqpilot regimes fit"
            ) from None

    @classmethod
    def _of(cls, content: dict[str, Any]) -> "RegimeModel":
        arrays = ("center", "scale", "means", "covariances", "transition")
        figures = {name: np.array(content.pop(name), dtype=np.float64) for name in arrays}
        for name in ("names", "inputs", "pairs"):
            content[name] = tuple(content[name])
        model = cls(**{**content, **figures})
        k, d = len(model.names), len(model.inputs)
        shapes = {"center": (d,), "scale": (d,), "means": (k, d), "covariances": (k, d, d)}
        for name, shape in {**shapes, "transition": (k, k)}.items():
            if figures[name].shape != shape or not np.isfinite(figures[name]).all():
                raise ValueError(f"{name} is not of finite figures of the shape {shape}")
        np.linalg.cholesky(model.covariances)  # a ValueError of its own where one is no covariance
        return model


def fit(
    sequences: Sequence[Floats],
    opinions: Sequence[Floats],
    inputs: Sequence[str],
    *,
    timeframe: int,
    fitted_from: int,
    fitted_until: int,
    pairs: Sequence[str] = (),
    data: str = "",
) -> RegimeModel:
    """Return a model of one state for each column of ``opinions``, in their order.

    It is the maximum a posteriori by expectation and maximisation (Rabiner 1989; Gauvain and Lee
    1994), which begins at the priors and draws no random number. The prior of a state's mean and
    covariance is that of the rows by the share that the opinions give them, weighted as
    :data:`PRIOR` of all rows.

    :param sequences: the figures (n × d) of unbroken stretches of candles, no NaN.
    :param opinions: how probable another detector finds each regime (n × k) at the same rows.
    :returns: the model; its ``names`` are the numbers of the columns, for the caller to give.
    :raises Degraded: when the rows are too few, or the fit does not settle.
    """
    rows = sum(len(each) for each in sequences)
    if rows < LEAST_ROWS:
        raise Degraded(f"no regime model: {rows} rows are too few, {LEAST_ROWS} are needed")
    x, shares = np.concatenate(sequences), np.concatenate(opinions)
    center, scale = x.mean(axis=0), x.std(axis=0)
    if not np.isfinite(x).all() or not (scale > 0).all():
        raise Degraded("no regime model: a figure is missing or never changes")
    model = _begin((x - center) / scale, shares, [len(each) for each in sequences])
    _settle(model, (x - center) / scale, [len(each) for each in sequences])
    transition = np.maximum(model.transmat_, FLOOR)
    return RegimeModel(
        names=tuple(map(str, range(shares.shape[1]))),
        inputs=tuple(inputs),
        center=center,
        scale=scale,
        means=model.means_,
        covariances=model.covars_,
        transition=transition / transition.sum(axis=1, keepdims=True),
        timeframe=timeframe,
        fitted_from=fitted_from,
        fitted_until=fitted_until,
        rows=rows,
        pairs=tuple(pairs),
        data=data,
        versions=_versions(),
    )


def _begin(x: Floats, shares: Floats, lengths: Sequence[int]) -> Any:
    """Return hmmlearn's model with its priors, at the priors."""
    from hmmlearn.hmm import GaussianHMM

    k, d = shares.shape[1], x.shape[1]
    weight = shares / np.maximum(shares.sum(axis=0), 1.0)
    means = weight.T @ x
    spread = np.eye(d) * WIDTH
    covariances = np.array(
        [(x - means[s]).T @ ((x - means[s]) * weight[:, [s]]) + spread for s in range(k)]
    )
    likeliest = shares.argmax(axis=1)
    moves = np.ones((k, k))
    ends = np.cumsum(lengths)[:-1] - 1  # from one stretch to the next is no move
    inside = np.setdiff1d(np.arange(len(x) - 1), ends)
    np.add.at(moves, (likeliest[inside], likeliest[inside + 1]), 1)
    held = PRIOR * len(x)
    model = GaussianHMM(
        k,
        covariance_type="full",
        n_iter=1,
        params="tmc",
        init_params="",
        implementation="scaling",
        means_prior=means,
        means_weight=held,
        covars_prior=held * covariances,
        covars_weight=held + d,
    )
    model.startprob_ = np.full(k, 1.0 / k)
    model.means_, model.covars_ = means, covariances
    model.transmat_ = moves / moves.sum(axis=1, keepdims=True)
    return model


def _settle(model: Any, x: Floats, lengths: Sequence[int]) -> None:
    """Fit step by step. hmmlearn's own criterion is the likelihood, which may fall where a prior
    holds the figures."""
    from threadpoolctl import threadpool_limits

    for _ in range(STEPS):
        before = model.means_.copy(), model.transmat_.copy()
        try:
            # Its products are so thin that threads only wait for each other.
            with threadpool_limits(1):
                model.fit(x, lengths)
        except ValueError as error:
            raise Degraded(f"no regime model: hmmlearn could not fit it ({error})") from None
        after = model.means_, model.transmat_
        if not all(np.isfinite(each).all() for each in after):
            raise Degraded("no regime model: its figures are not finite")
        if max(np.abs(new - old).max() for new, old in zip(after, before, strict=True)) < SETTLED:
            return
    raise Degraded(f"no regime model: the fit has not settled in {STEPS} steps")


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("hmmlearn", "numpy", "freqpilot")}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
