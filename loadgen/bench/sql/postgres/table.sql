-- What the analytics bench asks of Postgres: bets as Postgres would keep them for reports.
CREATE UNLOGGED TABLE bench_bet (
    operator_id smallint NOT NULL,
    bet_id bigint NOT NULL,
    user_id int NOT NULL,
    game_id int NOT NULL,
    wager bigint NOT NULL,
    win bigint NOT NULL,
    created_at timestamptz NOT NULL
)
