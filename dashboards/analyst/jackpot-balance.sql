-- Jackpots: what do bets feed into the pools, and what do the pools pay this operator's players?
--
-- Reading: one row an ISO week; share is the contributions' part of real wagers. Payouts above
-- contributions are paid by other operators' players and by the platform's seeds: pools are shared.
-- Parameters:
--   operator_id: the operator
--   from_time = -56 days: weeks from
--   to_time = now: weeks before
--   include_bots = 1: 0 leaves demo traffic out
-- Caveats: contributions are counted in 1/10,000 minor units and shown rounded down to whole ones.
SELECT
    toMonday(quarter) AS week,
    sum(q.wager_real) AS wagered_real,
    intDiv(sum(q.jackpot_contribution_e4), 10000) AS contributions,
    sum(q.jackpot) AS payouts,
    sum(q.jackpot_hits) AS hits,
    round(sum(q.jackpot_contribution_e4) / 10000 / nullIf(wagered_real, 0), 6) AS share
FROM tenant_operator_quarters(operator_id = {operator_id:UInt16}) AS q
WHERE
    quarter >= {from_time:DateTime64(6, 'UTC')}
    AND quarter < {to_time:DateTime64(6, 'UTC')}
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
GROUP BY week
ORDER BY week
