"""Deposits and the provider's webhooks over HTTP: what is signed is not yet well-formed."""

import random
import string
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest
from standardwebhooks import Webhook

from tests.support.api import Api, assert_problem, served, settings_for
from tests.support.world import World


@pytest.fixture(scope="module")
async def api(world: World, clean_redis_url: str) -> AsyncIterator[Api]:
    """The API with the mock provider, and a player."""
    async with served(world, settings_for(world, clean_redis_url, mock_provider=True)) as running:
        await running.register("ada")
        yield running


async def _deposit(api: Api, key: str) -> httpx.Response:
    player = await api.log_in("ada", "alpha")
    return await api.client.post(
        "/deposits",
        json={"amount": 500, "method": "card"},
        headers={**player, "Idempotency-Key": key},
    )


async def _webhook(api: Api, webhook_id: str = "msg_1", **data: Any) -> httpx.Response:
    """A deposit's completion as the provider signs it."""
    event = {"transaction_id": "unknown", "amount": 1, "currency": "EUR", **data}
    text = msgspec.json.encode({"type": "deposit.completed", "data": event}).decode()
    now = datetime.now(UTC)
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(api.settings.webhook_secret_mock).sign(webhook_id, now, text),
    }
    return await api.client.post("/webhooks/payments/mock", content=text, headers=headers)


async def test_a_repeated_deposit_gets_the_same_answer(api: Api) -> None:
    first, repeat = await _deposit(api, "same"), await _deposit(api, "same")
    assert repeat.headers["idempotent-replayed"] == "true"
    assert first.status_code == repeat.status_code == 201
    assert repeat.json() == first.json()


@pytest.mark.parametrize("field", ["transaction_id", "currency"])
async def test_signed_text_that_postgres_cannot_store(api: Api, field: str) -> None:
    assert_problem(await _webhook(api, **{field: "E\0"}), 400, "validation_failed")


async def test_signed_id_beyond_an_index(api: Api) -> None:
    long = "".join(random.choices(string.ascii_letters, k=6000))  # noqa: S311
    assert_problem(await _webhook(api, long), 400, "validation_failed")


@pytest.mark.parametrize("token", ["abc", "abcd", "%F0%9F%98%80", "%ff", "A" * 200])
async def test_what_is_no_payment_link(api: Api, token: str) -> None:
    answer = await api.client.post(f"/mock-provider/payments/{token}")
    assert_problem(answer, 404, "payment_link_invalid")
