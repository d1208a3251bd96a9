-- Why a request to a provider failed, and which fields its answer had, both without people and keys: null of what succeeded, and of
-- rows of the release before, which inserts without knowing the columns.
ALTER TABLE provider_calls ADD COLUMN error text, ADD COLUMN body_shape text;
