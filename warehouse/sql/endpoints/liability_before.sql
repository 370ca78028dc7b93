-- What the operator owed its players before a quarter of an hour began.
SELECT sum(liability_delta) AS liability
FROM tenant_liability_deltas(operator_id = {operator_id:UInt16})
WHERE
    quarter < {before:DateTime64(6, 'UTC')}
    AND ({include_bots:UInt8} = 1 OR is_bot = 0)
