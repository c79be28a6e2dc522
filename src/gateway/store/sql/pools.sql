-- name: all
SELECT {columns} FROM pools WHERE update_time IS NOT NULL

-- name: one
SELECT {columns}, store_clock() AS now FROM pools WHERE pool = $1

-- name: write
UPDATE pools SET
    capacity = $2, gate_open = $3, gate_reason = $4, gate_time = $5, gate_failures = $6, next_probe_time = $7,
    others = $8, strays = $9, last_list_time = $10, last_scan_time = $11, last_ambiguous_time = $12, update_time = $13
WHERE pool = $1
