-- One-time tickets that carry a sign-in to a protected host. token_hash and state_hash: SHA-256 of the ticket and of the
-- secret that the browser which began got as a cookie. return_to: the page to go to (AEAD).
CREATE TABLE forward_ticket (
    id TEXT NOT NULL PRIMARY KEY,
    token_hash {blob} NOT NULL UNIQUE,
    state_hash {blob} NOT NULL,
    session_ref TEXT NOT NULL,
    user_id TEXT NOT NULL,
    origin TEXT NOT NULL,
    return_to {blob} NOT NULL,
    expires_at {int} NOT NULL
) {strict};
CREATE INDEX forward_ticket_by_user ON forward_ticket (user_id);
CREATE INDEX forward_ticket_expiry ON forward_ticket (expires_at);

-- Cookies of protected hosts. Each stands for a session and is worth nothing without it; one per session and host.
CREATE TABLE forward_session (
    ref TEXT NOT NULL PRIMARY KEY,
    token_hash {blob} NOT NULL UNIQUE,
    session_ref TEXT NOT NULL,
    user_id TEXT NOT NULL,
    host TEXT NOT NULL,
    created_at {int} NOT NULL,
    expires_at {int} NOT NULL
) {strict};
CREATE UNIQUE INDEX forward_session_one ON forward_session (session_ref, host);
CREATE INDEX forward_session_by_user ON forward_session (user_id);
CREATE INDEX forward_session_expiry ON forward_session (expires_at);
