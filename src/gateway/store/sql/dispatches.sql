-- name: now
SELECT store_clock()

-- name: counts
-- A team that has nothing open any more is shown until its standing says so: else it would come back as if it had
-- contended all along. What is active is bounded by the slots, and counted. What is queued is not: from one queue its
-- index leads to the next, so a pass takes as long with ten thousand in each as with one.
WITH RECURSIVE queues AS (
    (SELECT pool, team FROM batch_jobs WHERE state = 'QUEUED' ORDER BY pool, team LIMIT 1)
    UNION ALL
    SELECT following.pool, following.team FROM queues CROSS JOIN LATERAL (
        SELECT b.pool, b.team FROM batch_jobs b
        WHERE b.state = 'QUEUED' AND (b.pool, b.team) > (queues.pool, queues.team)
        ORDER BY b.pool, b.team LIMIT 1
    ) AS following
)
SELECT pool, team, sum(active)::bigint AS active, sum(charged) AS charged, bool_or(backlogged) AS backlogged
FROM (
    SELECT pool, team, count(*) AS active, sum(charge) AS charged, false AS backlogged FROM batch_jobs
    WHERE state IN ('SUBMITTING', 'PENDING', 'RUNNING', 'PAUSED') GROUP BY pool, team
    UNION ALL
    SELECT pool, team, 0, 0, true FROM queues
    UNION ALL
    SELECT pool, team, 0, 0, false FROM shares WHERE standing <> 'IDLE'
) AS everyone
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
