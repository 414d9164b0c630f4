import GRDB

/// How a device wants to be dealt with.
///
/// `runs_commands` and `allows_empty_password` are the user's settings. `speed_ups_failed_at`, in seconds since 1970, is when the
/// device last ended a connection over something that the work can be done without; NULL when it did not.
func addDeviceHabits(_ db: Database) throws {
    try db.execute(
        sql: """
            ALTER TABLE devices ADD COLUMN runs_commands INTEGER NOT NULL DEFAULT 1;
            ALTER TABLE devices ADD COLUMN allows_empty_password INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE devices ADD COLUMN speed_ups_failed_at INTEGER;
            """)
}
