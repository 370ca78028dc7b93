-- Bonuses, free spins and jackpots in the whole quarters of an hour [whole_from, whole_to) by what
-- they are, where they came from and what became of them: method is a bonus's kind, free spins'
-- source or a jackpot pool's name.
SELECT
    kind,
    method,
    status,
    sum(t.events) AS events,
    sum(t.amount) AS amount
FROM transaction_quarters AS t
WHERE
    operator_id = {operator_id:UInt16}
    AND quarter >= toDateTime({whole_from:DateTime64(6, 'UTC')}, 'UTC')
    AND quarter < toDateTime({whole_to:DateTime64(6, 'UTC')}, 'UTC')
    AND kind IN ('BONUS', 'FREE_SPINS', 'JACKPOT')
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
GROUP BY kind, method, status
