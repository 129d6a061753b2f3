-- Wrong passwords in a row given from browsers that are known to the account, each with a count of its own; whoever is not known shares the
-- count in password_credential. `counted_at` is when the latest was counted.
CREATE TABLE password_lane (
    user_id TEXT NOT NULL,
    lane TEXT NOT NULL,
    failures {int} NOT NULL,
    throttled_until {int} NOT NULL,
    counted_at {int} NOT NULL,
    PRIMARY KEY (user_id, lane)
) {strict};
