import GRDB

/// Every schema that ever shipped, in order. A migration is never edited afterwards.
enum Migrations {
    static var all: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: devices, saves, sync rows, sessions, conflicts", migrate: createFirstSchema)
        migrator.registerMigration("2: retention, algorithm of content hashes", migrate: addRetention)
        migrator.registerMigration("3: the cards that save directories lie on", migrate: addCards)
        migrator.registerMigration("4: failed runs in a row", migrate: addFailureCounts)
        migrator.registerMigration("5: halted runs, and what runs left alone", migrate: addHalts)
        migrator.registerMigration("6: what devices can do without", migrate: addDeviceHabits)
        return migrator
    }
}
