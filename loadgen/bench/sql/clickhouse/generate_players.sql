-- The players that generate_bets.sql lets play; one in twenty is a bot.
INSERT INTO players
(
    operator_id, user_id, username, status, is_bot, vip_level, affiliate_id, registered_at, version
)
SELECT
    {operators:Array(UInt16)}[1 + number % length({operators:Array(UInt16)})] AS operator_id,
    reinterpretAsUUID(sipHash128('player', number)) AS user_id,
    concat('player-', toString(number)) AS username,
    'ACTIVE' AS status,
    number % 20 = 0 AS is_bot,
    1 + number % 5 AS vip_level,
    0 AS affiliate_id,
    {start:DateTime('UTC')} AS registered_at,
    1 AS version
FROM numbers({players:UInt64})
