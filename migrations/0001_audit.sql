-- Events, in the order they were written. Personal data stands in `sealed` alone: ciphertext that erasure destroys.
CREATE TABLE audit_event (
    sequence {serial},
    id TEXT NOT NULL UNIQUE,
    time {int} NOT NULL,
    code TEXT NOT NULL,
    actor_type TEXT NOT NULL,
    actor_ref TEXT NOT NULL,
    subject TEXT,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    request_id TEXT NOT NULL,
    session_ref TEXT NOT NULL,
    details TEXT NOT NULL,
    sealed {blob}
) {strict};
CREATE INDEX audit_event_subject ON audit_event (subject, sequence);
-- What people did to others: few rows, and erasing a person must find them.
CREATE INDEX audit_event_actor ON audit_event (actor_ref)
    WHERE actor_type = 'user' AND (subject IS NULL OR subject <> actor_ref);
