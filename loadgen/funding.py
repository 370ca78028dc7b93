"""Players with a session and honest money, for benches and checks: real logins, real deposits."""

import asyncio
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loadgen.client import ApiClient
from loadgen.seeds import create_players

_LOGINS_AT_ONCE = 8
_POLL_SECONDS = 0.2
_POLLS_BEFORE_PAYING_AGAIN = 50
_PAYMENTS_TRIED = 3
_SMALLEST_DEPOSIT = 1_000  # methods refuse less than some minimum


@dataclass
class FundedPlayer:
    """A logged-in player; ``balance`` is the real balance after the last deposit."""

    operator_id: int
    operator_slug: str
    username: str
    user_id: str
    token: str
    balance: int
    deposited: int = 0


async def funded_players(
    client: ApiClient,
    credentials: Mapping[str, Any],
    *,
    operators: Sequence[Mapping[str, Any]],
    count: int,
    prefix: str,
    balance: int,
    is_bot: bool = True,
) -> list[FundedPlayer]:
    """``count`` players dealt over ``operators``, each with at least ``balance`` minor units.

    They are registered by the platform admin under ``<prefix>-0001`` and onwards unless they are
    there, log in, and pay in what is missing through the payment provider. Raises
    :class:`loadgen.client.ApiError` for refusals, ``RuntimeError`` if a payment does not arrive.
    """
    admin = credentials["platform_admin"]
    password = credentials["bots"]["password"]
    admin_token = await client.token_for(admin["login"], admin["password"])
    names = [(operators[i % len(operators)], f"{prefix}-{i + 1:04d}") for i in range(count)]
    for operator in operators:
        players = [
            {"username": name, "email": f"{name}@bots.example"}
            for owner, name in names
            if owner is operator
        ]
        if players:
            await create_players(
                client,
                operator["operator_id"],
                password,
                players,
                is_bot=is_bot,
                token=admin_token,
            )
    await client.post("/auth/logout", {}, token=admin_token)
    gate = asyncio.Semaphore(_LOGINS_AT_ONCE)

    async def enter(operator: Mapping[str, Any], name: str) -> FundedPlayer:
        async with gate:
            token = await client.token_for(name, password, operator["slug"])
            me = await client.get("/auth/me", token=token)
            wallet = await client.get("/wallet", token=token)
            player = FundedPlayer(
                operator_id=operator["operator_id"],
                operator_slug=operator["slug"],
                username=name,
                user_id=me["user"]["user_id"],
                token=token,
                balance=wallet["real_balance"],
            )
            if player.balance < balance:
                await deposit(client, player, max(balance - player.balance, _SMALLEST_DEPOSIT))
            return player

    return list(await asyncio.gather(*(enter(operator, name) for operator, name in names)))


async def deposit(client: ApiClient, player: FundedPlayer, amount: int) -> None:
    """Deposit ``amount`` minor units by card and wait until the webhook has credited it.

    Raises ``RuntimeError`` when the provider fails ``_PAYMENTS_TRIED`` payments in a row.
    """
    for _ in range(_PAYMENTS_TRIED):
        opened = await client.post(
            "/deposits",
            {"amount": amount, "method": "card"},
            key=str(uuid.uuid4()),
            token=player.token,
        )
        status = await _paid(client, player, opened)
        if status == "COMPLETED":
            wallet = await client.get("/wallet", token=player.token)
            player.balance = wallet["real_balance"]
            player.deposited += amount
            return
    raise RuntimeError(f"deposits of {player.username} do not complete: {status}")


async def _paid(client: ApiClient, player: FundedPlayer, opened: Mapping[str, Any]) -> str:
    pay_url = opened["instructions"]["pay_url"]
    for poll in range(4 * _POLLS_BEFORE_PAYING_AGAIN):
        if poll % _POLLS_BEFORE_PAYING_AGAIN == 0:
            await client.post(pay_url, {})
        await asyncio.sleep(_POLL_SECONDS)
        state = await client.get(f"/deposits/{opened['transaction_id']}", token=player.token)
        if state["status"] != "PENDING":
            return state["status"]
    return "PENDING"


async def log_out(client: ApiClient, players: Iterable[FundedPlayer]) -> None:
    """End the players' sessions."""
    for player in players:
        await client.post("/auth/logout", {}, token=player.token)
