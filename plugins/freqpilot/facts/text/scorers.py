"""Which scorer of texts a configuration names, what it lacks here, and its export."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from freqpilot.errors import RefuseToStart
from freqpilot.facts.text import encoder, exported, finbert, head
from freqpilot.facts.text.lexicon import Lexicon
from freqpilot.facts.text.scorer import Scorer, model_of
from freqpilot.settings import TextSettings

if TYPE_CHECKING:
    from freqpilot.facts.text.export import Precision


def scorer_of(text: TextSettings, user_data: Path) -> Scorer:
    """Return the scorer that is configured; a relative path counts from ``user_data``.

    :raises RefuseToStart: when it cannot be used.
    """
    if text.head:
        return head.load(user_data / text.head)
    if text.scorer == "encoder":
        return encoder.load()
    if text.scorer == "finbert":
        model = _placed(text.model, user_data)
        if model and exported.is_export(Path(model)):
            return exported.load(Path(model))
        return finbert.load(model, text.revision, _published(text))
    return Lexicon()


def name_of(text: TextSettings, user_data: Path) -> str:
    """Return the scorer's name without loading a model.

    :raises RefuseToStart: when it cannot be read.
    """
    if text.head:
        return head.load(user_data / text.head).name
    if text.scorer == "finbert":
        model = _placed(text.model, user_data)
        if model and exported.is_export(Path(model)):
            return exported.read(Path(model)).name
    return text.scorer


def examine(text: TextSettings, user_data: Path) -> str:
    """Return doctor's line: the scorer that is on. Nothing is downloaded for it.

    :raises RefuseToStart: when it cannot be used, with the mend.
    """
    if not text.enabled:
        return "texts are not scored (freqpilot.facts.text.enabled is off)"
    model = _placed(text.model, user_data)
    if text.scorer == "finbert" and not (model and exported.is_export(Path(model))):
        given, commit, published = finbert.source_of(model, text.revision, _published(text))
        if lack := finbert.lacks(model, text.revision, _published(text)):
            raise RefuseToStart(f"the scorer finbert is on, but {lack}. Open trades are untouched")
        return f"{given} {commit[:8]} scores texts, known from {published:%Y-%m-%d}"
    scorer = scorer_of(text, user_data)
    since = f", known from {scorer.known_from:%Y-%m-%d}" if scorer.known_from else ""
    return f"{model_of(scorer)} scores texts{since}"


def export(
    text: TextSettings, user_data: Path, out: Path, name: str, precision: "Precision"
) -> str:
    """Write the configured model of ``scorer: finbert`` as ONNX and return what to tell.

    :raises RefuseToStart: when it cannot be loaded, or the export is not as the original.
    """
    model = _placed(text.model, user_data)
    if model and exported.is_export(Path(model)):
        raise RefuseToStart(f"{model} is an export already; name the model that it was made of")
    if not head.NAME.fullmatch(name) or name in (Lexicon.name, encoder.NAME):
        raise RefuseToStart(f"{name!r} is no name for a model; use small letters, digits and _")
    from freqpilot.facts.text.export import export as write

    made = finbert.load(model, text.revision, _published(text), name=name)
    near = write(made, out, text.model or finbert.MODEL, precision)
    return (
        f"{out}: {precision}, agrees with the original on {near.agreed:.1%} of "
        f"{len(exported.asked())} sentences, scores at most {near.apart:.3f} apart; name it as "
        'freqpilot.facts.text.model, with "scorer": "finbert"'
    )


def _placed(model: str, user_data: Path) -> str:
    """Return the path of a folder of ``user_data``; else the name as it is given."""
    folder = (user_data / model).resolve()
    return str(folder) if model and (folder.is_dir() or model.startswith(("/", "."))) else model


def _published(text: TextSettings) -> datetime | None:
    day = text.known_from
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)
