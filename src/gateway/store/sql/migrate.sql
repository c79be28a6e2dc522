-- name: lock_migrations
-- Replicas that start together migrate one after the other; the number is nothing but ours.
SELECT pg_advisory_xact_lock(7022518140)

-- name: has_version
-- Alembic's table; an empty database has none.
SELECT to_regclass('alembic_version') IS NOT NULL

-- name: version
SELECT version_num FROM alembic_version

-- name: renew_incarnation
UPDATE store SET incarnation = $1
