-- Players with at least one bet net of rollbacks in [from_time, to_time). Free spins are no bets,
-- unless they are what is asked for.
SELECT count() AS active
FROM (
    SELECT user_id
    FROM tenant_player_figures(
        operator_id = {operator_id:UInt16},
        from_time = {from_time:DateTime64(6, 'UTC')},
        fine_from = {fine_from:DateTime64(6, 'UTC')},
        coarse_from = {coarse_from:DateTime64(6, 'UTC')},
        coarse_to = {coarse_to:DateTime64(6, 'UTC')},
        fine_to = {fine_to:DateTime64(6, 'UTC')},
        to_time = {to_time:DateTime64(6, 'UTC')}
    ) AS f
    WHERE
        ({include_bots:UInt8} = 1 OR is_bot = 0)
        AND ({bet_type:String} = '' OR bet_type = {bet_type:String})
    GROUP BY user_id
    HAVING sum(f.bets + if({bet_type:String} = 'FREE_SPIN', f.free_spins, 0)) > 0
)
