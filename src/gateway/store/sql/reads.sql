-- name: wanted
-- Rows come whole only where their revision is not the one held. A restored store may give a revision a second time.
SELECT wanted.id AS wanted_id, store.incarnation, {columns}
FROM unnest($1::bigint[], $2::bigint[]) AS wanted (id, revision)
CROSS JOIN store
JOIN batch_jobs held ON held.id = wanted.id AND held.delete_time IS NULL
LEFT JOIN batch_jobs b ON b.id = held.id AND (b.revision <> wanted.revision OR store.incarnation <> $3)

-- name: page_of_team
SELECT {columns} FROM batch_jobs b
WHERE b.team = $1 AND b.delete_time IS NULL AND b.id < $2
ORDER BY b.id DESC LIMIT $3

-- name: page
SELECT {columns} FROM batch_jobs b
WHERE b.delete_time IS NULL AND b.id < $1
ORDER BY b.id DESC LIMIT $2

-- name: live
-- One snapshot of where the team's feed stands and of what is open at it.
SELECT s.incarnation, coalesce(t.revision, 0) AS team_revision, coalesce(t.purged_revision, 0) AS purged_revision,
    {columns}
FROM store s
LEFT JOIN teams t ON t.team = $1
LEFT JOIN LATERAL (
    SELECT * FROM batch_jobs
    WHERE team = $1 AND id > $2 AND state IN ('QUEUED', 'SUBMITTING', 'PENDING', 'RUNNING', 'PAUSED')
    ORDER BY id LIMIT $3
) b ON true
ORDER BY b.id

-- name: changes
SELECT s.incarnation, coalesce(t.revision, 0) AS team_revision, coalesce(t.purged_revision, 0) AS purged_revision,
    {columns}
FROM store s
LEFT JOIN teams t ON t.team = $1
LEFT JOIN LATERAL (
    SELECT * FROM batch_jobs WHERE team = $1 AND revision > $2 ORDER BY revision LIMIT $3
) b ON true
ORDER BY b.revision

-- name: feed
SELECT s.incarnation, coalesce(t.revision, 0) AS team_revision, coalesce(t.purged_revision, 0) AS purged_revision
FROM store s LEFT JOIN teams t ON t.team = $1

-- name: waits
-- Through JSON, so that a schema of the version before, which has no such column, answers too.
SELECT pool, to_jsonb(s) -> 'waits' AS waits FROM shares s WHERE team = $1

-- name: active_by_team
SELECT team, count(*) AS active FROM batch_jobs
WHERE state IN ('SUBMITTING', 'PENDING', 'RUNNING', 'PAUSED')
GROUP BY team

-- name: open_in_pools
SELECT pool, count(*) FILTER (WHERE state <> 'QUEUED') AS active, count(*) FILTER (WHERE state = 'QUEUED') AS queued
FROM batch_jobs
WHERE team = $1 AND state IN ('QUEUED', 'SUBMITTING', 'PENDING', 'RUNNING', 'PAUSED')
GROUP BY pool
ORDER BY pool
