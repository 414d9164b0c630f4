import GRDB

/// What keeps the record of runs quick to ask, however long it is.
///
/// `failures` is how many runs of the device failed since its last one that was completed, up to and with this one. The
/// indices find the runs that are under way, and a device's last one that was completed.
func addFailureCounts(_ db: Database) throws {
    try db.execute(
        sql: """
            ALTER TABLE sync_sessions ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
            CREATE INDEX sync_sessions_under_way ON sync_sessions(device_id) WHERE status = 'IN_PROGRESS';
            CREATE INDEX sync_sessions_completed ON sync_sessions(device_id) WHERE status = 'COMPLETED';
            UPDATE sync_sessions SET failures = (
                SELECT count(*) FROM sync_sessions f
                WHERE f.device_id = sync_sessions.device_id AND f.status = 'FAILED' AND f.id > coalesce((
                    SELECT max(id) FROM sync_sessions
                    WHERE device_id = f.device_id AND status = 'COMPLETED'), 0))
            WHERE id IN (
                SELECT (SELECT max(id) FROM sync_sessions WHERE device_id = d.id AND status <> 'IN_PROGRESS')
                FROM devices d);
            """)
}
