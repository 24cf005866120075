-- The trace that a change belongs to, as the request's traceparent named it (W3C Trace Context).
--
-- On a filled database: nothing is read or rewritten. Rows that are there have no trace, so the check need not look at
-- them; it holds for all that come.
ALTER TABLE sync_events
    ADD COLUMN trace_id text,
    ADD CONSTRAINT sync_events_trace_id CHECK (trace_id ~ '^[0-9a-f]{32}$') NOT VALID;
COMMENT ON COLUMN sync_events.trace_id IS
    'Trace id of the request''s traceparent, 32 hexadecimal digits; null where none was given, or no request made the event.';
