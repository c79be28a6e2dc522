-- name: expired
SELECT expires_at <= store_clock() FROM lease

-- name: left
SELECT greatest(extract(epoch FROM expires_at - store_clock()), 0) FROM lease

-- name: lock_for_takeover
-- Waits for every write of the old term that passed the fence; those that come later find no row.
SELECT true FROM lease FOR UPDATE

-- name: take_over
UPDATE lease SET term = $1, holder = $2, expires_at = store_clock() + $3::interval
WHERE expires_at <= store_clock()
RETURNING true

-- name: lock_for_renewal
SELECT true FROM lease WHERE term = $1 FOR NO KEY UPDATE

-- name: renew
UPDATE lease SET expires_at = store_clock() + $2::interval
WHERE term = $1 AND expires_at > store_clock()
RETURNING true

-- name: release
UPDATE lease SET expires_at = store_clock() WHERE term = $1 AND expires_at > store_clock()
