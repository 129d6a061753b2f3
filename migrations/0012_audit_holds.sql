-- Legal holds: what they cover is neither deleted nor made unreadable, whatever its age. Without a person a hold covers everything in its
-- time. A row goes when the hold is released; who placed and released it, and why, is in the audit log.
CREATE TABLE audit_hold (
    id TEXT NOT NULL PRIMARY KEY,
    case_name TEXT NOT NULL,
    person TEXT,
    from_time {int},
    until_time {int},
    reason TEXT NOT NULL,
    placed_at {int} NOT NULL
) {strict};
CREATE INDEX audit_hold_case ON audit_hold (case_name);
CREATE INDEX audit_hold_person ON audit_hold (person);
