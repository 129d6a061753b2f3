-- When the address was proved to be the account's: by a link sent to it. NULL since it was last changed.
ALTER TABLE app_user ADD COLUMN email_verified_at {int};
