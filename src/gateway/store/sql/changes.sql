-- name: read_locked
SELECT {columns}, t.revision AS team_revision, store_clock() AS now
FROM batch_jobs b JOIN teams t ON t.team = b.team
WHERE b.id = $1 AND b.team = $2
FOR UPDATE OF b

-- name: read
SELECT {columns} FROM batch_jobs b WHERE b.id = $1 AND b.team = $2

-- name: write
UPDATE batch_jobs SET
    state = $3, state_time = $4, revision = $5, update_time = $6, cancel_time = $7, delete_time = $8,
    submit_time = $9, start_time = $10, end_time = $11, expire_time = $12,
    vertex_name = $13, vertex_update_time = $14, vertex_start_time = $15, vertex_end_time = $16,
    error = $17, partial_failures = $18, row_counts = $19, output = $20,
    attempt_count = $21, refusals = $22, attempts = $23, transitions = $24,
    charge = $25, slot_time = $26
WHERE id = $1 AND team = $2

-- name: take_revision
UPDATE teams SET revision = $2 WHERE team = $1

-- name: read_share
SELECT service, mean_run, standing, weight FROM shares WHERE team = $1 AND pool = $2 FOR NO KEY UPDATE

-- name: write_share
UPDATE shares SET service = $3, mean_run = $4, weight = $5 WHERE team = $1 AND pool = $2

-- name: make_share
INSERT INTO shares (team, pool) VALUES ($1, $2) ON CONFLICT DO NOTHING
