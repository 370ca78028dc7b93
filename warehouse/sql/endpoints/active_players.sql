-- Players with at least one bet net of rollbacks. Free spins are no bets, unless they are what is
-- asked for.
SELECT count() AS active
FROM (
    SELECT user_id
    FROM ($pieces) AS f
    GROUP BY user_id
    HAVING sum(f.bets + if({bet_type:String} = 'FREE_SPIN', f.free_spins, 0)) > 0
)
