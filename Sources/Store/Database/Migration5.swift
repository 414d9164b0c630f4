import GRDB

/// What a run left alone has its place in the record.
///
/// `HALTED` is a run in which a safety limit kept something from being synced; which limits those were is in `session_halts`, in the
/// plan's order. `held` and `skipped` are how many operations waited for the user, and how many were left alone otherwise. The new
/// index finds a device's newest run that got to its end.
///
/// SQLite can't change a CHECK, so the table is made anew (https://www.sqlite.org/lang_altertable.html, section 7). The migrator has
/// turned foreign keys off for that, and checks them at the end.
func addHalts(_ db: Database) throws {
    try db.execute(
        sql: """
            CREATE TABLE new_sync_sessions (
                id INTEGER PRIMARY KEY,
                device_id INTEGER REFERENCES devices(id) ON DELETE SET NULL,
                device_name TEXT NOT NULL,
                session_trigger TEXT NOT NULL,
                status TEXT NOT NULL CHECK (status IN ('IN_PROGRESS', 'COMPLETED', 'HALTED', 'FAILED', 'CANCELLED')),
                error TEXT,
                started_at INTEGER NOT NULL,
                ended_at INTEGER,
                pulled INTEGER NOT NULL DEFAULT 0,
                pushed INTEGER NOT NULL DEFAULT 0,
                removed INTEGER NOT NULL DEFAULT 0,
                conflicts INTEGER NOT NULL DEFAULT 0,
                unchanged INTEGER NOT NULL DEFAULT 0,
                failed INTEGER NOT NULL DEFAULT 0,
                bytes INTEGER NOT NULL DEFAULT 0,
                failures INTEGER NOT NULL DEFAULT 0,
                held INTEGER NOT NULL DEFAULT 0,
                skipped INTEGER NOT NULL DEFAULT 0
            ) STRICT;
            INSERT INTO new_sync_sessions (id, device_id, device_name, session_trigger, status, error, started_at, ended_at,
                pulled, pushed, removed, conflicts, unchanged, failed, bytes, failures)
            SELECT id, device_id, device_name, session_trigger, status, error, started_at, ended_at,
                pulled, pushed, removed, conflicts, unchanged, failed, bytes, failures FROM sync_sessions;
            DROP TABLE sync_sessions;
            ALTER TABLE new_sync_sessions RENAME TO sync_sessions;
            CREATE INDEX sync_sessions_by_device ON sync_sessions(device_id, id);
            CREATE INDEX sync_sessions_under_way ON sync_sessions(device_id) WHERE status = 'IN_PROGRESS';
            CREATE INDEX sync_sessions_completed ON sync_sessions(device_id) WHERE status = 'COMPLETED';
            CREATE INDEX sync_sessions_whole ON sync_sessions(device_id) WHERE error IS NULL AND status <> 'IN_PROGRESS';
            CREATE TABLE session_halts (
                session_id INTEGER NOT NULL REFERENCES sync_sessions(id) ON DELETE CASCADE,
                position INTEGER NOT NULL,
                code TEXT NOT NULL,
                directory TEXT NOT NULL,
                message TEXT NOT NULL,
                PRIMARY KEY (session_id, position)
            ) STRICT, WITHOUT ROWID;
            """)
}
