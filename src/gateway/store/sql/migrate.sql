-- name: lock_migrations
-- Replicas that start together migrate one after the other; the number is nothing but ours.
SELECT pg_advisory_xact_lock(7022518140)

-- name: renew_incarnation
UPDATE store SET incarnation = :new
