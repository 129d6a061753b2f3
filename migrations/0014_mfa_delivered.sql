-- Numbers and addresses that codes are sent to. A pending one belongs to the session that began it. `destination` is sealed.
CREATE TABLE mfa_channel (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('sms', 'email')),
    destination {blob} NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'confirmed')),
    session_ref TEXT NOT NULL,
    created_at {int} NOT NULL,
    confirmed_at {int},
    last_used_at {int}
) {strict};
CREATE INDEX mfa_channel_by_user ON mfa_channel (user_id, kind);
-- One enrolment at a time per person, kind and session.
CREATE UNIQUE INDEX mfa_channel_one_pending ON mfa_channel (user_id, kind, session_ref) WHERE state = 'pending';

-- Codes that were sent. `code` is sealed, together with person, session, purpose and channel. A newer code ends the ones before; those that
-- are used, ended or expired stay for a day, so that a right code that came too late is told from a wrong one.
CREATE TABLE mfa_code (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    session_ref TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('sms', 'email')),
    purpose TEXT NOT NULL CHECK (purpose IN ('prove', 'enrol')),
    channel_id TEXT NOT NULL,
    code {blob} NOT NULL,
    created_at {int} NOT NULL,
    expires_at {int} NOT NULL,
    ended_at {int},
    used_at {int}
) {strict};
CREATE INDEX mfa_code_by_session ON mfa_code (session_ref);
CREATE INDEX mfa_code_by_user ON mfa_code (user_id);
CREATE INDEX mfa_code_by_expiry ON mfa_code (expires_at);
-- Of two sends at once one wins: there is one code to guess.
CREATE UNIQUE INDEX mfa_code_one_live ON mfa_code (user_id, session_ref, kind, purpose) WHERE used_at IS NULL AND ended_at IS NULL;

-- What was sent of late and what for, for the caps against toll fraud. `destination` is a keyed pseudonym. The rows outlive factors, resets and people
-- (of whom they then say nothing), else those would open the caps again.
CREATE TABLE mfa_sent (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    user_id TEXT NOT NULL,
    session_ref TEXT NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('prove', 'enrol')),
    destination TEXT NOT NULL,
    prefix TEXT NOT NULL,
    sent_at {int} NOT NULL
) {strict};
CREATE INDEX mfa_sent_by_time ON mfa_sent (kind, sent_at);
CREATE INDEX mfa_sent_by_user ON mfa_sent (user_id, sent_at);
CREATE INDEX mfa_sent_by_destination ON mfa_sent (destination, sent_at);
CREATE INDEX mfa_sent_by_prefix ON mfa_sent (prefix, sent_at);

-- When the operator was last told of a cap: "prefix +49", "enrol prefix +49", "total", "enrol total".
CREATE TABLE mfa_cap_alert (
    kind TEXT NOT NULL,
    cap TEXT NOT NULL,
    alerted_at {int} NOT NULL,
    PRIMARY KEY (kind, cap)
) {strict};
