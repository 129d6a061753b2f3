-- Wrong codes in a row are counted in lanes: '' for browsers nobody knows, else the device a person signed in from before. What was counted
-- until now is the strangers'.
CREATE TABLE mfa_attempt_in_lane (
    user_id TEXT NOT NULL,
    lane TEXT NOT NULL,
    failures {int} NOT NULL,
    blocked_until {int} NOT NULL,
    failed_at {int} NOT NULL,
    PRIMARY KEY (user_id, lane)
) {strict};
INSERT INTO mfa_attempt_in_lane (user_id, lane, failures, blocked_until, failed_at)
    SELECT user_id, '', failures, blocked_until, blocked_until FROM mfa_attempt;
DROP TABLE mfa_attempt;
ALTER TABLE mfa_attempt_in_lane RENAME TO mfa_attempt;

-- When a person first signed in under a rule that demands a second factor: its grace is counted from here.
CREATE TABLE mfa_grace (
    user_id TEXT NOT NULL,
    rule TEXT NOT NULL,
    started_at {int} NOT NULL,
    PRIMARY KEY (user_id, rule)
) {strict};
