"""One bet, decided: pure rules from the state before it to everything it changes.

Source: RULES §2 (order), §3 (funding and requirements), §4 (wins), §5 (jackpots), §6 (XP).
Amounts are integer minor units of the wallet's currency, ``*_e4`` counts 1/10,000 of one. No IO
happens here; the micro-batch (:mod:`ledger.batch`) loads the state, folds this function over its
bets and stores the decisions.
"""

from datetime import datetime, timedelta

import msgspec

from ledger.account import Book, Leg, PlayerState, SpinGrant
from ledger.bonus import E4, Share, apply_bet, convert_and_bust, expire_tasks, fund, share_win
from ledger.decision import NO_FEEDING, Decision, Feeding
from ledger.errors import Refusal
from ledger.jackpot import contribute, next_cycle, posted_contribution
from ledger.terms import GameTerms, OperatorTerms, Surroundings
from ledger.vip import VipLevel, bet_xp, level_at, levels_gained

FREE_SPIN_LIFETIME = timedelta(days=7)


def validate_bet(
    player: PlayerState,
    operator: OperatorTerms,
    level: VipLevel,
    game_id: int,
    wager: int | None,
    now: datetime,
) -> GameTerms:
    """The game's terms if this player may bet this wager on it now (RULES §2, step 2).

    ``wager`` None is a free spin, whose stake its grant has fixed. Raises :class:`Refusal` with
    ``account_blocked``, ``self_excluded``, ``operator_inactive``, ``game_not_found``,
    ``limit_exceeded`` or ``wager_step_mismatch``.
    """
    if player.status != "ACTIVE":
        raise Refusal("account_blocked", "This account may not play.")
    if player.excluded_until is not None and player.excluded_until > now:
        raise Refusal("self_excluded", "This account is excluded from play.")
    if not operator.active:
        raise Refusal("operator_inactive", "This brand takes no bets at the moment.")
    game = operator.games.get(game_id)
    if game is None or not game.offered:
        raise Refusal("game_not_found", "This operator offers no such game.")
    if wager is not None:
        _check_wager(level, game, wager)
        _check_max_bet(player, operator, wager, now)
    return game


def _check_wager(level: VipLevel, game: GameTerms, wager: int) -> None:
    """Limits: the game's and the operator's, widened by the VIP level."""
    highest = game.max_wager * level.bet_limit_multiplier_tenths // 10
    if not game.min_wager <= wager <= highest:
        raise Refusal(
            "limit_exceeded",
            f"Wagers on this game are from {game.min_wager} to {highest}.",
            limit="wager",
            min_wager=game.min_wager,
            max_wager=highest,
        )
    if wager % game.wager_step:
        raise Refusal(
            "wager_step_mismatch",
            f"Wagers on this game are multiples of {game.wager_step}.",
            wager_step=game.wager_step,
        )


def _check_max_bet(player: PlayerState, operator: OperatorTerms, wager: int, now: datetime) -> None:
    """While a bonus is open its policy limits every wager (RULES §2)."""
    highest = operator.policy_of(player).max_bet
    if wager > highest and any(task.expires_at > now for task in player.bonus.tasks):
        raise Refusal(
            "limit_exceeded",
            f"While a bonus is open, a wager is at most {highest}.",
            limit="max_bet",
            max_wager=highest,
        )


def settle_bet(
    player: PlayerState,
    operator: OperatorTerms,
    game: GameTerms,
    wager: int,
    drawn: int,
    around: Surroundings,
) -> Decision:
    """Settle one validated bet (RULES §2, steps 3 to 9); ``drawn`` selects the multiplier.

    Raises :class:`Refusal` ``insufficient_funds``.
    """
    policy = operator.policy_of(player)
    bonus, expired = expire_tasks(policy, player.bonus, around.now)
    shares = fund(
        policy,
        player.real_balance,
        bonus.tasks,
        wager,
        game_id=game.game_id,
        game_takes_bonus=game.bonus_eligible and game.contribution_bps > 0,
    )
    multiplier = game.paytable.multiplier_at(drawn)
    win = wager * multiplier // 100  # whole: wager_step makes wager x multiplier / 100 an integer
    shares = share_win(shares, win)
    wager_real = sum(share.wager for share in shares if share.task_id is None)
    win_real = sum(share.win for share in shares if share.task_id is None)

    book = Book(player)
    for task in expired:
        book.close_task(task)
    book.move_real(-wager_real, "operator_gaming")
    book.move_bonus(wager_real - wager, "operator_gaming")
    feeding = feed_pools(game, wager_real, around, book)
    book.move_real(win_real, "operator_gaming")
    book.move_bonus(win - win_real, "operator_gaming")
    requirements = apply_bet(policy, bonus, shares, game.contribution_bps)
    requirements, closed = convert_and_bust(policy, requirements)
    for task in closed:
        book.close_task(task)
    book.repay_debt(win_real + sum(hit.amount for hit in feeding.hits))

    experience = player.vip_experience + bet_xp(
        wager_real=wager_real,
        wager_bonus=wager - wager_real,
        level=level_of(around.levels, player),
        game_multiplier_tenths=game.xp_multiplier_tenths,
        bonus_xp_rate_bps=policy.bonus_xp_rate_bps,
        minor_units_per_point=operator.xp_minor_units_per_point,
    )
    level, new_grants = level_up(player, operator, experience, around)
    return Decision(
        bet_type=_bet_type(shares),
        wager=wager,
        wager_real=wager_real,
        wager_bonus=wager - wager_real,
        win=win,
        win_real=win_real,
        win_bonus=win - win_real,
        multiplier_hundredths=multiplier,
        ggr=wager - win,
        theoretical_ggr_e4=wager * (E4 - game.rtp_bps),
        policy=policy,
        after=msgspec.structs.replace(
            player,
            real_balance=book.real,
            debt=book.debt,
            deposit_wagering_progress_e4=deposit_progress_e4(player, game, wager_real),
            bonus=requirements,
            grants=player.grants + new_grants,
            vip_experience=experience,
            vip_level=level,
            nonce=player.nonce + 1,
        ),
        legs=tuple(book.legs),
        shares=shares,
        closed=expired + closed,
        contributions=feeding.contributions,
        hits=feeding.hits,
        pools=feeding.pools,
        hit_points=feeding.hit_points,
        new_grants=new_grants,
    )


