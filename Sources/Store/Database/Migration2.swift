import GRDB

/// What retention and rehashing need.
///
/// `last_used_at` is when a version was last current, or last found on a device that was about to lose it; NULL stands
/// for neither since it was stored. `hash_algorithm` says by which ``ContentHash/algorithm`` the content hash was
/// computed; a version of an older one keeps its hash, which still pairs with the baselines, until it is computed anew.
/// `library_removals` are files whose versions are removed already and that are to go next.
func addRetention(_ db: Database) throws {
    try db.execute(
        sql: """
            ALTER TABLE save_versions ADD COLUMN last_used_at INTEGER;
            ALTER TABLE save_versions ADD COLUMN hash_algorithm INTEGER NOT NULL DEFAULT 1;
            CREATE INDEX save_versions_by_hash_algorithm ON save_versions(hash_algorithm);
            CREATE TABLE library_removals (
                id INTEGER PRIMARY KEY,
                library_path TEXT NOT NULL UNIQUE
            ) STRICT;
            """)
}
