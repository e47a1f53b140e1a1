"""The databases' URLs, as the settings name them."""

from pathlib import Path

from freqpilot.settings import Settings


def store_url(settings: Settings, user_data: Path) -> str:
    """Return the store's database URL; a relative SQLite path counts from user_data."""
    return resolved(settings.store.url or "sqlite:///freqpilot.sqlite", user_data)


def resolved(url: str, user_data: Path) -> str:
    """Return a database URL; a relative SQLite path counts from ``user_data``."""
    prefix = "sqlite:///"
    path = Path(url.removeprefix(prefix))
    if url.startswith(prefix) and not path.is_absolute():
        return f"{prefix}{user_data / path}"
    return url


def facts_url(settings: Settings, user_data: Path) -> str:
    """Return the database of facts: ``freqpilot.facts.url``, or beside the store."""
    if settings.facts.url:
        return store_url(settings.model_copy(update={"store": settings.facts}), user_data)
    url = store_url(settings, user_data)
    if not url.startswith("sqlite:///"):
        return url
    path = Path(url.removeprefix("sqlite:///"))
    return f"sqlite:///{path.with_name(f'{path.stem}-facts{path.suffix}')}"