def _bet_type(shares: tuple[Share, ...]) -> str:
    if shares[0].task_id is not None:
        return "BONUS"
    return "REAL" if len(shares) == 1 else "MIXED"


def deposit_progress_e4(player: PlayerState, game: GameTerms, wager_real: int) -> int:
    """Progress of the deposit requirement after a real wager, never past what is required.

    A wager counts by its category's contribution (RULES §3), in 1/10,000 minor units: exact,
    since a contribution is a whole number of basis points.
    """
    return min(
        player.deposit_wagering_progress_e4 + wager_real * game.contribution_bps,
        player.deposit_wagering_required * E4,
    )


def feed_pools(game: GameTerms, wager_real: int, around: Surroundings, book: Book) -> Feeding:
    """Contribute the real wager's share to each pool the game feeds; pay those that hit.

    A contribution comes out of the house's share. Whole minor units are posted as they fill.
    """
    if not wager_real or not game.feeds:
        return NO_FEEDING
    contributions, hits, pools, points = [], [], [], []
    for pool_id, rate_bps in game.feeds:
        before = around.pools.get(pool_id)
        if before is None:
            continue
        contribution_e4 = wager_real * rate_bps
        pool, hit = contribute(before, contribution_e4)
        contributions.append((pool_id, contribution_e4))
        account, whole = (
            f"jackpot_pool:{pool_id}",
            posted_contribution(before.amount_e4, pool.amount_e4),
        )
        if whole:
            book.legs += (Leg("operator_jackpot", -whole), Leg(account, whole))
        if hit is not None:
            hits.append(hit)
            book.move_real(hit.amount, account)
            point = around.new_hit_point(pool)
            points.append((pool_id, point))
            pool = next_cycle(pool, hit, point)
        pools.append(pool)
    return Feeding(tuple(contributions), tuple(hits), tuple(pools), tuple(points))


def level_of(levels: tuple[VipLevel, ...], player: PlayerState) -> VipLevel:
    """The terms of the level the player holds (of the nearest one below, if it was removed)."""
    held = [level for level in levels if level.level <= player.vip_level]
    return max(held, key=lambda level: level.level)


def level_up(
    player: PlayerState, operator: OperatorTerms, experience: int, around: Surroundings
) -> tuple[int, tuple[SpinGrant, ...]]:
    """The level that ``experience`` reaches and the free spins of every level passed.

    A level once reached is kept when thresholds are raised later.
    """
    reached = level_at(around.levels, experience).level
    if reached <= player.vip_level:
        return player.vip_level, ()
    game = operator.games.get(operator.vip_spin_game_id or 0)
    if game is None:
        return reached, ()
    grants = tuple(
        SpinGrant(
            grant_id=around.new_id(),
            game_id=game.game_id,
            stake=smallest_stake(game),
            count=level.free_spins,
            used=0,
            source="vip_level",
            source_key=str(level.level),
            expires_at=around.now + FREE_SPIN_LIFETIME,
            created_at=around.now,
        )
        for level in levels_gained(around.levels, player.vip_level, experience)
        if level.free_spins
    )
    return reached, grants


def smallest_stake(game: GameTerms) -> int:
    """The game's smallest wager, rounded up to its step, so that every win is whole.

    An operator's own minimum need not be a multiple of the step.
    """
    return -(-game.min_wager // game.wager_step) * game.wager_step
