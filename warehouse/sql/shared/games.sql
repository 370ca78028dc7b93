-- The catalogue as it is now; games belong to no operator.
SELECT game_id, name AS game_name, provider, category, rtp_bps AS theoretical_rtp_bps
FROM games FINAL
