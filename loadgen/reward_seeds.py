"""Seeds of jackpot pools, deposit offers and affiliates, through the API as a platform admin.

Idempotent like the other seeds. Pools that are open stay as they are, and so do the offers of an
operator that has declared any.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from loadgen import catalogue
from loadgen.client import ApiClient

Count = Callable[[str], None]
"""Called with what was done to one thing: created, updated or unchanged."""


async def ensure_jackpots(
    client: ApiClient, currencies: Iterable[str], game_ids: Mapping[str, int], count: Count
) -> None:
    """Open the declared pools in every currency, fed by their games; ``game_ids`` by slug."""
    feeding = [game_ids[game.slug] for game in catalogue.jackpot_games()]
    listed = await client.get("/admin/jackpots")
    there = {(pool["currency"], pool["name"]) for pool in listed["items"]}
    for currency in currencies:
        for pool in catalogue.jackpots():
            if (currency, pool.name) in there:
                count("unchanged")
            else:
                form = asdict(pool) | {"currency": currency, "game_ids": feeding}
                await client.post("/admin/jackpots", form)
                count("created")


async def ensure_offers(
    client: ApiClient, operator_id: int, game_ids: Mapping[str, int], count: Count
) -> None:
    """Declare the operator's deposit offers if it has none; ``game_ids`` by slug."""
    declared = catalogue.offers()
    change = "unchanged"
    if not (await client.get("/operator/offers", operator_id=operator_id))["items"]:
        form = {"items": [offer.as_json(game_ids) for offer in declared]}
        await client.put(f"/operator/offers?operator_id={operator_id}", form)
        change = "created"
    for _ in declared:
        count(change)


async def ensure_affiliates(client: ApiClient, operator_id: int, count: Count) -> None:
    """Declare the operator's affiliates, or put right what differs in their terms."""
    path = f"/admin/operators/{operator_id}/affiliates"
    there = {item["code"]: item for item in (await client.get(path))["items"]}
    for affiliate in catalogue.affiliates():
        wanted: dict[str, Any] = asdict(affiliate)
        known = there.get(affiliate.code)
        if known is None:
            await client.post(path, wanted)
            count("created")
        elif any(known[name] != value for name, value in wanted.items()):
            kept = {"active": known["active"]}
            await client.put(f"{path}/{known['affiliate_id']}", wanted | kept)
            count("updated")
        else:
            count("unchanged")


async def affiliate_codes(client: ApiClient, operator_id: int) -> list[str]:
    """The codes with which players of the operator can register, in the affiliates' order."""
    listed = await client.get(f"/admin/operators/{operator_id}/affiliates")
    return [item["code"] for item in listed["items"] if item["active"]]
