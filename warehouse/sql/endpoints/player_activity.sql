-- What each player's bets came to, whatever that is; players in the engine's order.
SELECT
    user_id,
    sum(f.bets) AS bets,
    sum(f.free_spins) AS free_spins,
    sum(f.wager) AS wager,
    sum(f.win) AS win
FROM ($pieces) AS f
GROUP BY user_id
ORDER BY user_id
