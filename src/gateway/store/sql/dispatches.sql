-- name: now
SELECT store_clock()

-- name: counts
-- A team that has nothing open any more is shown until its standing says so: else it would come back as if it had
-- contended all along. What is queued is counted in its index alone: the rows of a long queue are many pages.
SELECT pool, team, sum(active)::bigint AS active, sum(queued)::bigint AS queued
FROM (
    SELECT pool, team, count(*) AS active, 0 AS queued FROM batch_jobs
    WHERE state IN ('SUBMITTING', 'PENDING', 'RUNNING', 'PAUSED') GROUP BY pool, team
    UNION ALL
    SELECT pool, team, 0, count(*) FROM batch_jobs WHERE state = 'QUEUED' GROUP BY pool, team
    UNION ALL
    SELECT pool, team, 0, 0 FROM shares WHERE standing <> 'IDLE'
) AS everyone
GROUP BY pool, team

-- name: charges
SELECT pool, team, sum(charge) AS charged
FROM batch_jobs
WHERE state IN ('SUBMITTING', 'PENDING', 'RUNNING', 'PAUSED')
GROUP BY pool, team

-- name: shares
SELECT pool, team, service, mean_run, standing FROM shares

-- name: heads
-- The first of each queue by its index: what lies behind is not read.
SELECT wanted.pool, wanted.team, head.*
FROM unnest($1::text[], $2::text[], $3::integer[]) AS wanted (pool, team, most)
CROSS JOIN LATERAL (
    SELECT id, priority, create_time, refusals FROM batch_jobs b
    WHERE b.pool = wanted.pool AND b.team = wanted.team AND b.state = 'QUEUED'
    ORDER BY b.priority DESC, b.create_time, b.id LIMIT wanted.most
) head

-- name: probes
SELECT DISTINCT ON (team) pool, team, id, priority, create_time, refusals FROM batch_jobs
WHERE pool = $1 AND state = 'QUEUED'
ORDER BY team, refusals, priority DESC, create_time, id

-- name: count_pool
SELECT count(*) FROM batch_jobs WHERE pool = $1 AND state IN ('SUBMITTING', 'PENDING', 'RUNNING', 'PAUSED')

-- name: count_team
SELECT count(*) FROM batch_jobs WHERE team = $1 AND state IN ('SUBMITTING', 'PENDING', 'RUNNING', 'PAUSED')

-- name: shift_shares
-- Differences, so that a settlement that came between is not undone.
INSERT INTO shares AS s (pool, team, service, standing)
SELECT pool, team, by, standing
FROM unnest($1::text[], $2::text[], $3::double precision[], $4::text[]) AS shift (pool, team, by, standing)
ORDER BY pool, team
ON CONFLICT (pool, team) DO UPDATE
SET service = greatest(0, s.service + excluded.service), standing = excluded.standing
