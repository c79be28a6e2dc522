-- name: show_server_version_num
SHOW server_version_num

-- name: show_fsync
SHOW fsync

-- name: show_synchronous_commit
SHOW synchronous_commit

-- name: show_statement_timeout
SHOW statement_timeout

-- name: show_lock_timeout
SHOW lock_timeout

-- name: show_idle_in_transaction_session_timeout
SHOW idle_in_transaction_session_timeout

-- name: show_tcp_keepalives_idle
SHOW tcp_keepalives_idle

-- name: show_tcp_keepalives_interval
SHOW tcp_keepalives_interval

-- name: over_tcp
SELECT inet_server_addr() IS NOT NULL

-- name: backend
SELECT pg_backend_pid()
