"""Seeds through the admin API: operators with admins, offers and affiliates, games, pools, bots.

Everything is idempotent: what is there is looked up and compared, what differs from the declared
data is put right, what is missing is created. What an administrator may have switched on purpose
(a game or operator on or off, an operator's bonus policy) is left alone once the thing exists.
"""

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from loadgen import catalogue
from loadgen.client import ApiClient, ApiError
from loadgen.reward_seeds import (
    affiliate_codes,
    ensure_affiliates,
    ensure_jackpots,
    ensure_offers,
)
from loadgen.roster import Bot, roster

Progress = Callable[[int, int], None]
"""Called with (done, total)."""

_ADMIN_NAMES = ("manager", *(f"manager-{number}" for number in range(2, 100)))
_BULK = 100


@dataclass
class SeededOperators:
    """What ``seed_static`` found or made; ``operators`` are entries for ``credentials.json``."""

    operators: list[dict[str, Any]] = field(default_factory=list)
    created: int = 0
    updated: int = 0
    unchanged: int = 0

    def count(self, change: str) -> None:
        """Count one thing as created, updated or unchanged."""
        setattr(self, change, getattr(self, change) + 1)


async def seed_static(
    base_url: str,
    platform_admin_login: str,
    platform_admin_password: str,
    known_operators: Iterable[Mapping[str, Any]] = (),
    progress: Progress | None = None,
) -> SeededOperators:
    """Bring operators, their admins, categories, games and rewards to what ``loadgen/data`` says.

    ``known_operators`` are the entries of ``credentials.json`` so far: an operator that has an
    admin there keeps it, any other gets one with a generated password. Raises
    :class:`loadgen.client.ApiError` for what the API refuses.
    """
    games, brands, categories = catalogue.games(), catalogue.operators(), catalogue.categories()
    total = things_declared()
    seeded = SeededOperators()

    def count(change: str) -> None:
        seeded.count(change)
        if progress:
            progress(seeded.created + seeded.updated + seeded.unchanged, total)

    async with ApiClient(base_url) as client:
        await client.log_in(platform_admin_login, platform_admin_password)
        there = await _by_slug(client, "/admin/operators")
        known = list(known_operators)
        admins = {entry["slug"]: entry["admin"] for entry in known}
        for brand in brands:
            operator, change = await _ensure(
                client, "/admin/operators", "operator_id", asdict(brand), there.get(brand.slug)
            )
            admin = admins.get(brand.slug) or await _create_admin(client, operator)
            seeded.operators.append(
                {"operator_id": operator["operator_id"], "slug": brand.slug, "admin": admin}
            )
            count(change)
        declared = {brand.slug for brand in brands}
        seeded.operators += [dict(entry) for entry in known if entry["slug"] not in declared]
        category_ids: dict[str, int] = {}
        there = await _by_slug(client, "/admin/categories")
        for category in categories:
            row = there.get(category.slug)
            if row is None:
                row = await client.post("/admin/categories", asdict(category))
            category_ids[category.slug] = row["category_id"]
            count("unchanged" if category.slug in there else "created")
        there, game_ids = await _by_slug(client, "/admin/games"), dict[str, int]()
        for game in games:
            wanted = game.as_json(category_ids[game.category])
            row, change = await _ensure(
                client, "/admin/games", "game_id", wanted, there.get(game.slug)
            )
            game_ids[game.slug] = row["game_id"]
            count(change)
        currencies = sorted({brand.currency for brand in brands})
        await ensure_jackpots(client, currencies, game_ids, count)
        for entry in seeded.operators[: len(brands)]:
            await ensure_offers(client, entry["operator_id"], game_ids, count)
            await ensure_affiliates(client, entry["operator_id"], count)
        await client.log_out()
    return seeded


def things_declared() -> int:
    """How many things ``seed_static`` sees to."""
    brands = catalogue.operators()
    currencies = {brand.currency for brand in brands}
    each = 1 + len(catalogue.offers()) + len(catalogue.affiliates())
    return (
        len(brands) * each
        + len(currencies) * len(catalogue.jackpots())
        + len(catalogue.categories())
        + len(catalogue.games())
    )


async def seed_bots(
    base_url: str,
    platform_admin_login: str,
    platform_admin_password: str,
    operators: Sequence[Mapping[str, Any]],
    count: int,
    password: str,
    progress: Progress | None = None,
) -> int:
    """Make sure that the first ``count`` bots of the roster exist; returns how many were new.

    Raises ``ValueError`` without operators, :class:`loadgen.client.ApiError` if refused.
    """
    by_operator: dict[int, list[Bot]] = defaultdict(list)
    for bot in roster(operators, count):
        by_operator[bot.operator_id].append(bot)
    done = created = 0
    async with ApiClient(base_url, timeout_seconds=120) as client:
        await client.log_in(platform_admin_login, platform_admin_password)
        for operator_id, bots in by_operator.items():
            codes = await affiliate_codes(client, operator_id)
            for start in range(0, len(bots), _BULK):
                some = bots[start : start + _BULK]
                players = [bot.as_json(codes) for bot in some]
                created += await create_players(client, operator_id, password, players)
                done += len(some)
                if progress:
                    progress(done, count)
        await client.log_out()
    return created


async def create_players(
    client: ApiClient,
    operator_id: int,
    password: str,
    players: Sequence[Mapping[str, str | None]],
    *,
    is_bot: bool = True,
    token: str | None = None,
) -> int:
    """Register those of ``players`` (username, email, code) that are new; returns how many."""
    answer = await client.post(
        "/admin/players/bulk",
        {
            "operator_id": operator_id,
            "password": password,
            "is_bot": is_bot,
            "players": list(players),
        },
        token=token,
    )
    return len(answer["created"])


async def _by_slug(client: ApiClient, path: str) -> dict[str, dict[str, Any]]:
    return {item["slug"]: item async for item in client.items(path, limit=500)}


async def _ensure(
    client: ApiClient,
    path: str,
    id_field: str,
    wanted: dict[str, Any],
    there: dict[str, Any] | None,
) -> tuple[dict[str, Any], str]:
    """Create the thing, or put right what differs; returns it and what was done."""
    if there is None:
        return await client.post(path, wanted), "created"
    declared = {name: value for name, value in wanted.items() if name not in _SWITCHES}
    if all(there[name] == value for name, value in declared.items()):
        return there, "unchanged"
    # A PUT replaces the whole form: what the seeds do not declare stays as it is.
    kept = {name: there[name] for name in _KEPT[path] if name in there}
    return await client.put(f"{path}/{there[id_field]}", kept | declared), "updated"


_SWITCHES = frozenset({"active", "bonus_policy"})
_KEPT = {
    "/admin/operators": ("host", *_SWITCHES),
    "/admin/games": ("xp_multiplier_tenths", "bonus_eligible", "jackpot_eligible", "active"),
}


async def _create_admin(client: ApiClient, operator: Mapping[str, Any]) -> dict[str, str]:
    """A new operator admin; when the name is taken (its password was lost), under the next."""
    password = secrets.token_urlsafe(18)
    for login in _ADMIN_NAMES:
        form = {
            "username": login,
            "email": f"{login}@{operator['slug']}.example",
            "password": password,
        }
        try:
            await client.post(f"/admin/operators/{operator['operator_id']}/admins", form)
        except ApiError as error:
            if error.code != "login_taken":
                raise
        else:
            return {"login": login, "password": password}
    raise RuntimeError(f"every admin name of {operator['slug']} is taken")
