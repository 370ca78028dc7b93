-- Bonus abuse: who lives on bonuses, and which of the usual signs do they show?
--
-- Reading: one row a player who was granted bonuses, most signs first. A sign is a reason to look,
-- not a proof: bonus_heavy = bonuses above half of the deposits; never_deposited; flat_stakes =
-- the stakes of bonus bets hardly vary; waived_to_withdraw = gave a bonus up and took money out.
-- Parameters:
--   operator_id: the operator
--   from_time = -28 days: bonuses, bets and payments from
--   to_time = now: before
--   include_bots = 1: 0 leaves demo traffic out
-- Caveats: bonuses are grants, free-spin wins and cashback alike; amounts in minor units.
WITH money AS (
    SELECT
        user_id,
        sumIf(t.amount, t.kind = 'BONUS' AND t.status = 'GRANTED') AS bonuses,
        sumIf(t.amount, t.kind = 'BONUS' AND t.status = 'COMPLETED') AS converted,
        countIf(t.kind = 'BONUS' AND t.status = 'WAIVED') AS waived,
        sumIf(t.amount, t.kind = 'DEPOSIT' AND t.status = 'COMPLETED')
        - sumIf(t.amount, t.kind = 'DEPOSIT' AND t.status = 'REVERSED') AS deposits,
        sumIf(t.amount, t.kind = 'WITHDRAWAL' AND t.status = 'COMPLETED') AS withdrawals
    FROM tenant_transactions(operator_id = {operator_id:UInt16}) AS t
    WHERE
        occurred_at >= {from_time:DateTime64(6, 'UTC')}
        AND occurred_at < {to_time:DateTime64(6, 'UTC')}
        AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    GROUP BY user_id
    HAVING bonuses > 0
),

stakes AS (
    SELECT
        user_id,
        sum(sign) AS bonus_bets,
        sum(wager) / nullIf(bonus_bets, 0) AS mean_stake,
        sqrt(greatest(
            0,
            sum(sign * toFloat64(wager) * wager) / nullIf(bonus_bets, 0) - mean_stake * mean_stake
        )) AS spread
    FROM tenant_bets(operator_id = {operator_id:UInt16})
    WHERE
        created_at >= {from_time:DateTime64(6, 'UTC')}
        AND created_at < {to_time:DateTime64(6, 'UTC')}
        AND bet_type IN ('BONUS', 'MIXED')
    GROUP BY user_id
)

SELECT
    money.user_id AS user_id,
    players.username AS username,
    money.bonuses AS bonuses,
    money.converted AS converted,
    money.deposits AS deposits,
    money.withdrawals AS withdrawals,
    stakes.bonus_bets AS bonus_bets,
    arrayFilter(s -> s != '', [
        if(money.deposits > 0 AND money.bonuses * 2 > money.deposits, 'bonus_heavy', ''),
        if(money.deposits <= 0, 'never_deposited', ''),
        if(stakes.bonus_bets >= 10 AND stakes.spread < stakes.mean_stake / 20, 'flat_stakes', ''),
        if(money.waived > 0 AND money.withdrawals > 0, 'waived_to_withdraw', '')
    ]) AS signs
FROM money
LEFT JOIN stakes ON stakes.user_id = money.user_id
LEFT JOIN tenant_players(operator_id = {operator_id:UInt16}) AS players
    ON players.user_id = money.user_id
ORDER BY length(signs) DESC, bonuses DESC, user_id
