"""The tables of the database; their history is in ``migrations``."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from freqpilot.store.plain import utc

BigKey = BigInteger().with_variant(Integer(), "sqlite")  # SQLite counts up INTEGER keys only


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC: SQLite has no time zones, so they are taken off and put back here."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return utc(value).replace(tzinfo=None) if dialect.name == "sqlite" else utc(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Words(TypeDecorator[str]):
    """Text from anywhere: what PostgreSQL cannot hold (NUL) or nothing can (half a character) is
    replaced, so that one headline or error message stops no feed."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime,
        str: Words,
        dict[str, Any]: JSON,
        list[str]: JSON,
    }


class RiskStateRow(Base):
    """The latest state under a key."""

    __tablename__ = "risk_state"

    key: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class EventRow(Base):
    """What happened; rows are only appended."""

    __tablename__ = "event"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    time: Mapped[datetime] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(index=True)
    level: Mapped[str]
    text: Mapped[str]
    data: Mapped[dict[str, Any]]


class AlertRow(Base):
    """An event that a person is to hear of, with the like of it that came before it was sent, and
    how far its sending is."""

    __tablename__ = "alert"
    __table_args__ = (Index(None, "state", "key"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    key: Mapped[str]
    state: Mapped[str]
    time: Mapped[datetime]
    newest: Mapped[datetime]
    kind: Mapped[str]
    level: Mapped[str]
    text: Mapped[str]
    times: Mapped[int]
    channels: Mapped[list[str]]
    tries: Mapped[int]
    ended_at: Mapped[datetime | None]


class ShadowRow(Base):
    """An order that was not sent as it was asked for, or would not have been."""

    __tablename__ = "shadow"
    __table_args__ = (UniqueConstraint("ledger", "kind", "pair", "purpose", "rule", "candle"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    ledger: Mapped[str]
    kind: Mapped[str]
    pair: Mapped[str]
    purpose: Mapped[str]
    rule: Mapped[str]
    candle: Mapped[datetime]
    time: Mapped[datetime] = mapped_column(index=True)
    side: Mapped[str]
    tag: Mapped[str | None]
    rate: Mapped[float | None]
    leverage: Mapped[float | None]
    stake: Mapped[float | None]
    allowed: Mapped[float | None]
    reason: Mapped[str]


class DecisionRow(Base):
    """The decision that opened a trade."""

    __tablename__ = "decision"
    __table_args__ = (UniqueConstraint("trade_id", "pair", "time"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    trade_id: Mapped[int] = mapped_column(BigInteger, index=True)
    pair: Mapped[str]
    time: Mapped[datetime]
    side: Mapped[str]
    composite: Mapped[float | None]
    confidence: Mapped[float | None]
    coverage: Mapped[float | None]
    contributions: Mapped[dict[str, Any]]
    reasons: Mapped[list[str]]


class OrderIntentRow(Base):
    """An order as it was meant, and what became of it."""

    __tablename__ = "order_intent"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    client_id: Mapped[str] = mapped_column(unique=True)
    pair: Mapped[str]
    side: Mapped[str]
    purpose: Mapped[str]
    trade: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[str]
    amount: Mapped[float]
    rate: Mapped[float | None]
    stop: Mapped[float | None]
    leverage: Mapped[float]
    tag: Mapped[str | None]
    time: Mapped[datetime]
    state: Mapped[str] = mapped_column(index=True)
    order_id: Mapped[str | None]


class CounterRow(Base):
    """The last saved value of a counter."""

    __tablename__ = "counter"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)
    updated_at: Mapped[datetime]


class HeartbeatRow(Base):
    """When a source was last alive."""

    __tablename__ = "heartbeat"

    source: Mapped[str] = mapped_column(primary_key=True)
    beat_at: Mapped[datetime]


class FactSeriesRow(Base):
    """What a fact is about."""

    __tablename__ = "fact_series"
    __table_args__ = (UniqueConstraint("source", "asset", "metric"),)

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    source: Mapped[str]
    asset: Mapped[str]
    metric: Mapped[str]


class FactRow(Base):
    """A fact in one version; rows are only appended.

    Times are microseconds since the epoch: millions are read straight into arrays. In SQLite the
    table is its own index, so a series is read in order without a look elsewhere.
    """

    __tablename__ = "fact"
    __table_args__ = ({"sqlite_with_rowid": False},)

    series_id: Mapped[int] = mapped_column(
        BigKey, ForeignKey("fact_series.id", name="fk_fact_series_id"), primary_key=True
    )
    event_time: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    available_at: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    vintage: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    value: Mapped[float]


class FactQuarantineRow(Base):
    """A reading that no strategy may see: from ``available_at`` on its series is unknown, until a
    newer event or a later version is kept. Times as in ``fact``; no value where it is no number."""

    __tablename__ = "fact_quarantine"
    __table_args__ = ({"sqlite_with_rowid": False},)

    series_id: Mapped[int] = mapped_column(
        BigKey, ForeignKey("fact_series.id", name="fk_fact_quarantine_id"), primary_key=True
    )
    event_time: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    available_at: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    value: Mapped[float | None]
    reason: Mapped[str]


class FactFeedRow(Base):
    """How far the collector is with one feed of a source, and how it fares."""

    __tablename__ = "fact_feed"

    source: Mapped[str] = mapped_column(primary_key=True)
    feed: Mapped[str] = mapped_column(primary_key=True)
    live_from: Mapped[datetime]
    """When it was asked first: what happened before is history."""
    begun: Mapped[datetime | None]
    """From where on its history is asked for; an earlier one begins anew."""
    reached: Mapped[datetime | None]
    """Up to where all is kept."""
    held: Mapped[int]
    """Turns in a row that a row which could not be kept has held ``reached`` back."""
    newest_event: Mapped[datetime | None]
    tried_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    failures: Mapped[int]
    """Turns in a row without an answer."""
    error: Mapped[str]
    added: Mapped[int] = mapped_column(BigInteger)
    quarantined: Mapped[int] = mapped_column(BigInteger)
    refused: Mapped[int] = mapped_column(BigInteger)
    faulty: Mapped[int]
    """Rows of the last turn that were quarantined or refused."""
    reason: Mapped[str]
    """Why something was quarantined or refused last."""


class FactEngagementRow(Base):
    """How many reactions a headline or post had, each time that this was seen to have changed."""

    __tablename__ = "fact_engagement"

    source: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    known_at: Mapped[datetime] = mapped_column(primary_key=True)
    value: Mapped[float]


class FactItemRow(Base):
    """A headline or post, once for each model that scored it; rows are only appended."""

    __tablename__ = "fact_item"
    __table_args__ = (
        UniqueConstraint("source", "key", "asset", "model"),
        # What a model has scored lately is read every quarter of an hour.
        Index(None, "model", "event_time"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    source: Mapped[str]
    key: Mapped[str]
    asset: Mapped[str] = mapped_column(index=True)
    text: Mapped[str]
    url: Mapped[str]
    event_time: Mapped[datetime]
    available_at: Mapped[datetime] = mapped_column(index=True)
    score: Mapped[float | None]
    confidence: Mapped[float | None]
    model: Mapped[str]
