SELECT
    sum(wager), sum(win), sum(sign), uniqExact(user_id), sum(jackpot_contribution_e4)
FROM bets
WHERE operator_id = {operator_id:UInt16}
    AND created_at >= {start:DateTime('UTC')} AND created_at < {end:DateTime('UTC')}
