"""A password of the freqpilot section is in no configuration that is shown or exported."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from freqtrade.configuration import config_secrets, sanitize_config

from freqpilot.host.boot.doors import config_dir
from freqpilot.host.boot.passwords import hide, secrets_in


@pytest.fixture(autouse=True)
def _freqtrades_own_list(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = config_secrets._SENSITIVE_KEYS
    monkeypatch.setattr(config_secrets, "_SENSITIVE_KEYS", list(keys))


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("postgresql://fq:hunter2@db/fq", True),
        ("postgresql+psycopg://fq:h%40@db:5432/fq?a=1", True),
        ("postgresql://:hunter2@db/fq", True),
        ("postgresql://db/fq?user=fq&password=hunter2&x=1", True),
        ("https://x.y/z?api_key=abc#top", True),
        ("sqlite:///user_data/freqpilot.sqlite", False),
        ("postgresql://fq@db/fq", False),
        ("https://x.y/z?key=#top", False),
        ("a word: b@c", False),
        ("", False),
    ],
)
def test_a_url_with_a_password_is_a_secret(url: str, secret: bool) -> None:
    assert list(secrets_in({"url": url}, "store")) == ["store.url"] * secret


def test_what_is_named_as_a_secret_is_one_wherever_it_stands() -> None:
    options = {"apiKey": "K", "urls": ["x", "https://u:p@x"], "limit": 3, "tokens": ["a"], "b": []}
    found = secrets_in(
        {"facts": {"sources": {"x": {"options": options, "token": ""}}}}, "freqpilot"
    )
    where = "freqpilot.facts.sources.x.options"
    assert list(found) == [f"{where}.apiKey", f"{where}.urls", f"{where}.tokens"]


def test_freqtrade_hides_them_beside_its_own() -> None:
    store = {"url": "postgresql://fq:hunter2@db/fq", "shared": "sqlite:///shared.sqlite"}
    config: dict[str, Any] = {"exchange": {"key": "K"}, "freqpilot": {"store": store}}
    assert "hunter2" in json.dumps(sanitize_config(config))
    for _ in range(2):
        hide(config)
    shown = sanitize_config(config)
    assert shown["exchange"] == {"key": "REDACTED"}
    assert shown["freqpilot"]["store"] == {"url": "REDACTED", "shared": store["shared"]}
    assert config_secrets._SENSITIVE_KEYS.count("freqpilot.store.url") == 1
    hide({})
    assert sanitize_config({"freqpilot": {}}) == {"freqpilot": {}}


@pytest.mark.slow
def test_show_config_hides_it(
    freqtrade: Callable[..., CompletedProcess[str]], tmp_path: Path
) -> None:
    store = {"url": "postgresql://fq:hunter2@db/fq"}
    exchange = {"name": "binance", "pair_whitelist": ["BTC/USDT"]}
    own = {"dry_run": True, "exchange": exchange, "freqpilot": {"store": store}}
    (tmp_path / "user_data").mkdir()
    (tmp_path / "own.json").write_text(json.dumps(own))
    done = freqtrade("show-config", "-c", "own.json", "-c", str(config_dir() / "freqpilot.json"))
    assert '"url": "REDACTED"' in done.stdout, done.stderr
    assert "hunter2" not in done.stdout + done.stderr
