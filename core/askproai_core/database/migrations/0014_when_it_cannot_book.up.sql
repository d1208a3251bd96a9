-- When the agent cannot book (docs/decisions/0080-when-it-cannot-book.md): messages, and who waits for a time.
-- The references to `tenants` cascade, because the release before erases a tenant without knowing these tables.

-- First the tables, whose references lock `tenants` for a moment, then the trigger, which locks out the writers of claims.

-- What a caller was said to be noted is a row here. `key` is the words of the message: a function that asks again for the same one
-- finds its row.

CREATE TABLE messages (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    id              uuid NOT NULL DEFAULT gen_random_uuid(),
    call_id         text NOT NULL,
    key             text NOT NULL CHECK (length(key) <= 100),
    branch          text,
    caller          text,                                       -- E.164 of who rang; null: withheld
    name            text NOT NULL CHECK (length(name) <= 80),
    phone           text CHECK (length(phone) <= 40),           -- where to call back, if it is another one; E.164, or as it was said
    recipient       text CHECK (length(recipient) <= 200),      -- for whom, as it was said
    text            text NOT NULL CHECK (length(text) <= 500),
    call_back       text CHECK (length(call_back) <= 200),      -- when to call back, as it was said; null: not requested
    call_back_from  timestamptz,                                -- the same as it was understood; null: it was not, or is an option of several
    call_back_until timestamptz,                                -- null: an exact time
    correlation_id  text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at         timestamptz,                                -- null: nobody has dealt with it
    done_by         text CHECK (length(done_by) <= 100),        -- as claimed
    note            text CHECK (length(note) <= 200),
    PRIMARY KEY (tenant, id),
    CHECK (done_at IS NOT NULL OR done_by IS NULL AND note IS NULL)
);
CREATE UNIQUE INDEX messages_call ON messages (tenant, call_id, key);
CREATE INDEX messages_created ON messages (tenant, created_at, id);
CREATE INDEX messages_open ON messages (tenant, created_at, id) WHERE done_at IS NULL;
CREATE INDEX messages_done ON messages (tenant, done_at) WHERE done_at IS NOT NULL;

