-- Everything that bets and transactions ever moved on what the operators owe their players.
SELECT operator_id, sum(moved) AS liability
FROM (
    SELECT operator_id, sum(liability_delta) AS moved FROM bets GROUP BY operator_id
    UNION ALL
    SELECT operator_id, sum(liability_delta) AS moved FROM transactions GROUP BY operator_id
)
GROUP BY operator_id
