-- name: eligible_games
SELECT game_id, max_wager FROM game
WHERE jackpot_eligible AND ($1::int[] IS NULL OR game_id = any($1));

-- name: widest_level
SELECT max(bet_limit_multiplier_tenths) FROM vip_level;

-- name: next_pool_id
SELECT nextval(pg_get_serial_sequence('jackpot_pool', 'pool_id'))::int;

-- name: insert_pool
INSERT INTO jackpot_pool (
    pool_id, name, currency, seed, cap, largest_contribution_e4, amount_e4, commitment,
    encrypted_hit
) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: insert_first_cycle
INSERT INTO jackpot_cycle (pool_id, cycle_no, seed, carried_e4, commitment, encrypted_hit)
VALUES ($1, 1, $2, 0, $3, $4);

-- name: insert_feeds
INSERT INTO game_jackpot (game_id, pool_id, rate_bps)
SELECT game_id, $2::smallint, $3::int FROM unnest($1::int[]) AS game_id;

-- name: insert_postings
INSERT INTO posting SELECT * FROM unnest($1::posting[]);

-- name: pools
SELECT
    p.pool_id,
    p.name,
    p.currency,
    p.seed,
    p.cap,
    p.amount_e4 / 10000 AS amount,
    p.cycle_no,
    p.commitment,
    w.cycle_no AS won_cycle_no,
    w.amount AS won_amount,
    w.won_at,
    w.hit_e4 AS won_hit_e4,
    w.nonce AS won_nonce,
    c.commitment AS won_commitment
FROM jackpot_pool AS p
LEFT JOIN LATERAL (
    SELECT * FROM jackpot_win
    WHERE jackpot_win.pool_id = p.pool_id
    ORDER BY jackpot_win.cycle_no DESC LIMIT 1
) AS w ON true
LEFT JOIN jackpot_cycle AS c ON w.pool_id = c.pool_id AND w.cycle_no = c.cycle_no
WHERE p.active AND ($1::text IS NULL OR p.currency = $1)
ORDER BY p.currency, p.seed;

-- name: wins_since
-- The wins of the given cycles of pools and of later ones.
SELECT w.pool_id, p.name, p.currency, w.amount, w.cycle_no, w.won_at
FROM unnest($1::smallint[], $2::bigint[]) AS seen (pool_id, cycle_no)
INNER JOIN jackpot_win AS w ON seen.pool_id = w.pool_id AND seen.cycle_no <= w.cycle_no
INNER JOIN jackpot_pool AS p ON w.pool_id = p.pool_id
ORDER BY w.won_at, w.pool_id, w.cycle_no;
