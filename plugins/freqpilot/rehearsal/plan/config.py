"""The config overlay that turns Freqtrade's Binance to the stand-in exchange."""

import secrets
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from freqpilot.errors import RefuseToStart
from freqpilot.rehearsal.venue.account import FUNDING_RATE
from freqpilot.rehearsal.venue.private import KEY, SECRET

DOORS = ("telegram", "discord", "webhook", "api_server", "external_message_consumer")
# ccxt's rate limit waits for the wall clock, which stands still on a virtual one.
API_USER, API_PASSWORD = "rehearsal", "rehearsal"
UNLIMITED = {"enableRateLimit": False}
TOLD = "/rehearsal/told"
"""Where the bot's webhook sends what a person would read; no route of Binance's."""


def is_futures(user: Mapping[str, Any]) -> bool:
    """Tell whether a user's config trades perpetuals."""
    return user.get("trading_mode") == "futures"


def funding_rate(user: Mapping[str, Any]) -> Decimal:
    """Return the stand-in's funding rate: Freqtrade's ``futures_funding_rate``, or the default."""
    return Decimal(str(user.get("futures_funding_rate", FUNDING_RATE)))


def exchange_overlay(
    base_url: str, pairs: Sequence[str], *, futures: bool = False
) -> dict[str, Any]:
    """Return the config layer, to be given last, that redirects every call to ``base_url``.

    Works for dry runs and backtests. It holds no key and overwrites those of earlier files.

    :param futures: trade perpetuals with isolated margin instead of spot.

    :raises RefuseToStart: when ``base_url`` is not on this machine.
    """
    if urlsplit(base_url).hostname not in ("127.0.0.1", "localhost", "::1"):
        raise RefuseToStart(f"{base_url!r} is not on this machine; a rehearsal stays on loopback")
    ccxt = {
        "urls": {
            "api": {
                "public": f"{base_url}/api/v3",
                "private": f"{base_url}/api/v3",
                "v1": f"{base_url}/api/v1",
                "sapi": f"{base_url}/sapi/v1",
                "sapiV2": f"{base_url}/sapi/v2",
                "sapiV3": f"{base_url}/sapi/v3",
                "sapiV4": f"{base_url}/sapi/v4",
                "fapiPublic": f"{base_url}/fapi/v1",
                "fapiPrivate": f"{base_url}/fapi/v1",
                "fapiPrivateV2": f"{base_url}/fapi/v2",
                "fapiPrivateV3": f"{base_url}/fapi/v3",
                "fapiData": f"{base_url}/futures/data",
                "dapiPublic": f"{base_url}/dapi/v1",
                "dapiPrivate": f"{base_url}/dapi/v1",
            }
        },
        "options": {
            "fetchMarkets": {"types": ["linear" if futures else "spot"]},
            "fetchMargins": False,
            "fetchCurrencies": False,
            **({"defaultType": "swap"} if futures else {}),
        },
        **UNLIMITED,
    }
    return {
        "dry_run": True,
        "trading_mode": "futures" if futures else "spot",
        "margin_mode": "isolated" if futures else "",
        "exchange": {
            "name": "binance",
            "key": "",
            "secret": "",
            "password": "",
            "enable_ws": False,
            # Freqtrade would fetch history from Binance's public archive, past the stand-in.
            "only_from_ccxt": True,
            "pair_whitelist": list(pairs),
            "ccxt_config": ccxt,
            "ccxt_sync_config": UNLIMITED,
            "ccxt_async_config": UNLIMITED,
        },
    }


def api_server(port: int) -> dict[str, Any]:
    """Return the section of Freqtrade's REST API on this machine, for the length of a rehearsal."""
    return {
        "enabled": True,
        "listen_ip_address": "127.0.0.1",
        "listen_port": port,
        "verbosity": "error",
        "username": API_USER,
        "password": API_PASSWORD,
        "jwt_secret_key": secrets.token_hex(32),
        "ws_token": secrets.token_urlsafe(24),
    }


def webhook(url: str) -> dict[str, Any]:
    """Return the section of Freqtrade's webhook that sends to the stand-in what is meant for a
    person."""
    message = {"text": "{status}"}
    return {
        "enabled": True,
        "url": url,
        "format": "json",
        "status": message,
        "warning": message,
        "exception": message,
        "startup": message,
        "strategy_msg": {"text": "{msg}"},
    }


def rehearsal_overlay(
    base_url: str,
    pairs: Sequence[str],
    user: Mapping[str, Any],
    *,
    loop_seconds: int,
    store_url: str,
    label: str,
    synthetic: bool,
    live: bool = False,
    api_port: int = 0,
) -> dict[str, Any]:
    """Return the overlay of a whole rehearsal: the stand-in exchange, a store and models of its own
    (nothing of the live ones is touched), and no door to the outside.

    :param user: the merged config files of the user, to see what has to be shut.
    :param label: names this rehearsal's FreqAI models.
    :param live: orders go to the stand-in's account, signed with its keys.
    :param api_port: where Freqtrade's REST API listens on this machine; 0 shuts it.
    """
    overlay = exchange_overlay(base_url, pairs, futures=is_futures(user))
    overlay |= {
        "fiat_display_currency": "",
        "initial_state": "running",
        "cancel_open_orders_on_exit": False,
        "internals": {
            "process_throttle_secs": loop_seconds,
            "heartbeat_interval": 86_400,
            "sd_notify": False,
        },
        "freqpilot": {"store": {"url": store_url}, "synthetic": synthetic},
    }
    overlay |= {door: {"enabled": False} for door in DOORS if door in user}
    if live:
        overlay["dry_run"] = False
        overlay["exchange"] |= {"key": KEY, "secret": SECRET}
    if api_port:
        overlay["api_server"] = api_server(api_port)
    if user.get("freqai", {}).get("enabled"):
        overlay["freqai"] = {"identifier": f"{user['freqai'].get('identifier', '')}-{label}"}
    return overlay
