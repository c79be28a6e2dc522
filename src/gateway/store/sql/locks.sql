-- name: fence
-- Waits for a takeover under way, and makes a takeover wait for us. Without the expiry a busy old leader, whose writes
-- overlap, could put a takeover off for ever.
SELECT true FROM lease WHERE term = $1 AND expires_at > store_clock() FOR KEY SHARE

-- name: lock_team
SELECT true FROM teams WHERE team = $1 FOR NO KEY UPDATE

-- name: make_team
INSERT INTO teams (team) VALUES ($1) ON CONFLICT DO NOTHING

-- name: lock_pool
SELECT true FROM pools WHERE pool = $1 FOR NO KEY UPDATE

-- name: make_pool
INSERT INTO pools (pool) VALUES ($1) ON CONFLICT DO NOTHING
