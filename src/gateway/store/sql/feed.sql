-- name: revisions
SELECT t.team, t.revision, s.incarnation FROM store s LEFT JOIN teams t ON true

-- name: notify
SELECT pg_notify($1, $2)

-- name: hint
-- A transaction of its own in one round trip. It waits for no flush: nothing depends on a hint.
SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)
