-- name: restores
-- What happened after `kept_until` and before `declare_time` is not in this store: it came back from a backup. Creates
-- that were sent in that time may still be found on Vertex, under attempts that no row knows.
CREATE TABLE restores (
    kept_until   timestamptz NOT NULL,
    declare_time timestamptz NOT NULL
)
