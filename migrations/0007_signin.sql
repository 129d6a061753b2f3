-- At most one row: the link by which the first administrator signs up.
CREATE TABLE setup_link (
    id {int} NOT NULL PRIMARY KEY,
    token_hash {blob} NOT NULL,
    expires_at {int} NOT NULL
) {strict};
CREATE TABLE user_notice (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    what TEXT NOT NULL,
    created_at {int} NOT NULL,
    seen_at {int}
) {strict};
CREATE INDEX user_notice_user ON user_notice (user_id, id);
