-- Bonus cost: what does each kind of bonus cost, and how does it end?
--
-- Reading: cost = credited less forfeited, expired and waived; what is converted became the
-- player's real money and is cost for good. Minor units.
-- Parameters:
--   operator_id: the operator
--   from_time = -28 days: events from
--   to_time = now: events before
--   include_bots = 1: 0 leaves demo traffic out
-- Caveats: events of the range, so endings of earlier grants are in it too and cost may be
-- negative. What a bet's rollback did to bonuses counts at the bet's time, as everywhere. What is
-- won and lost while playing with a bonus is in GGR, not here.
SELECT
    method AS bonus,
    countIf(status = 'GRANTED') AS credits,
    sumIf(t.amount, status IN ('GRANTED', 'REOPENED'))
    - sumIf(t.amount, status IN ('REVOKED', 'RETURNED')) AS credited,
    sumIf(t.amount, status = 'COMPLETED') AS converted,
    sumIf(t.amount, status = 'FORFEITED') AS forfeited,
    sumIf(t.amount, status = 'EXPIRED') AS expired,
    sumIf(t.amount, status = 'WAIVED') AS waived,
    credited - forfeited - expired - waived AS cost
FROM tenant_transactions(operator_id = {operator_id:UInt16}) AS t
WHERE
    kind = 'BONUS'
    AND occurred_at >= {from_time:DateTime64(6, 'UTC')}
    AND occurred_at < {to_time:DateTime64(6, 'UTC')}
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
GROUP BY method
ORDER BY method
