-- The audit trail: what happened to every session, and how each one stands.
--
-- Written by synckairos-audit alone. Every instant is Redis' time, kept to the millisecond exactly.
-- A session id used again after its deletion begins a new life: a life is (session id, creation instant).

CREATE TYPE sync_mode AS ENUM ('per_participant', 'per_cycle', 'per_group', 'global', 'count_up');
COMMENT ON TYPE sync_mode IS 'Whose clock runs. A new mode is a new value, added by a migration of its own.';

CREATE TYPE sync_status AS ENUM ('pending', 'running', 'paused', 'expired', 'completed', 'cancelled');
COMMENT ON TYPE sync_status IS 'pending, then running and paused in turn; ended as expired, completed or cancelled.';

CREATE FUNCTION sync_instant(epoch_ms bigint) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT to_timestamp(epoch_ms / 1000.0)';
COMMENT ON FUNCTION sync_instant(bigint) IS
    'The instant of Unix epoch milliseconds, as they stand in snapshots; exact to the millisecond.';

-- The summary is rewritten with each batch; room in the page lets PostgreSQL do that without touching an index.
CREATE TABLE sync_sessions (
    session_id     text        NOT NULL,
    created_at     timestamptz NOT NULL,
    mode           sync_mode   NOT NULL,
    configuration  jsonb       NOT NULL,
    status         sync_status NOT NULL,
    version        bigint      NOT NULL,
    started_at     timestamptz,
    completed_at   timestamptz,
    cycles         bigint      NOT NULL,
    participants   jsonb       NOT NULL,
    metadata       jsonb       NOT NULL,
    last_event_id  uuid        NOT NULL,
    updated_at     timestamptz NOT NULL,
    PRIMARY KEY (session_id, created_at)
) WITH (fillfactor = 70);
COMMENT ON TABLE sync_sessions IS
    'One row for each life of a session: how it stands after its newest event. Made from sync_events, and could be made again from them.';
COMMENT ON COLUMN sync_sessions.created_at IS 'Creation; with session_id it names one life of the session.';
COMMENT ON COLUMN sync_sessions.configuration IS 'What the session was created with; does not change.';
COMMENT ON COLUMN sync_sessions.status IS
    'As of the newest event. A deleted session keeps the status it had; its last event is of type session_deleted.';
COMMENT ON COLUMN sync_sessions.version IS 'Rises by one with every change.';
COMMENT ON COLUMN sync_sessions.started_at IS 'The start; null while pending.';
COMMENT ON COLUMN sync_sessions.completed_at IS 'The end, however it came; null until then.';
COMMENT ON COLUMN sync_sessions.cycles IS 'Number of the current or last cycle; 0 before the start.';
COMMENT ON COLUMN sync_sessions.participants IS
    'List in rotation order; total_time_ms is what is left, time_used_ms what was used, closed spans only.';
COMMENT ON COLUMN sync_sessions.metadata IS 'What the client keeps with the session; meaningless to the service.';
COMMENT ON COLUMN sync_sessions.last_event_id IS 'The event (sync_events.event_id) that this row shows.';
COMMENT ON COLUMN sync_sessions.updated_at IS 'Instant of that event. The row is only replaced by a newer (version, updated_at).';

CREATE TABLE sync_events (
    event_id           uuid        PRIMARY KEY,
    prev_event_id      uuid,
    session_id         text        NOT NULL,
    session_created_at timestamptz NOT NULL,
    type               text        NOT NULL,
    participant_id     text,
    version            bigint      NOT NULL,
    cycle_number       bigint      NOT NULL,
    actor              text        NOT NULL,
    request_id         text,
    at                 timestamptz NOT NULL,
    expiry_count       bigint      NOT NULL,
    expiries           jsonb,
    state_snapshot     jsonb,
    metadata           jsonb       NOT NULL,
    recorded_at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE sync_events IS
    'Every change of every session, once, in the words of whoever made it. Rows are added and never changed.';
COMMENT ON COLUMN sync_events.event_id IS
    'Given by whoever made the change. Nothing else is unique: history that a failover of Redis took back stays here as a branch.';
COMMENT ON COLUMN sync_events.prev_event_id IS
    'The session''s event before this one; null for the first of a life. Two events with the same one are a branch.';
COMMENT ON COLUMN sync_events.session_created_at IS 'Which life of the session: sync_sessions.created_at.';
COMMENT ON COLUMN sync_events.type IS 'session_created, cycle_switched, time_expired, …';
COMMENT ON COLUMN sync_events.participant_id IS 'Whom the event is about; null where it is about nobody.';
COMMENT ON COLUMN sync_events.version IS 'The session''s version after the event.';
COMMENT ON COLUMN sync_events.cycle_number IS 'The cycle after the event; 0 before the start.';
COMMENT ON COLUMN sync_events.actor IS 'Who asked for the change.';
COMMENT ON COLUMN sync_events.request_id IS 'X-Request-Id of the request that made it; null where no request did.';
COMMENT ON COLUMN sync_events.at IS 'When it happened, by Redis'' clock.';
COMMENT ON COLUMN sync_events.expiry_count IS 'How many clocks ran out in this event; expiries holds the newest 32.';
COMMENT ON COLUMN sync_events.expiries IS 'List of {participant_id, group_id, at_ms, action_applied}.';
COMMENT ON COLUMN sync_events.state_snapshot IS
    'The whole session after the event, as Redis held it; instants in it are Unix epoch milliseconds (sync_instant).';
COMMENT ON COLUMN sync_events.metadata IS 'The operation''s arguments, and its reason where one was given.';
COMMENT ON COLUMN sync_events.recorded_at IS 'When PostgreSQL got it, by PostgreSQL''s clock.';
