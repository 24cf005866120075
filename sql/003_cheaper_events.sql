-- What each event costs to write, for one worker must write faster than all API processes together produce.
--
-- On a filled database: making the index reads sync_events once, and holds writers (not readers) off until this
-- migration commits, some minutes a hundred million events. Workers wait for it and lose nothing; events wait in
-- Redis meanwhile, so see that it has room for them. Nothing is rewritten.

-- Moves are nearly all events, and nobody asks for all moves of all sessions: by session and by time they are found.
-- PostgreSQL uses the smaller index for type = 'time_expired' and for type <> 'cycle_switched' alike.
CREATE INDEX sync_events_by_type_small ON sync_events (type, at) WHERE type <> 'cycle_switched';
DROP INDEX sync_events_by_type;
ALTER INDEX sync_events_by_type_small RENAME TO sync_events_by_type;
COMMENT ON INDEX sync_events_by_type IS 'All events of one type in order of time, but for cycle_switched.';

-- Snapshots of more than a handful of participants are compressed; lz4 does it at a fraction of the cost, where this
-- PostgreSQL was built with it. It holds for new events; old ones stay as they are, and can be read all the same.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        ALTER TABLE sync_events ALTER COLUMN state_snapshot SET COMPRESSION lz4;
        ALTER TABLE sync_sessions ALTER COLUMN participants SET COMPRESSION lz4,
                                  ALTER COLUMN configuration SET COMPRESSION lz4;
    END IF;
END
$$;
