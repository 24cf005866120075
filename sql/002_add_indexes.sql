-- The ways in which the trail is read. The primary keys answer for "this event" and "this life of a session".

-- Forwards, one session's history in order; backwards, its newest snapshot, without a sort either way.
CREATE INDEX sync_events_by_session ON sync_events (session_id, session_created_at, version, at);
COMMENT ON INDEX sync_events_by_session IS
    'A session''s events in order, and read backwards its newest snapshot (recovery).';

CREATE INDEX sync_events_by_type ON sync_events (type, at);
COMMENT ON INDEX sync_events_by_type IS 'All events of one type, in order of time.';

CREATE INDEX sync_events_by_time ON sync_events (at);
COMMENT ON INDEX sync_events_by_time IS 'What happened within a span of time, whatever the session.';

CREATE INDEX sync_sessions_by_creation ON sync_sessions (created_at);
COMMENT ON INDEX sync_sessions_by_creation IS 'The sessions of a day.';
