"""What a pool's connection keeps when it is given back: nothing."""

import pytest

from ledger.database import Role, create_pool


@pytest.mark.parametrize("role", [Role.APP, Role.BATCH])
async def test_a_connection_comes_back_without_transaction_or_tenant(
    role: Role, postgres_url: str, secret_key: str
) -> None:
    """Although nothing is run to reset it: an open transaction is rolled back, and the tenant
    that was set for it is forgotten."""
    pool = await create_pool(postgres_url, role, secret_key, max_size=1)
    try:
        async with pool.acquire() as connection:
            first = await connection.fetchval("SELECT pg_backend_pid()")
            await connection.execute("BEGIN")
            await connection.execute("SELECT set_config('app.operator_id', '7', true)")
        async with pool.acquire() as connection:
            assert await connection.fetchval("SELECT pg_backend_pid()") == first
            assert not connection.is_in_transaction()
            tenant = await connection.fetchval("SELECT current_setting('app.operator_id', true)")
            assert tenant in (None, "")
            async with connection.transaction():
                await connection.execute("SELECT set_config('app.operator_id', '7', true)")
        async with pool.acquire() as connection:
            tenant = await connection.fetchval("SELECT current_setting('app.operator_id', true)")
            assert tenant in (None, "")
    finally:
        await pool.close()
