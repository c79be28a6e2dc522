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

-- name: declare_restore
-- The latest write that the backup still holds; every write of a row says when it was made.
INSERT INTO restores (kept_until, declare_time)
SELECT coalesce(greatest(
    (SELECT max(update_time) FROM batch_jobs), (SELECT max(update_time) FROM pools)
), 'epoch'), store_clock()
