-- name: try_lock
SELECT pg_try_advisory_lock(hashtextextended('pitboss job ' || $1::text, 0));

-- name: begin_run
INSERT INTO job_run (job, started_at) VALUES ($1, clock_timestamp()) RETURNING started_at;

-- name: end_run
UPDATE job_run SET finished_at = clock_timestamp(), succeeded = $3, result = $4::jsonb
WHERE job = $1 AND started_at = $2
RETURNING job, started_at, finished_at, succeeded, result::text AS result;

-- name: forget_runs
-- A week of a job's runs is kept, and its last hundred however old they are.
DELETE FROM job_run
WHERE
    job = $1
    AND started_at < least(
        now() - interval '7 days',
        (
            SELECT min(kept.started_at) FROM (
                SELECT started_at FROM job_run WHERE job = $1
                ORDER BY started_at DESC LIMIT 100
            ) AS kept
        )
    );

-- name: last_runs
-- The last run of each job, and when one last succeeded.
SELECT
    job.name AS job,
    last.started_at,
    last.finished_at,
    last.succeeded,
    last.result::text AS result,
    good.finished_at AS last_success_at
FROM unnest($1::text[]) AS job (name)
LEFT JOIN LATERAL (
    SELECT * FROM job_run WHERE job_run.job = job.name ORDER BY started_at DESC LIMIT 1
) AS last ON true
LEFT JOIN LATERAL (
    SELECT finished_at FROM job_run
    WHERE job_run.job = job.name AND job_run.succeeded
    ORDER BY started_at DESC LIMIT 1
) AS good ON true;

-- name: recent_runs
-- The last $2 runs of these jobs, newest first.
SELECT job, started_at, finished_at, succeeded, result::text AS result
FROM job_run
WHERE job = any($1::text[])
ORDER BY started_at DESC
LIMIT $2;
