-- factors: JSON list of {"name","at"}. sealed: address and user agent (AEAD). token_hash: SHA-256 of the token.
CREATE TABLE session (
    ref TEXT NOT NULL PRIMARY KEY,
    token_hash {blob} NOT NULL UNIQUE,
    user_id TEXT NOT NULL,
    pending TEXT NOT NULL,
    factors TEXT NOT NULL,
    created_at {int} NOT NULL,
    last_seen_at {int} NOT NULL,
    expires_at {int} NOT NULL,
    remembered {int} NOT NULL,
    sealed {blob} NOT NULL
) {strict};
CREATE INDEX session_by_user ON session (user_id, created_at);
CREATE INDEX session_expiry ON session (expires_at);
