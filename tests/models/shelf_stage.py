"""A model on the shelf."""

from pathlib import Path

from freqpilot.models.training import shelf

PAIR = "BTC/USDT"


def put(root: Path, pair: str, trained: int, text: str = "model") -> Path:
    """Shelve a model as the host does."""
    name = f"sub-train-{pair.replace('/', '_')}_{trained}"
    unfinished = root / f"{shelf.UNFINISHED}{name}"
    unfinished.mkdir(parents=True)
    (unfinished / "cb_model.joblib").write_text(text, encoding="utf-8")
    (unfinished / "cb_metadata.json").write_text("{}", encoding="utf-8")
    shelf.label(unfinished, shelf.Shelved(root / name, pair, "cb", trained, "Door"))
    shelf.stamp(unfinished)
    shelf.publish(unfinished, root / name)
    return root / name
