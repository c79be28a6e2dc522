-- name: standing
SELECT t.revision, t.bucket_used, t.bucket_time, t.day, t.day_jobs, t.day_input_bytes, store_clock() AS now,
    (SELECT count(*) FROM batch_jobs WHERE team = $1 AND state = 'QUEUED') AS queued_jobs,
    (SELECT count(*) FROM batch_jobs
     WHERE team = $1 AND state IN ('SUBMITTING', 'PENDING', 'RUNNING', 'PAUSED')) AS active_jobs
FROM (SELECT $1::text AS team) AS asked LEFT JOIN teams t ON t.team = asked.team

-- name: admission
-- All that a group of creates is judged by, read under the team's lock: its standing, which of its request ids are used,
-- and ids for as many batch jobs.
SELECT t.revision, t.bucket_used, t.bucket_time, t.day, t.day_jobs, t.day_input_bytes, store_clock() AS now,
    (SELECT count(*) FROM batch_jobs WHERE team = $1 AND state = 'QUEUED') AS queued_jobs,
    (SELECT count(*) FROM batch_jobs
     WHERE team = $1 AND state IN ('SUBMITTING', 'PENDING', 'RUNNING', 'PAUSED')) AS active_jobs,
    ARRAY(SELECT r.request_id FROM request_ids r WHERE r.team = $1 AND r.request_id = ANY($2::text[])) AS used_ids,
    ARRAY(SELECT next_batch_job_id() FROM generate_series(1, $3::integer)) AS new_ids
FROM teams t WHERE t.team = $1

-- name: known
SELECT r.request_id AS used_id, r.content_hash, {columns}
FROM request_ids r LEFT JOIN batch_jobs b ON b.id = r.batch_job_id AND b.delete_time IS NULL
WHERE r.team = $1 AND r.request_id = ANY($2::text[])

-- name: known_anywhere
SELECT r.team AS used_by, r.request_id AS used_id, r.content_hash, {columns}
FROM unnest($1::text[], $2::text[]) AS asked (team, request_id)
JOIN request_ids r ON r.team = asked.team AND r.request_id = asked.request_id
LEFT JOIN batch_jobs b ON b.id = r.batch_job_id AND b.delete_time IS NULL

-- name: insert
INSERT INTO batch_jobs ({names})
VALUES ({values})

-- name: insert_last
-- A group's last batch job, and with it, for one round trip less, what the group has used up and the request ids that it
-- took.
WITH made AS (
    INSERT INTO batch_jobs ({names})
    VALUES ({values_after_11})
),
taken AS (
    INSERT INTO request_ids (team, request_id, content_hash, batch_job_id, create_time)
    SELECT $1, taken.request_id, taken.content_hash, taken.batch_job_id, $8
    FROM unnest($9::text[], $10::text[], $11::bigint[]) AS taken (request_id, content_hash, batch_job_id)
)
UPDATE teams SET revision = $2, bucket_used = $3, bucket_time = $4, day = $5, day_jobs = $6, day_input_bytes = $7
WHERE team = $1
