-- What the operator owed its players before a quarter of an hour began.
SELECT sum(delta) AS liability
FROM (
    SELECT sum(liability_delta) AS delta
    FROM bet_rollups
    WHERE
        operator_id = {operator_id:UInt16}
        AND grain = 'operator_quarter'
        AND start < toDateTime({before:DateTime64(6, 'UTC')}, 'UTC')
        AND ({include_bots:UInt8} = 1 OR is_bot = 0)
    UNION ALL
    SELECT sum(liability_delta) AS delta
    FROM transaction_quarters
    WHERE
        operator_id = {operator_id:UInt16}
        AND quarter < toDateTime({before:DateTime64(6, 'UTC')}, 'UTC')
        AND ({include_bots:UInt8} = 1 OR is_bot = 0)
)
