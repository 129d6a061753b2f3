-- Keys that sign tokens. `secret` is a sealed PKCS #8; a key that signs no more has lost it. `public_jwk` is what the key set shows.
CREATE TABLE signing_key (
    kid TEXT NOT NULL PRIMARY KEY,
    algorithm TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('next', 'active', 'retired', 'revoked')),
    secret {blob},
    public_jwk TEXT NOT NULL,
    created_at {int} NOT NULL,
    activated_at {int},
    retired_at {int},
    revoked_at {int}
) {strict};
-- Of nodes that all make a first key at once, one does.
CREATE UNIQUE INDEX signing_key_one_of_each ON signing_key (algorithm, state) WHERE state IN ('next', 'active');

-- Refresh tokens: one row per session that has them. Hashes alone; `successor` is the token that is good now, sealed under a key made of
-- the one before it, so that a lost answer can be given again and the table opens nothing. `older` holds hash and time of what was used
-- shortly before that. `session_hash` is of the session's token when these were issued: they die when the session is rotated.
CREATE TABLE refresh_token (
    family TEXT NOT NULL PRIMARY KEY,
    session_ref TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL,
    session_hash {blob} NOT NULL,
    token_hash {blob} NOT NULL,
    previous_hash {blob},
    previous_used_at {int},
    successor {blob},
    older {blob},
    issued_at {int} NOT NULL,
    expires_at {int} NOT NULL
) {strict};
CREATE INDEX refresh_token_by_user ON refresh_token (user_id);
CREATE INDEX refresh_token_expiry ON refresh_token (expires_at);
CREATE INDEX refresh_token_successor ON refresh_token (previous_used_at) WHERE successor IS NOT NULL;
