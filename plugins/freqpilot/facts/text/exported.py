"""A classifier as ``freqpilot text export`` wrote it: by ONNX Runtime and tokenizers alone.

The folder holds ``model.onnx``, ``tokenizer.json`` and ``model.json``, which has the digests of
both and what the original said of some sentences. int8 kernels differ between processors, so that
is asked again on loading. An int8 score depends a little on the texts of its batch, as activations
are scaled together; it is kept once and not computed again.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from freqpilot.errors import RefuseToStart
from freqpilot.facts.text.classes import BATCH, Order, batches, chances, ordered, scored
from freqpilot.facts.text.clean import clean
from freqpilot.facts.text.scorer import Scored
from freqpilot.facts.text.sentences import sentences
from freqpilot.shapes import Floats

FORMAT = 1
MANIFEST, MODEL, TOKENS = "model.json", "model.onnx", "tokenizer.json"
LEAST_AGREED = 0.95
"""Share of sentences of the same likeliest class."""
MOST_APART = 0.3
"""Largest difference of a score −1…1."""
EVERY = 4
"""On loading, each fourth sentence is asked."""
THREADS = 2
INSTALL = "pip install 'freqpilot[text]'"


class Parity(NamedTuple):
    """How near two models are: the share of equal classes, the largest difference of scores."""

    agreed: float
    apart: float

    @property
    def fits(self) -> bool:
        """Tell whether one may stand for the other; NaN never does."""
        return self.agreed >= LEAST_AGREED and self.apart <= MOST_APART


def parity(found: Floats, wanted: Floats) -> Parity:
    """Compare (n, 3) chances of the same texts."""
    same = found.argmax(axis=1) == wanted.argmax(axis=1)
    apart = np.abs((found[:, 2] - found[:, 0]) - (wanted[:, 2] - wanted[:, 0]))
    return Parity(float(same.mean()), float(apart.max()))


def asked() -> list[str]:
    """Return the sentences on which models are compared."""
    return sentences(("The token",))[0]


@dataclass(frozen=True)
class Manifest:
    """What ``model.json`` holds: ``said`` are the original's chances of :func:`asked`."""

    name: str
    origin: str
    known_from: datetime
    order: Order
    pad: int
    inputs: tuple[str, ...]
    precision: str
    digests: dict[str, str]
    said: tuple[tuple[float, float, float], ...]
    format: int = FORMAT


class Exported:
    """An exported classifier; :func:`load` makes one."""

    def __init__(self, manifest: Manifest, session: Any, tokenizer: Any) -> None:
        self._manifest, self._session, self._tokenizer = manifest, session, tokenizer
        self.name, self.known_from = manifest.name, manifest.known_from
        text = json.dumps([manifest.digests, manifest.order, manifest.pad], sort_keys=True)
        self.version = hashlib.sha256(text.encode()).hexdigest()[:8]

    def probabilities(self, texts: Sequence[str], size: int = BATCH) -> Floats:
        """Return (n, 3): how likely each text is negative, neutral, positive."""
        read = self._tokenizer.encode_batch([clean(text) for text in texts])
        order = self._manifest.order
        found = np.zeros((len(texts), len(order) - (order.neutral < 0)))
        for batch in batches([each.ids for each in read], self._manifest.pad, size):
            given = {
                "input_ids": batch.ids,
                "attention_mask": batch.mask,
                "token_type_ids": np.zeros_like(batch.ids),
            }
            named = {name: given[name] for name in self._manifest.inputs}
            found[batch.rows] = self._session.run(None, named)[0]
        return ordered(chances(found), order)

    def score(self, texts: Sequence[str]) -> list[Scored]:
        """Return P(positive) − P(negative), as sure as the likeliest class."""
        return scored(self.probabilities(texts))


def is_export(folder: Path) -> bool:
    """Tell whether a folder was written by an export."""
    return (folder / MANIFEST).is_file()


def read(folder: Path) -> Manifest:
    """Return the manifest of a folder.

    :raises RefuseToStart: when it is none.
    """
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            raise ValueError("it was exported by another version of Freqpilot")
        manifest = Manifest(
            name=str(found["name"]),
            origin=str(found["origin"]),
            known_from=datetime.fromisoformat(found["known_from"]),
            order=Order(*map(int, found["order"])),
            pad=int(found["pad"]),
            inputs=tuple(found["inputs"]),
            precision=str(found["precision"]),
            digests={name: str(found["digests"][name]) for name in (MODEL, TOKENS)},
            said=tuple((float(a), float(b), float(c)) for a, b, c in found["said"]),
        )
        if manifest.known_from.tzinfo is None or len(manifest.said) != len(asked()):
            raise ValueError("its time or sentences are not those of this version")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise unusable(folder, str(error)) from None
    return manifest


def load(folder: Path) -> Exported:
    """Load an export and ask it what the original said.

    :raises RefuseToStart: when it is missing, was changed, or answers otherwise here.
    """
    manifest = read(folder)
    for name, digest in manifest.digests.items():
        if not (folder / name).is_file() or digest_of(folder / name) != digest:
            raise unusable(folder, f"{name} is missing or was changed")
    try:
        made = opened(folder, manifest)
        found = made.probabilities(asked()[::EVERY])
    except ImportError as error:
        raise unusable(folder, f"{error}; {INSTALL}") from None
    except Exception as error:  # onnxruntime's own errors have no common class
        raise unusable(folder, " ".join(str(error).split())[:300]) from None
    near = parity(found, np.array(manifest.said)[::EVERY])
    if not near.fits:
        raise unusable(
            folder,
            f"on this processor it agrees with its original on {near.agreed:.0%} of the sentences, "
            f"scores are up to {near.apart:.2f} apart; export it here",
        )
    return made


def opened(folder: Path, manifest: Manifest, threads: int = THREADS) -> Exported:
    """Return the classifier of a folder, not compared with anything."""
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        str(folder / MODEL), options, providers=["CPUExecutionProvider"]
    )
    return Exported(manifest, session, Tokenizer.from_file(str(folder / TOKENS)))


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def unusable(folder: Path, why: str) -> RefuseToStart:
    """Return the error for an export that cannot be used."""
    return RefuseToStart(
        f"the exported model {folder} cannot be used ({why}); texts are not scored, open trades "
        "are untouched. Export it anew with freqpilot text export, or set "
        'freqpilot.facts.text.scorer to "lexicon"'
    )
