-- name: revisions
SELECT t.team, t.revision, s.incarnation FROM store s LEFT JOIN teams t ON true

-- name: hurry
SET LOCAL synchronous_commit = off

-- name: notify
SELECT pg_notify($1, $2)
