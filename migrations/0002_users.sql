-- Canonical columns compare byte by byte on both engines, so that ranges of a prefix mean the same.
CREATE TABLE app_user (
    id TEXT {binary} NOT NULL PRIMARY KEY,
    username TEXT NOT NULL,
    canonical_username TEXT {binary} NOT NULL UNIQUE,
    email TEXT,
    canonical_email TEXT {binary} UNIQUE,
    display_name TEXT NOT NULL,
    state TEXT NOT NULL,
    expires_at {int},
    locked_until {int},
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    version {int} NOT NULL
) {strict};
-- Lists of the few accounts that are not plainly active.
CREATE INDEX app_user_state ON app_user (state, canonical_username) WHERE state <> 'active';

CREATE TABLE user_group (
    id TEXT {binary} NOT NULL PRIMARY KEY,
    name TEXT {binary} NOT NULL,
    canonical_name TEXT {binary} NOT NULL UNIQUE,
    created_at {int} NOT NULL,
    updated_at {int} NOT NULL,
    version {int} NOT NULL
) {strict};
CREATE TABLE group_member (
    group_id TEXT {binary} NOT NULL,
    user_id TEXT {binary} NOT NULL,
    added_at {int} NOT NULL,
    PRIMARY KEY (group_id, user_id)
) {strict};
CREATE INDEX group_member_user ON group_member (user_id);
CREATE TABLE group_child (
    parent_id TEXT {binary} NOT NULL,
    child_id TEXT {binary} NOT NULL,
    PRIMARY KEY (parent_id, child_id)
) {strict};
CREATE INDEX group_child_child ON group_child (child_id);
