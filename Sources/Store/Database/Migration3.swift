import GRDB

/// The file system that each save directory was last synced on, by its number and size; NULL where that is not known.
func addCards(_ db: Database) throws {
    try db.execute(
        sql: """
            ALTER TABLE save_directories ADD COLUMN card_number INTEGER;
            ALTER TABLE save_directories ADD COLUMN card_bytes INTEGER;
            """)
}
