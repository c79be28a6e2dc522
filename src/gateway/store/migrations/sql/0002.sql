-- name: waits
-- The latest 25 waits of a team in a pool, newest first, each as [when it ended, how long it was] in seconds.
ALTER TABLE shares ADD COLUMN waits jsonb NOT NULL DEFAULT '[]'

-- name: remember_wait
-- In the database and not in the gateway, so that what a leader of the version before dispatches is remembered too.
CREATE FUNCTION remember_wait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE shares SET waits = (jsonb_build_array(jsonb_build_array(
        extract(epoch FROM NEW.submit_time), extract(epoch FROM NEW.submit_time - NEW.create_time)
    )) || waits) - 25
    WHERE team = NEW.team AND pool = NEW.pool;
    RETURN NULL;
END
$$

-- name: remember_wait_at_first_submit
-- What Vertex sends back to the queue waits for Vertex, and does not count again.
CREATE TRIGGER remember_wait AFTER UPDATE OF state ON batch_jobs FOR EACH ROW
WHEN (OLD.state = 'QUEUED' AND NEW.state = 'SUBMITTING' AND NEW.attempt_count = 1)
EXECUTE FUNCTION remember_wait()
