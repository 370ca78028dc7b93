-- $1 bets from $2 to $3, in order of time: $4 operators, $5 games, $6 players.
INSERT INTO bench_bet
SELECT
    1 + player % $4,
    number,
    player,
    1 + floor($5 * power(random(), 1.5)),
    stake,
    CASE WHEN random() < 0.25 THEN stake * 384 / 100 ELSE 0 END,
    $2::timestamptz + ($3::timestamptz - $2::timestamptz) * (number / $1::double precision)
FROM (
    SELECT
        number,
        floor($6 * power(random(), 2))::int AS player,
        (ARRAY[20, 20, 50, 50, 100, 100, 200, 500, 1000, 5000])[1 + floor(random() * 10)] AS stake
    FROM generate_series(0, $1::bigint - 1) AS number
) AS drawn
