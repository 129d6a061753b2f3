-- Messages on their way to people. `content` (destination and words) is sealed, and gone once the message is dead.
-- `next_at`: waiting: not to be tried before; sending: when its claim is over; dead: when it died.
CREATE TABLE message (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    channel TEXT NOT NULL CHECK (channel IN ('sms', 'email')),
    what TEXT NOT NULL,
    language TEXT NOT NULL,
    content {blob},
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sending', 'dead')),
    claim TEXT NOT NULL,
    attempts {int} NOT NULL,
    next_at {int} NOT NULL,
    until_at {int} NOT NULL,
    created_at {int} NOT NULL,
    reason TEXT NOT NULL
) {strict};
CREATE INDEX message_due ON message (state, channel, next_at);
CREATE INDEX message_by_user ON message (user_id);
