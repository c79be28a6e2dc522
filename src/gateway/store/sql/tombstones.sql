-- name: pools
SELECT DISTINCT pool FROM batch_jobs
WHERE delete_time IS NOT NULL AND vertex_name <> '' AND vertex_deleted_time IS NULL

-- name: in_pool
SELECT {columns} FROM batch_jobs b
WHERE b.delete_time IS NOT NULL AND b.vertex_name <> '' AND b.vertex_deleted_time IS NULL AND b.pool = $1
    AND b.id <> ALL($2::bigint[])
ORDER BY b.delete_time LIMIT $3
