-- One row per account that has a password. `phc` is the Argon2id string, sealed for this row. `pepper_key_id` names the
-- master key whose pepper went into it; empty for a hash taken over from elsewhere, which has none. Of the length only
-- one bit is kept: enough to stand alone or not.
CREATE TABLE password_credential (
    user_id TEXT NOT NULL PRIMARY KEY,
    phc {blob} NOT NULL,
    scheme TEXT NOT NULL CHECK (scheme IN ('peppered', 'imported')),
    pepper_key_id TEXT NOT NULL,
    full_length {int} NOT NULL,
    must_change {int} NOT NULL,
    failures {int} NOT NULL,
    throttled_until {int} NOT NULL,
    changed_at {int} NOT NULL
) {strict};
