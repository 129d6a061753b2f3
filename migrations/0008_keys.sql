-- Ids of the master keys that may have sealed something here; exactly one is active. No key material.
CREATE TABLE master_key (
    id TEXT NOT NULL PRIMARY KEY,
    active {int} NOT NULL,
    first_seen_at {int} NOT NULL
) {strict};
