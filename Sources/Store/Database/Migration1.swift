import GRDB

/// Times are seconds since 1970 (UTC), hashes 32 bytes. Key columns hold folded names in Unicode NFC.
func createFirstSchema(_ db: Database) throws {
    try db.execute(
        sql: """
            CREATE TABLE devices (
                id INTEGER PRIMARY KEY,
                name TEXT NOT NULL UNIQUE,
                host TEXT NOT NULL,
                port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
                user TEXT NOT NULL,
                authentication TEXT NOT NULL CHECK (authentication IN ('key', 'password', 'agent')),
                secret_path TEXT,
                owner TEXT NOT NULL,
                is_enabled INTEGER NOT NULL CHECK (is_enabled IN (0, 1)),
                conflict_policy TEXT,
                deletion_policy TEXT NOT NULL,
                schedule TEXT
            ) STRICT;
            CREATE TABLE device_host_keys (
                device_id INTEGER NOT NULL REFERENCES devices(id) ON DELETE CASCADE,
                fingerprint TEXT NOT NULL,
                algorithm TEXT,
                PRIMARY KEY (device_id, fingerprint)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE save_directories (
                id INTEGER PRIMARY KEY,
                device_id INTEGER NOT NULL REFERENCES devices(id) ON DELETE CASCADE,
                position INTEGER NOT NULL,
                path TEXT NOT NULL,
                platform TEXT,
                kind TEXT NOT NULL CHECK (kind IN ('save', 'state')),
                layout TEXT NOT NULL CHECK (layout IN ('files', 'folders')),
                extensions TEXT NOT NULL,
                accepts_new INTEGER NOT NULL CHECK (accepts_new IN (0, 1)),
                UNIQUE (device_id, kind, path)
            ) STRICT;
            CREATE TABLE saves (
                id INTEGER PRIMARY KEY,
                owner TEXT NOT NULL,
                platform TEXT NOT NULL,
                platform_key TEXT NOT NULL,
                game TEXT NOT NULL,
                game_key TEXT NOT NULL,
                kind TEXT NOT NULL CHECK (kind IN ('save', 'state')),
                slot TEXT NOT NULL,
                slot_key TEXT NOT NULL,
                current_version_id INTEGER REFERENCES save_versions(id),
                deleted_at INTEGER,
                UNIQUE (owner, platform_key, game_key, kind, slot_key)
            ) STRICT;
            -- A version without a slot is archival: kept and listed, never paired with a device.
            CREATE TABLE save_versions (
                id INTEGER PRIMARY KEY,
                save_id INTEGER NOT NULL REFERENCES saves(id),
                number INTEGER NOT NULL,
                slot TEXT,
                content_hash BLOB NOT NULL CHECK (length(content_hash) = 32),
                shape TEXT NOT NULL CHECK (shape IN ('file', 'folder')),
                size INTEGER NOT NULL,
                is_blank INTEGER NOT NULL CHECK (is_blank IN (0, 1)),
                original_name TEXT NOT NULL,
                library_path TEXT NOT NULL UNIQUE,
                source TEXT NOT NULL,
                modified_at INTEGER NOT NULL,
                created_at INTEGER NOT NULL,
                UNIQUE (save_id, number)
            ) STRICT;
            CREATE INDEX save_versions_by_content ON save_versions(save_id, content_hash);
            CREATE TABLE version_entries (
                version_id INTEGER NOT NULL REFERENCES save_versions(id) ON DELETE CASCADE,
                path TEXT NOT NULL,
                size INTEGER NOT NULL,
                sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
                PRIMARY KEY (version_id, path)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE device_save_sync (
                id INTEGER PRIMARY KEY,
                device_id INTEGER NOT NULL REFERENCES devices(id) ON DELETE CASCADE,
                save_id INTEGER NOT NULL REFERENCES saves(id),
                directory_id INTEGER REFERENCES save_directories(id) ON DELETE SET NULL,
                path TEXT NOT NULL,
                shape TEXT NOT NULL CHECK (shape IN ('file', 'folder')),
                content_hash BLOB CHECK (content_hash IS NULL OR length(content_hash) = 32),
                device_time INTEGER,
                server_time INTEGER,
                is_untracked INTEGER NOT NULL DEFAULT 0 CHECK (is_untracked IN (0, 1)),
                is_gone INTEGER NOT NULL DEFAULT 0 CHECK (is_gone IN (0, 1)),
                synced_at INTEGER NOT NULL,
                UNIQUE (device_id, save_id)
            ) STRICT;
            CREATE INDEX device_save_sync_by_save ON device_save_sync(save_id);
            CREATE TABLE device_save_entries (
                sync_id INTEGER NOT NULL REFERENCES device_save_sync(id) ON DELETE CASCADE,
                path TEXT NOT NULL,
                size INTEGER NOT NULL,
                modified INTEGER NOT NULL,
                first_listed_boot TEXT,
                first_listed_ns INTEGER,
                PRIMARY KEY (sync_id, path)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE sync_sessions (
                id INTEGER PRIMARY KEY,
                device_id INTEGER REFERENCES devices(id) ON DELETE SET NULL,
                device_name TEXT NOT NULL,
                session_trigger TEXT NOT NULL,
                status TEXT NOT NULL CHECK (status IN ('IN_PROGRESS', 'COMPLETED', 'FAILED', 'CANCELLED')),
                error TEXT,
                started_at INTEGER NOT NULL,
                ended_at INTEGER,
                pulled INTEGER NOT NULL DEFAULT 0,
                pushed INTEGER NOT NULL DEFAULT 0,
                removed INTEGER NOT NULL DEFAULT 0,
                conflicts INTEGER NOT NULL DEFAULT 0,
                unchanged INTEGER NOT NULL DEFAULT 0,
                failed INTEGER NOT NULL DEFAULT 0,
                bytes INTEGER NOT NULL DEFAULT 0
            ) STRICT;
            CREATE INDEX sync_sessions_by_device ON sync_sessions(device_id, id);
            CREATE TABLE sync_operations (
                id INTEGER PRIMARY KEY,
                session_id INTEGER NOT NULL REFERENCES sync_sessions(id) ON DELETE CASCADE,
                action TEXT NOT NULL,
                save_id INTEGER REFERENCES saves(id),
                platform TEXT,
                game TEXT,
                kind TEXT,
                slot TEXT,
                remote_path TEXT NOT NULL,
                size INTEGER NOT NULL,
                reason TEXT NOT NULL,
                status TEXT NOT NULL
                    CHECK (status IN ('PENDING', 'IN_PROGRESS', 'COMPLETED', 'FAILED', 'CANCELLED')),
                error TEXT
            ) STRICT;
            CREATE INDEX sync_operations_by_session ON sync_operations(session_id, id);
            CREATE TABLE conflicts (
                id INTEGER PRIMARY KEY,
                device_id INTEGER NOT NULL REFERENCES devices(id) ON DELETE CASCADE,
                save_id INTEGER NOT NULL REFERENCES saves(id),
                device_version_id INTEGER NOT NULL REFERENCES save_versions(id),
                server_version_id INTEGER NOT NULL REFERENCES save_versions(id),
                directory_id INTEGER REFERENCES save_directories(id) ON DELETE SET NULL,
                path TEXT NOT NULL,
                shape TEXT NOT NULL,
                device_time INTEGER NOT NULL,
                opened_at INTEGER NOT NULL,
                resolved_at INTEGER,
                resolution TEXT CHECK (resolution IN ('device', 'server', 'both', 'agreed'))
            ) STRICT;
            CREATE UNIQUE INDEX open_conflicts ON conflicts(device_id, save_id) WHERE resolved_at IS NULL;
            CREATE TABLE device_leases (
                device_id INTEGER PRIMARY KEY REFERENCES devices(id) ON DELETE CASCADE,
                pid INTEGER NOT NULL,
                host TEXT NOT NULL,
                acquired_at INTEGER NOT NULL
            ) STRICT;
            """)
}
