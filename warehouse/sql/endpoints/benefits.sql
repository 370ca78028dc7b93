-- Bonuses, free spins and jackpots in [from_time, to_time) by what they are, where they came from
-- and what became of them: method is a bonus's kind, free spins' source or a jackpot pool's name.
SELECT
    kind,
    method,
    status,
    sum(t.events) AS events,
    sum(t.amount) AS amount
FROM tenant_money_timeline(
    operator_id = {operator_id:UInt16},
    earlier_from = {from_time:DateTime64(6, 'UTC')},
    earlier_whole_from = {from_time:DateTime64(6, 'UTC')},
    earlier_whole_to = {from_time:DateTime64(6, 'UTC')},
    whole_from = {whole_from:DateTime64(6, 'UTC')},
    whole_to = {whole_to:DateTime64(6, 'UTC')},
    to_time = {to_time:DateTime64(6, 'UTC')}
) AS t
WHERE
    kind IN ('BONUS', 'FREE_SPINS', 'JACKPOT')
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
GROUP BY kind, method, status
ORDER BY kind, method, status
