-- Deposits of the same span, {rows} of them, each completed a minute after it was begun.
INSERT INTO transactions
(
    operator_id, transaction_id, event_no, user_id, affiliate_id, is_bot, kind, status, currency,
    amount, fee, real_delta, bonus_delta, held_delta, real_balance_after, bonus_balance_after,
    liability_delta, first_deposit, method, provider, reason, created_at, occurred_at
)
WITH
    (sipHash64('player', number) % 1000000) / 1000000 AS who,
    toUInt64(floor({players:UInt64} * who * who)) AS player,
    toInt64(1000 * (1 + sipHash64('amount', number) % 20)) AS sum_paid,
    toDateTime64({start:DateTime('UTC')}, 6, 'UTC') + toIntervalMicrosecond(
        toInt64({days:UInt32} * 86400000000 * ((number - {first:UInt64}) / {rows:UInt64}))
    ) AS began
SELECT
    {operators:Array(UInt16)}[1 + player % length({operators:Array(UInt16)})],
    reinterpretAsUUID(sipHash128('deposit', number)),
    event,
    reinterpretAsUUID(sipHash128('player', player)),
    0,
    player % 20 = 0,
    'DEPOSIT',
    if(event = 1, 'PENDING', 'COMPLETED'),
    'EUR',
    sum_paid,
    0,
    if(event = 1, 0, sum_paid),
    0,
    0,
    sum_paid,
    0,
    if(event = 1, 0, sum_paid),
    0,
    'card',
    'mock',
    '',
    began,
    began + toIntervalSecond(if(event = 1, 0, 60))
FROM numbers({first:UInt64}, {rows:UInt64})
ARRAY JOIN [1, 2] AS event