-- Who waits for a time to become free. `spans` are the readings of what the caller said, `since` and `until` their bounds; `key` is
-- the same for the same request, so a number waits once for it.
CREATE TABLE waitlist (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    id              uuid NOT NULL DEFAULT gen_random_uuid(),
    call_id         text NOT NULL,
    key             text NOT NULL CHECK (length(key) <= 100),
    branch          text NOT NULL,
    service         text NOT NULL,
    staff           text,                                       -- null: anybody
    spans           jsonb NOT NULL CHECK (length(spans::text) <= 8000),
    requested       text NOT NULL CHECK (length(requested) <= 500),  -- the spans in words
    since           timestamptz NOT NULL CHECK (isfinite(since)),
    until           timestamptz NOT NULL CHECK (isfinite(until)),
    name            text NOT NULL CHECK (length(name) <= 80),
    phone           text NOT NULL CHECK (length(phone) <= 40),  -- E.164: the channel by which an offer reaches who waits
    caller          text,                                       -- E.164 of who rang; null: withheld
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'booked', 'removed', 'over')),
    correlation_id  text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at        timestamptz,
    PRIMARY KEY (tenant, id),
    CHECK ((state = 'waiting') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX waitlist_waiting ON waitlist (tenant, phone, key) WHERE state = 'waiting';
CREATE INDEX waitlist_order ON waitlist (tenant, created_at, id) WHERE state = 'waiting';
CREATE INDEX waitlist_created ON waitlist (tenant, created_at);
CREATE INDEX waitlist_ended ON waitlist (tenant, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX waitlist_call ON waitlist (tenant, call_id);

-- Times that became free while somebody waited, until they are offered to nobody any more. A row is a hint: whether the time is free
-- is looked up when it is offered.
CREATE TABLE freed_times (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    resource_id     bigint NOT NULL,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    freed_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    handled_at      timestamptz,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX freed_times_unhandled ON freed_times (tenant, resource_id, starts_at, ends_at) WHERE handled_at IS NULL;
CREATE INDEX freed_times_freed ON freed_times (tenant, freed_at);

-- To whom a freed time was offered. The two unique indexes are the rule: one person at a time, and to each one offer at a time.
-- An offer blocks nothing: whoever books first has the time.
CREATE TABLE waitlist_offers (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    entry_id        uuid NOT NULL,
    freed_id        bigint NOT NULL,
    staff           text NOT NULL,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    state           text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'booked', 'taken', 'declined', 'expired', 'withdrawn')),
    offered_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, entry_id) REFERENCES waitlist (tenant, id) ON DELETE CASCADE,
    CHECK ((state = 'open') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX waitlist_offers_of_entry ON waitlist_offers (tenant, entry_id) WHERE state = 'open';
CREATE UNIQUE INDEX waitlist_offers_of_time ON waitlist_offers (tenant, freed_id) WHERE state = 'open';
CREATE INDEX waitlist_offers_entry ON waitlist_offers (tenant, entry_id);

-- Whatever frees a time updates its claim, pods of the release before included. Nothing is written while nobody waits.
CREATE FUNCTION record_freed_time() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO freed_times (tenant, resource_id, starts_at, ends_at)
    SELECT NEW.tenant, NEW.resource_id, lower(NEW.blocks), upper(NEW.blocks)
    WHERE EXISTS (SELECT FROM waitlist w WHERE w.tenant = NEW.tenant AND w.state = 'waiting')
    ON CONFLICT (tenant, resource_id, starts_at, ends_at) WHERE handled_at IS NULL
        DO UPDATE SET freed_at = clock_timestamp();
    RETURN NULL;
END $$;
CREATE TRIGGER record_freed_time AFTER UPDATE OF state ON claims FOR EACH ROW
    WHEN (OLD.state = 'booked' AND NEW.state = 'released') EXECUTE FUNCTION record_freed_time();

DO $$
DECLARE
    name text;
    own CONSTANT text := 'tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user)';
BEGIN
    FOREACH name IN ARRAY ARRAY['messages', 'waitlist', 'freed_times', 'waitlist_offers'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY owner ON %I TO askproai_owner USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY backup ON %I FOR SELECT TO askproai_backup USING (true)', name);
        EXECUTE format('CREATE POLICY tenant_reads ON %I FOR SELECT TO askproai_tenant USING (%s)', name, own);
        EXECUTE format('CREATE POLICY tenant_adds ON %I FOR INSERT TO askproai_tenant WITH CHECK (%s)', name, own);
        EXECUTE format('CREATE POLICY tenant_changes ON %I FOR UPDATE TO askproai_tenant USING (%s) WITH CHECK (%s)', name, own, own);
        EXECUTE format('CREATE POLICY coordinator_reads ON %I FOR SELECT TO askproai_coordinator USING (true)', name);
        EXECUTE format('CREATE POLICY coordinator_forgets ON %I FOR DELETE TO askproai_coordinator USING (true)', name);
        EXECUTE format('GRANT SELECT ON %I TO askproai_tenant, askproai_coordinator, askproai_backup', name);
        EXECUTE format('GRANT DELETE ON %I TO askproai_coordinator', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['freed_times', 'waitlist_offers'] LOOP
        EXECUTE format('GRANT SELECT ON SEQUENCE %s TO askproai_backup', pg_get_serial_sequence(name, 'id'));
    END LOOP;
END $$;
GRANT INSERT, UPDATE (name, phone, recipient, call_back, call_back_from, call_back_until, done_at, done_by, note)
    ON messages TO askproai_tenant;
GRANT INSERT, UPDATE (name, state, ended_at) ON waitlist TO askproai_tenant;
GRANT INSERT, UPDATE (freed_at, handled_at) ON freed_times TO askproai_tenant;
GRANT INSERT, UPDATE (state, ended_at) ON waitlist_offers TO askproai_tenant;
