"""SQLAlchemy models of the back office: what admins list and edit, never the money.

Columns are those of the migrations, which are the schema's only source; these models create
nothing. Money tables have no model on purpose: they are written by named SQL alone.
"""

from datetime import datetime
from typing import Any

from advanced_alchemy.base import CommonTableAttributes
from sqlalchemy import ForeignKey, Identity, Integer, SmallInteger, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import BigInteger, DateTime


class Base(CommonTableAttributes, DeclarativeBase):
    """Times carry their zone, amounts are bigint."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: DateTime(timezone=True),
        int: BigInteger,
    }


class Operator(Base):
    """A brand with its own players, currency and bonus policy."""

    __tablename__ = "operator"

    operator_id: Mapped[int] = mapped_column(SmallInteger, Identity(), primary_key=True)
    slug: Mapped[str]
    name: Mapped[str]
    host: Mapped[str | None]
    currency: Mapped[str]
    time_zone: Mapped[str]
    jurisdiction: Mapped[str]
    bonus_policy: Mapped[str]
    bonus_policy_version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class GameCategory(Base):
    """A kind of game, with the share of its wagers that counts towards bonus wagering."""

    __tablename__ = "game_category"

    category_id: Mapped[int] = mapped_column(SmallInteger, Identity(), primary_key=True)
    slug: Mapped[str]
    name: Mapped[str]
    bonus_contribution_bps: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Game(Base):
    """A game of the platform's catalogue; every change counts up ``version``."""

    __tablename__ = "game"

    game_id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    category_id: Mapped[int] = mapped_column(SmallInteger, ForeignKey("game_category.category_id"))
    slug: Mapped[str]
    name: Mapped[str]
    provider: Mapped[str]
    rtp_bps: Mapped[int] = mapped_column(Integer)
    sigma_e6: Mapped[int]
    volatility: Mapped[str]
    paytable: Mapped[list[Any]] = mapped_column(JSONB)
    wager_step: Mapped[int]
    min_wager: Mapped[int]
    max_wager: Mapped[int]
    xp_multiplier_tenths: Mapped[int] = mapped_column(Integer)
    bonus_eligible: Mapped[bool]
    jackpot_eligible: Mapped[bool]
    faulty: Mapped[bool]
    active: Mapped[bool]
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    category: Mapped[GameCategory] = relationship(lazy="joined", innerjoin=True)


class AuditEntry(Base):
    """A row of the audit trail, written in the transaction of the act it tells of."""

    __tablename__ = "audit_log"

    audit_id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    occurred_at: Mapped[datetime] = mapped_column(server_default=func.now())
    operator_id: Mapped[int | None] = mapped_column(SmallInteger)
    actor_kind: Mapped[str]
    actor_id: Mapped[str | None]
    action: Mapped[str]
    target: Mapped[str | None]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB)
    remote_address: Mapped[str | None]
    request_id: Mapped[str | None]
