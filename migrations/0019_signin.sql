-- One-time links sent by mail. `selector` finds the row, `secret_hash` is the SHA-256 of the 256 bits beside it in the link. `address` is what
-- the link proves, sealed. `user_id` of a decoy is nobody's: an unknown name costs the same rows as a known one.
CREATE TABLE mail_link (
    selector TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    secret_hash {blob} NOT NULL,
    address {blob} NOT NULL,
    created_at {int} NOT NULL,
    expires_at {int} NOT NULL,
    used_at {int},
    ended_at {int}
) {strict};
CREATE INDEX mail_link_of_user ON mail_link (user_id, purpose, created_at);
CREATE INDEX mail_link_by_age ON mail_link (created_at);

-- Requests to take somebody's second factors away. kind: 'admin' (an administrator or operator asked) or 'self' (by mail).
-- At most one is open per person.
CREATE TABLE mfa_recovery (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('admin', 'self')),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'cancelled')),
    requested_by TEXT NOT NULL,
    reason {blob} NOT NULL,
    requested_at {int} NOT NULL,
    due_at {int} NOT NULL,
    decided_by TEXT NOT NULL,
    decided_at {int}
) {strict};
CREATE UNIQUE INDEX mfa_recovery_open ON mfa_recovery (user_id) WHERE state = 'waiting';
CREATE INDEX mfa_recovery_due ON mfa_recovery (state, due_at);
