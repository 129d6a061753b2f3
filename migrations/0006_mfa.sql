-- Authenticator apps. A pending device belongs to the session that began it; `last_step` is the latest step used.
CREATE TABLE totp_device (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    secret {blob} NOT NULL,
    algorithm TEXT NOT NULL CHECK (algorithm IN ('SHA1', 'SHA256', 'SHA512')),
    digits {int} NOT NULL,
    period_seconds {int} NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'confirmed')),
    session_ref TEXT NOT NULL,
    confirm_failures {int} NOT NULL,
    last_step {int} NOT NULL,
    created_at {int} NOT NULL,
    confirmed_at {int},
    last_used_at {int}
) {strict};
CREATE INDEX totp_device_by_user ON totp_device (user_id);
-- One enrolment at a time per person and session.
CREATE UNIQUE INDEX totp_device_one_pending ON totp_device (user_id, session_ref) WHERE state = 'pending';

-- Wrong codes in a row for an account, over all its devices and sessions.
CREATE TABLE mfa_attempt (
    user_id TEXT NOT NULL PRIMARY KEY,
    failures {int} NOT NULL,
    blocked_until {int} NOT NULL
) {strict};

-- Wrong codes in one session.
CREATE TABLE mfa_challenge (
    session_ref TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    failures {int} NOT NULL,
    created_at {int} NOT NULL
) {strict};
CREATE INDEX mfa_challenge_by_user ON mfa_challenge (user_id);
