-- name: page
-- Looks at the next $3 batch jobs and no further, however few of them are met: `edge` is the last one looked at.
-- All terms of one field stand in one or two arrays; an empty one asks nothing.
SELECT next.edge, next.looked, {columns}
FROM (
    SELECT min(id) AS edge, count(*) AS looked FROM (
        SELECT b.id FROM batch_jobs b
        WHERE {whose} AND {among} AND b.delete_time IS NULL AND b.id < $2
        ORDER BY b.id DESC LIMIT $3
    ) AS window_of_ids
) AS next
LEFT JOIN LATERAL (
    SELECT b.* FROM batch_jobs b
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN b.cancel_time IS NULL OR b.state NOT IN ('QUEUED', 'SUBMITTING', 'PENDING', 'RUNNING', 'PAUSED')
                THEN b.state ELSE 'CANCELLING' END AS state,
            ARRAY[b.spec->>'model', b.effective_model, replace(b.effective_model, 'publishers/google/models/', '')]
                AS models,
            split_part(b.pool, '/', 2) AS region,
            coalesce(b.spec->'labels', '{}') AS labels,
            coalesce(b.spec->>'display_name', '') AS display_name
    ) AS shown
    WHERE {whose} AND {among} AND b.delete_time IS NULL AND b.id < $2 AND b.id >= next.edge
        AND shown.state = ANY($5::text[])
        AND $6::text[] <@ shown.models AND NOT $7::text[] && shown.models
        AND shown.region = ALL($8::text[]) AND shown.region <> ALL($9::text[])
        AND shown.labels ?& $10::text[]
        AND NOT EXISTS (
            SELECT FROM unnest($11::text[], $12::text[]) AS wanted (key, value)
            WHERE shown.labels->>wanted.key IS DISTINCT FROM wanted.value
        )
        AND NOT EXISTS (
            SELECT FROM unnest($13::text[], $14::text[]) AS unwanted (key, value)
            WHERE shown.labels->>unwanted.key = unwanted.value
        )
        AND b.create_time >= $15 AND b.create_time <= $16 AND b.create_time <> ALL($17::timestamptz[])
        AND shown.display_name LIKE ALL ($18::text[]) AND NOT shown.display_name LIKE ANY ($19::text[])
        AND ($20::text[] IS NULL OR b.pool = ANY($20::text[]))
    ORDER BY b.id DESC LIMIT $4
) AS b ON true
ORDER BY b.id DESC
