CREATE TABLE role (
    name TEXT {binary} NOT NULL PRIMARY KEY,
    description TEXT NOT NULL,
    built_in {int} NOT NULL,
    created_at {int} NOT NULL
) {strict};
CREATE TABLE role_include (
    role TEXT {binary} NOT NULL,
    included TEXT {binary} NOT NULL,
    PRIMARY KEY (role, included)
) {strict};
CREATE INDEX role_include_included ON role_include (included);
CREATE TABLE role_permission (
    role TEXT {binary} NOT NULL,
    permission TEXT {binary} NOT NULL,
    PRIMARY KEY (role, permission)
) {strict};
CREATE TABLE role_assignment (
    subject_type TEXT NOT NULL,
    subject_id TEXT {binary} NOT NULL,
    role TEXT {binary} NOT NULL,
    granted_by TEXT {binary} NOT NULL,
    granted_at {int} NOT NULL,
    expires_at {int},
    PRIMARY KEY (subject_type, subject_id, role)
) {strict};
CREATE INDEX role_assignment_role ON role_assignment (role);
CREATE INDEX role_assignment_granter ON role_assignment (granted_by);
CREATE INDEX role_assignment_expiry ON role_assignment (expires_at) WHERE expires_at IS NOT NULL;

-- Moved by every change, so that what other nodes remember goes stale: 'roles' for the graph of roles, 'grants' for
-- who holds what.
CREATE TABLE rbac_version (
    kind TEXT NOT NULL PRIMARY KEY,
    version {int} NOT NULL
) {strict};
INSERT INTO rbac_version (kind, version) VALUES ('roles', 1), ('grants', 1);

INSERT INTO role (name, description, built_in, created_at) VALUES
    ('admin', 'May do everything.', 1, 0),
    ('auditor', 'May read the audit log.', 1, 0);
INSERT INTO role_permission (role, permission) VALUES ('admin', '*'), ('auditor', 'audit.read');
