-- name: open_pools
SELECT DISTINCT pool FROM batch_jobs
WHERE state IN ('QUEUED', 'SUBMITTING', 'PENDING', 'RUNNING', 'PAUSED')

-- name: active
SELECT {columns} FROM batch_jobs b
WHERE b.pool = $1 AND b.state IN ('SUBMITTING', 'PENDING', 'RUNNING', 'PAUSED')
ORDER BY b.id

-- name: by_id
SELECT {columns} FROM batch_jobs b WHERE b.id = ANY($1::bigint[])

-- name: past_deadline
SELECT {columns} FROM batch_jobs b
WHERE b.state = 'QUEUED' AND b.queue_deadline IS NOT NULL AND b.queue_deadline <= (SELECT store_clock())
ORDER BY b.queue_deadline LIMIT $1

-- name: past_retention
SELECT {columns} FROM batch_jobs b
WHERE b.delete_time IS NULL AND b.expire_time IS NOT NULL AND b.expire_time <= (SELECT store_clock())
ORDER BY b.expire_time LIMIT $1

-- name: to_delete
SELECT {columns} FROM batch_jobs b
WHERE b.delete_time IS NOT NULL AND b.vertex_name <> '' AND b.vertex_deleted_time IS NULL
ORDER BY b.delete_time LIMIT $1

-- name: vertex_deleted
UPDATE batch_jobs SET vertex_deleted_time = store_clock()
WHERE id = $1 AND team = $2 AND delete_time IS NOT NULL AND vertex_deleted_time IS NULL

-- name: teams_to_purge
SELECT DISTINCT team FROM (
    SELECT team FROM batch_jobs
    WHERE delete_time IS NOT NULL AND delete_time <= (SELECT store_clock()) - $1::interval
        AND (vertex_name = '' OR vertex_deleted_time IS NOT NULL)
    ORDER BY delete_time LIMIT $2
) due
ORDER BY team

-- name: purge
DELETE FROM batch_jobs WHERE id IN (
    SELECT id FROM batch_jobs
    WHERE team = $1 AND delete_time IS NOT NULL AND delete_time <= (SELECT store_clock()) - $2::interval
        AND (vertex_name = '' OR vertex_deleted_time IS NOT NULL)
    ORDER BY delete_time LIMIT $3
)
RETURNING revision, request_id

-- name: note_purge
UPDATE teams SET purged_revision = greatest(purged_revision, $2) WHERE team = $1

-- name: release_request_ids
UPDATE request_ids SET release_time = greatest(create_time + $3::interval, store_clock())
WHERE team = $1 AND request_id = ANY($2::text[])

-- name: purge_request_ids
DELETE FROM request_ids WHERE (team, request_id) IN (
    SELECT team, request_id FROM request_ids
    WHERE release_time IS NOT NULL AND release_time <= (SELECT store_clock())
    ORDER BY release_time LIMIT $1
)
RETURNING request_id

-- name: census
SELECT team, pool, CASE WHEN cancel_time IS NULL THEN state ELSE 'CANCELLING' END AS shown,
    count(*) AS count, min(state_time) AS oldest_time
FROM batch_jobs
WHERE state IN ('QUEUED', 'SUBMITTING', 'PENDING', 'RUNNING', 'PAUSED')
GROUP BY team, pool, shown
ORDER BY team, pool, shown

-- name: horizon
SELECT store_clock() AS now, min(create_time) AS oldest_unnamed FROM batch_jobs
WHERE pool = $1 AND state IN ('QUEUED', 'SUBMITTING') AND vertex_name = ''

-- name: now
SELECT store_clock()

-- name: has_restores
-- The schema of the version before has none.
SELECT to_regclass('restores') IS NOT NULL

-- name: restores
SELECT kept_until, declare_time FROM restores ORDER BY declare_time
