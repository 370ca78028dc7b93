"""One bet, decided: pure rules from the state before it to everything it changes.

Source: RULES §2 (order), §3 (funding and requirements), §4 (wins). Amounts are integer minor
units of the wallet's currency, ``*_e4`` counts 1/10,000 of one. No IO happens here; the micro-batch
(:mod:`ledger.batch`) loads the state, folds this function over its bets and stores the decisions.
"""

from datetime import datetime
from uuid import UUID

import msgspec

from ledger.errors import Refusal
from ledger.outcomes import Paytable

E4 = 10_000


class GameTerms(msgspec.Struct, frozen=True, kw_only=True):
    """A game as one operator offers it: limits are the tighter of the game's and the operator's."""

    game_id: int
    category_id: int
    provider: str
    paytable: Paytable
    rtp_bps: int
    wager_step: int
    min_wager: int
    max_wager: int
    contribution_bps: int
    offered: bool


class OperatorTerms(msgspec.Struct, frozen=True, kw_only=True):
    """The part of an operator that decides bets: its bonus policy and its games by id."""

    operator_id: int
    currency: str
    active: bool
    bonus_policy: str
    bonus_policy_version: int
    games: dict[int, GameTerms]


class PlayerState(msgspec.Struct, frozen=True, kw_only=True):
    """A player and wallet as the bet finds them; the wallet row is locked while this is used."""

    operator_id: int
    user_id: UUID
    status: str
    excluded_until: datetime | None
    currency: str
    real_balance: int
    bonus_balance: int
    deposit_wagering_required: int
    deposit_wagering_progress_e4: int
    bonus_wagering_required: int
    bonus_wagering_progress_e4: int
    vip_experience: int
    vip_level: int
    is_bot: bool
    affiliate_id: int | None
    seed_id: UUID
    nonce: int


class Leg(msgspec.Struct, frozen=True):
    """One leg of a journal; ``balance_after`` only for the player's own accounts."""

    account: str
    amount: int
    balance_after: int | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a settled bet changes. ``legs`` sum to zero."""

    bet_type: str
    wager: int
    wager_real: int
    wager_bonus: int
    win: int
    win_real: int
    win_bonus: int
    multiplier_hundredths: int
    ggr: int
    theoretical_ggr_e4: int
    after: PlayerState
    legs: tuple[Leg, ...]


def validate_bet(
    player: PlayerState, operator: OperatorTerms, game_id: int, wager: int, now: datetime
) -> GameTerms:
    """The game's terms if this player may bet this wager on it now (RULES §2, step 2).

    Raises :class:`Refusal` with ``account_blocked``, ``self_excluded``, ``operator_inactive``,
    ``game_not_found``, ``limit_exceeded`` or ``wager_step_mismatch``.
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
    if not game.min_wager <= wager <= game.max_wager:
        raise Refusal(
            "limit_exceeded",
            f"Wagers on this game are from {game.min_wager} to {game.max_wager}.",
            limit="wager",
            min_wager=game.min_wager,
            max_wager=game.max_wager,
        )
    if wager % game.wager_step:
        raise Refusal(
            "wager_step_mismatch",
            f"Wagers on this game are multiples of {game.wager_step}.",
            wager_step=game.wager_step,
        )
    return game


def settle_bet(player: PlayerState, game: GameTerms, wager: int, drawn: int) -> Decision:
    """Settle one validated bet with real money (RULES §2, steps 3 to 9, policy ``strict``).

    ``drawn`` selects the paytable's multiplier. Raises :class:`Refusal` ``insufficient_funds``.
    """
    if player.real_balance < wager:
        raise Refusal(
            "insufficient_funds",
            "The balance does not cover the wager.",
            real_balance=player.real_balance,
            bonus_balance=player.bonus_balance,
        )
    multiplier = game.paytable.multiplier_at(drawn)
    win = wager * multiplier // 100  # whole: wager_step makes wager x multiplier / 100 an integer
    after_wager = player.real_balance - wager
    after_win = after_wager + win
    legs = [Leg("player_real", -wager, after_wager), Leg("operator_gaming", wager)]
    if win:
        legs += [Leg("player_real", win, after_win), Leg("operator_gaming", -win)]
    return Decision(
        bet_type="REAL",
        wager=wager,
        wager_real=wager,
        wager_bonus=0,
        win=win,
        win_real=win,
        win_bonus=0,
        multiplier_hundredths=multiplier,
        ggr=wager - win,
        theoretical_ggr_e4=wager * (E4 - game.rtp_bps),
        after=msgspec.structs.replace(
            player,
            real_balance=after_win,
            deposit_wagering_progress_e4=deposit_progress_e4(player, game, wager),
            nonce=player.nonce + 1,
        ),
        legs=tuple(legs),
    )


def deposit_progress_e4(player: PlayerState, game: GameTerms, wager_real: int) -> int:
    """Progress of the deposit requirement after a real wager, never past what is required.

    A wager counts by its category's contribution (RULES §3), in 1/10,000 minor units: exact,
    since a contribution is a whole number of basis points.
    """
    return min(
        player.deposit_wagering_progress_e4 + wager_real * game.contribution_bps,
        player.deposit_wagering_required * E4,
    )
