-- {rows} bets of one span of days, in order of time. A day has a player for each 25 of its bets; a
-- few come often and many seldom. Games differ in popularity, a day has a quiet and a busy half,
-- and a quarter of the bets win what gives the declared RTP. Chance is a hash of the bet's number,
-- so a span is the same whenever it is made.
INSERT INTO bets
(
    operator_id, bet_id, user_id, game_id, category_id, provider, affiliate_id, is_bot, currency,
    bet_type, sign, wager, wager_real, wager_bonus, win, win_real, win_bonus, jackpot,
    jackpot_contribution_e4, free_spin_stake, free_spin_win, ggr, theoretical_ggr_e4, rtp_bps,
    xp_added, vip_level, real_balance_after, bonus_balance_after, liability_delta, bonus_policy,
    bonus_policy_version, created_at
)
WITH
    length({operators:Array(UInt16)}) AS brands,
    length({games:Array(UInt32)}) AS catalogue,
    (number - {first:UInt64}) / {rows:UInt64} AS share,
    sipHash64('bet', number) AS chance,
    intDiv(number * {days:UInt32}, {rows:UInt64}) AS day,
    sipHash64('seat', number) % intDiv({rows:UInt64}, 25 * {days:UInt32}) AS seat,
    (sipHash64('player', day, seat) % 1000000) / 1000000 AS who,
    toUInt64(floor({players:UInt64} * who * who)) AS player,
    1 + toUInt32(
        floor(catalogue * pow((sipHash64('game', number) % 1000000) / 1000000, 1.5))
    ) AS game,
    chance % 100 AS kind,
    multiIf(kind < 90, 'REAL', kind < 98, 'BONUS', kind < 99, 'MIXED', 'FREE_SPIN') AS type,
    [20, 20, 50, 50, 100, 100, 200, 500, 1000, 5000][1 + intDiv(chance, 100) % 10] AS stake,
    intDiv(chance, 1000) % 4 = 0 AS wins,
    toInt64(if(wins, intDiv(stake * 4 * {rtps_bps:Array(UInt16)}[game], 10000), 0)) AS prize,
    toInt64(if(type = 'FREE_SPIN', 0, stake)) AS paid,
    multiIf(type = 'BONUS', paid, type = 'MIXED', intDiv(paid, 2), 0) AS paid_bonus,
    if(type = 'FREE_SPIN', 0, prize) AS won,
    multiIf(type = 'BONUS', won, type = 'MIXED', intDiv(won, 2), 0) AS won_bonus
SELECT
    {operators:Array(UInt16)}[1 + player % brands],
    generateUUIDv7(number),
    reinterpretAsUUID(sipHash128('player', player)),
    {games:Array(UInt32)}[game],
    1 + game % 6,
    concat('Studio ', toString(game % 5)),
    0,
    player % 20 = 0,
    'EUR',
    type,
    1,
    paid,
    paid - paid_bonus,
    paid_bonus,
    won,
    won - won_bonus,
    won_bonus,
    0,
    (paid - paid_bonus) * 100,
    stake - paid,
    prize - won,
    paid - won,
    paid * (10000 - {rtps_bps:Array(UInt16)}[game]),
    {rtps_bps:Array(UInt16)}[game],
    (paid - paid_bonus) * 100,
    1 + player % 5,
    chance % 100000,
    0,
    prize - paid,
    'strict',
    1,
    toDateTime64({start:DateTime('UTC')}, 6, 'UTC') + toIntervalMicrosecond(
        toInt64(
            {days:UInt32} * 86400000000
            * (share - 0.8 * sin(2 * pi() * {days:UInt32} * share) / (2 * pi() * {days:UInt32}))
        )
    )
FROM numbers({first:UInt64}, {rows:UInt64})
