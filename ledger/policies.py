"""An operator's bonus policy: declared, checked against its jurisdiction, kept in versions."""

import msgspec

from ledger.bonus import BonusPolicy, check_policy
from ledger.catalogue import bonus_policy
from ledger.database import Connection
from ledger.errors import Refusal
from ledger.named_sql import named_queries

SQL = named_queries("grants.sql")


async def read_policy(connection: Connection, operator_id: int) -> BonusPolicy:
    """The operator's current policy. Raises :class:`Refusal` ``operator_not_found``."""
    row = await connection.fetchrow(SQL["current_policy"], operator_id)
    if row is None:
        raise Refusal("operator_not_found", "There is no such operator.")
    return bonus_policy(row)


async def declare_policy(
    connection: Connection, operator_id: int, policy: BonusPolicy
) -> BonusPolicy:
    """Make ``policy`` the operator's current one, as its next version, in the caller's tenant
    transaction; open bonuses stay under theirs.

    Raises :class:`Refusal` ``operator_not_found``, ``policy_invalid``, ``policy_above_cap``.
    """
    operator = await connection.fetchrow(SQL["jurisdiction_of"], operator_id)
    if operator is None:
        raise Refusal("operator_not_found", "There is no such operator.")
    check_policy(policy, operator["jurisdiction"], operator["bonus_multiplier_cap"])
    values = msgspec.structs.asdict(policy)
    row = await connection.fetchrow(
        SQL["insert_policy"],
        operator_id,
        *(values[name] for name in BonusPolicy.__struct_fields__ if name != "version"),
    )
    assert row is not None  # noqa: S101 - every operator has its first policy
    await connection.execute(SQL["use_policy"], operator_id, policy.name, row["version"])
    return bonus_policy(row)
