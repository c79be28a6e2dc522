-- name: standing
SELECT t.revision, t.bucket_used, t.bucket_time, t.day, t.day_jobs, t.day_input_bytes, store_clock() AS now,
    (SELECT count(*) FROM batch_jobs WHERE team = $1 AND state = 'QUEUED') AS queued_jobs,
    (SELECT count(*) FROM batch_jobs
     WHERE team = $1 AND state IN ('SUBMITTING', 'PENDING', 'RUNNING', 'PAUSED')) AS active_jobs
FROM (SELECT $1::text AS team) AS asked LEFT JOIN teams t ON t.team = asked.team

-- name: known
SELECT r.request_id AS used_id, r.content_hash, {columns}
FROM request_ids r LEFT JOIN batch_jobs b ON b.id = r.batch_job_id AND b.delete_time IS NULL
WHERE r.team = $1 AND r.request_id = ANY($2::text[])

-- name: known_anywhere
SELECT r.team AS used_by, r.request_id AS used_id, r.content_hash, {columns}
FROM unnest($1::text[], $2::text[]) AS asked (team, request_id)
JOIN request_ids r ON r.team = asked.team AND r.request_id = asked.request_id
LEFT JOIN batch_jobs b ON b.id = r.batch_job_id AND b.delete_time IS NULL

-- name: next_ids
SELECT next_batch_job_id() FROM generate_series(1, $1::integer)

-- name: insert
INSERT INTO batch_jobs ({names})
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
    $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35)

-- name: insert_request_id
INSERT INTO request_ids (team, request_id, content_hash, batch_job_id, create_time) VALUES ($1, $2, $3, $4, $5)

-- name: write_team
UPDATE teams SET revision = $2, bucket_used = $3, bucket_time = $4, day = $5, day_jobs = $6, day_input_bytes = $7
WHERE team = $1
