"""The decision log: one JSON object a line, of records that hold a decision."""

import json
import logging
from pathlib import Path

import pytest

from freqpilot.host.run.decisionlog import DecisionLog


def record(message: str, **extra: object) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": message, "created": 12.5, **extra})


def test_only_decisions_are_written_each_on_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DecisionLog, "user_data", tmp_path)
    log = DecisionLog("logs/own.jsonl")
    log.emit(record("nothing"))
    assert not log.file.exists()
    log.emit(record("entry", decision={"pair": "BTC/USDT"}))
    log.emit(record("veto", decision={"pair": "ETH/USDT"}))
    lines = [json.loads(line) for line in (tmp_path / "logs/own.jsonl").read_text().splitlines()]
    assert lines[0] == {"logged": 12.5, "what": "entry", "pair": "BTC/USDT"}
    assert [line["pair"] for line in lines] == ["BTC/USDT", "ETH/USDT"]


def test_what_cannot_be_written_raises_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    log = DecisionLog(str(tmp_path / "file" / "own.jsonl"))
    faults: list[logging.LogRecord] = []
    monkeypatch.setattr(log, "handleError", faults.append)
    log.emit(record("entry", decision={"pair": "BTC/USDT"}))
    assert len(faults) == 1
