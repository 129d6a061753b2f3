-- Backup codes. `set_id` names the set a code was made with; a new set deletes the old one's rows. `selector` finds the row, `secret` is the
-- Argon2id string of the rest, sealed for this row. Used ones stay until then, so that a code given twice is told from a wrong one.
CREATE TABLE backup_code (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    set_id TEXT NOT NULL,
    selector TEXT NOT NULL,
    secret {blob} NOT NULL,
    created_at {int} NOT NULL,
    used_at {int}
) {strict};
CREATE UNIQUE INDEX backup_code_by_selector ON backup_code (user_id, selector);

-- Browsers a person signed in from. `device_hash` is the SHA-256 of the cookie: one browser may be known to several accounts, each with a row
-- of its own. `id` names the row and is the lane in which failures are counted; it is no credential.
CREATE TABLE known_device (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    device_hash {blob} NOT NULL,
    user_agent {blob} NOT NULL,
    first_seen_at {int} NOT NULL,
    last_seen_at {int} NOT NULL,
    trusted_until {int}
) {strict};
CREATE UNIQUE INDEX known_device_by_hash ON known_device (user_id, device_hash);
CREATE INDEX known_device_of_browser ON known_device (device_hash);
CREATE INDEX known_device_by_age ON known_device (last_seen_at);
