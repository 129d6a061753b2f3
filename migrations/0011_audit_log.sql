-- Events as they stand in the tamper-evident log. `body` holds the stored bytes, in which people are pseudonyms and what is personal is
-- ciphertext; the columns beside it are for queries. Events written before there was a log keep their plain facts: their body is NULL.
ALTER TABLE audit_event ADD COLUMN node TEXT NOT NULL DEFAULT '';
ALTER TABLE audit_event ADD COLUMN log_index {int};
ALTER TABLE audit_event ADD COLUMN body {blob};
ALTER TABLE audit_event DROP COLUMN request_id;
ALTER TABLE audit_event DROP COLUMN session_ref;
ALTER TABLE audit_event DROP COLUMN details;
ALTER TABLE audit_event DROP COLUMN sealed;
-- Asked before anything is destroyed because its time is over, whatever else happened since.
CREATE INDEX audit_event_clock ON audit_event (time) WHERE code = 'ZAUDIT08W';
-- Events that were kept together with the change they record and are not yet in the log of `node`. A claimed row may already be there:
-- only its own node can tell.
CREATE TABLE audit_outbox (
    sequence {serial},
    id TEXT NOT NULL UNIQUE,
    node TEXT NOT NULL,
    claimed {int} NOT NULL DEFAULT 0,
    body {blob} NOT NULL
) {strict};
CREATE INDEX audit_outbox_node ON audit_outbox (node, sequence);
-- Each node has a log of its own; `indexed` entries of its epoch are in audit_event.
CREATE TABLE audit_node (
    node TEXT NOT NULL PRIMARY KEY,
    epoch {int} NOT NULL,
    seen_at {int} NOT NULL,
    indexed {int} NOT NULL
) {strict};
-- People who were erased: whose keys are still to be destroyed, and for a day after that, so that a late event about them makes no new key.
CREATE TABLE audit_erasure (
    person TEXT NOT NULL PRIMARY KEY,
    ref TEXT NOT NULL,
    requested_at {int} NOT NULL,
    done_at {int},
    waiting TEXT NOT NULL DEFAULT ''
) {strict};
-- Who a pseudonym of the log stands for, and the keys that open what is personal about them there.
CREATE TABLE audit_subject (
    person TEXT NOT NULL PRIMARY KEY,
    ref TEXT NOT NULL UNIQUE,
    created_at {int} NOT NULL
) {strict};
CREATE TABLE audit_subject_key (
    id TEXT NOT NULL PRIMARY KEY,
    ref TEXT NOT NULL,
    class TEXT NOT NULL,
    ends_at {int} NOT NULL,
    secret {blob} NOT NULL
) {strict};
CREATE INDEX audit_subject_key_ref ON audit_subject_key (ref);
