-- The tables of one installation, shared by all its tenants and fenced by row security.
-- Runs as askproai_owner. The group roles exist already (database/roles.py). No extension is needed.
--
-- Every table leads its keys with `tenant`; the policies at the end compare it with the tenant of the asking role. References to
-- `tenants` cascade where nothing is promised to anybody.
-- Statistics follow the large tables closely (autovacuum_analyze_scale_factor): the server's own setting leaves ten percent unknown,
-- such as a new tenant. PostgreSQL then takes that tenant for one row, and any index that begins with `tenant` for the best.


-- Tenants

CREATE TABLE tenants (
    tenant           text PRIMARY KEY CHECK (tenant <> ''),
    role             name NOT NULL UNIQUE,
    uid              text NOT NULL,     -- of the Tenant object: rows belong to it, a namesake must adopt them
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The coordinator reads these. The operator writes them from the Tenant's spec: the servers that the tenant talks to, and how long
    -- its data is kept.
    retell_base_url  text NOT NULL DEFAULT '',
    calcom_base_url  text NOT NULL DEFAULT '',
    raw_event_days   integer NOT NULL DEFAULT 30 CHECK (raw_event_days > 0),
    transcript_days  integer NOT NULL DEFAULT 30 CHECK (transcript_days > 0),
    call_days        integer NOT NULL DEFAULT 365 CHECK (call_days > 0),
    -- The operator's HMAC of the key at Retell with which the owner was last served: a Tenant that leaves the cluster and comes back
    -- under its name with the same key is the same business, and gets its rows. Empty: not known.
    retell_key_hash  text NOT NULL DEFAULT '',
    appointment_days integer CHECK (appointment_days > 0),  -- null until the operator has written the spec: nothing ages until then
    customer_days    integer CHECK (customer_days > 0),
    shadow_of        text CHECK (shadow_of <> ''),          -- the tenant whose copy these rows are; null for every Tenant object
    -- `copy_live_book` runs as the owner and reads the rows of the tenant that `shadow_of` names: with another name it would read any.
    CONSTRAINT tenants_shadow_of_own_name CHECK (tenant = shadow_of || ':shadow')
);


-- The book: resources, customers, appointments, and the times that are taken

-- Rows with an empty branch are a person's own, and the rows of the same person in each branch name them: one person in several
-- branches. `claims_of_person` redirects claims of a branch's row, so the exclusion constraint sees all of the person's appointments
-- in one place, whatever config a pod has read.
CREATE TABLE resources (
    tenant      text NOT NULL REFERENCES tenants (tenant),
    id          bigint GENERATED ALWAYS AS IDENTITY,
    branch      text NOT NULL,
    staff       text NOT NULL,
    unit        smallint NOT NULL DEFAULT 1 CHECK (unit BETWEEN 1 AND 12),
    active      boolean NOT NULL DEFAULT true,
    locked_at   timestamptz,                        -- never read: SELECT … FOR UPDATE needs UPDATE on one column, this one is harmless
    person_row  bigint,                             -- where claims of this row go: the person's row of the same unit
    persons     text[] NOT NULL DEFAULT '{}',       -- whose this row is, and was a short time ago
    linked_at   timestamptz,                        -- when that changed
    PRIMARY KEY (tenant, id),
    UNIQUE (id),
    UNIQUE (tenant, branch, staff, unit)
);

CREATE TABLE customers (
    tenant      text NOT NULL REFERENCES tenants (tenant),
    id          uuid NOT NULL DEFAULT gen_random_uuid(),
    phone       text NOT NULL CHECK (phone <> ''),  -- E.164: a caller without a number has no customer row
    name        text NOT NULL DEFAULT '',
    email       text,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, phone)
) WITH (autovacuum_analyze_scale_factor = 0.01);
CREATE INDEX customers_seen ON customers (tenant, updated_at, id);

CREATE TABLE appointments (
    tenant              text NOT NULL REFERENCES tenants (tenant),
    id                  uuid NOT NULL DEFAULT gen_random_uuid(),
    branch              text NOT NULL,
    service             text NOT NULL,
    staff               text NOT NULL,
    customer_id         uuid,
    customer_name       text NOT NULL DEFAULT '',
    starts_at           timestamptz NOT NULL,       -- as the customer knows it; buffers are in claims
    ends_at             timestamptz NOT NULL CHECK (starts_at < ends_at),
    status              text NOT NULL CHECK (status IN ('held', 'confirmed', 'pending_sync', 'cancelled', 'no_show', 'failed')),
    call_id             text,
    caller              text,                       -- the caller's number in E.164, for the cap of holds
    external_id         text,                       -- Cal.com's uid; a move changes it there, ours stays
    event_type_id       bigint,
    attendee_email      text,
    notes               text,
    correlation_id      text NOT NULL,
    version             integer NOT NULL DEFAULT 1,
    generation          integer NOT NULL DEFAULT 1, -- of the call's same booking: book, cancel, book again
    error               text,
    created_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    was_starts_at       timestamptz,                -- while the calendar has not agreed to a move: the former time,
    was_ends_at         timestamptz,
    was_place           integer,                    -- and the claims of that time, so that nobody gets it meanwhile
    external_updated_at timestamptz,                -- the calendar's own time of the newest change that is known: older news is no news
    cancelled_by        text CHECK (cancelled_by IN ('caller', 'calendar')),
    cancel_reason       text,
    birth_date          date,                       -- of the person, where a Tenant asks callers for it (spec.callerVerification)
    -- The call's last offers beside the one time that is held for it: with whom each time was offered, and whom the caller has
    -- excluded. A transcript may come too late, or cut.
    offers              jsonb CHECK (offers IS NULL OR status = 'held'),
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, customer_id) REFERENCES customers (tenant, id)
) WITH (autovacuum_analyze_scale_factor = 0.01);
CREATE UNIQUE INDEX appointments_one_hold_per_call ON appointments (tenant, call_id) WHERE status = 'held';
CREATE INDEX appointments_call ON appointments (tenant, call_id);
CREATE INDEX appointments_customer ON appointments (tenant, customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX appointments_starts ON appointments (tenant, starts_at);
CREATE INDEX appointments_external ON appointments (tenant, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX appointments_caller ON appointments (tenant, caller, starts_at) WHERE caller IS NOT NULL;
-- The page counts and lists failed appointments four times a second; by their start it would read every appointment to come.
CREATE INDEX appointments_failed ON appointments (tenant, updated_at) WHERE status = 'failed';
-- An appointment is in it as long as it says who it was for: these age.
CREATE INDEX appointments_of_persons ON appointments (tenant, ends_at) WHERE
    customer_id IS NOT NULL OR customer_name <> '' OR caller IS NOT NULL OR attendee_email IS NOT NULL OR notes IS NOT NULL
    OR birth_date IS NOT NULL OR cancel_reason IS NOT NULL;

-- The blocked times, buffers included. This constraint is the truth about double booking.
-- int8range stands for equality, which GiST has only with an extension.
CREATE TABLE claims (
    tenant          text NOT NULL REFERENCES tenants (tenant),
    id              bigint GENERATED ALWAYS AS IDENTITY,
    appointment_id  uuid NOT NULL,
    resource_id     bigint NOT NULL,
    blocks          tstzrange NOT NULL,
    block_start     timestamptz GENERATED ALWAYS AS (lower(blocks)) STORED,
    block_end       timestamptz GENERATED ALWAYS AS (upper(blocks)) STORED,
    state           text NOT NULL CHECK (state IN ('held', 'booked', 'released')),
    expires_at      timestamptz,
    -- Claims of one number are one place of their appointment, and the highest number is where it stands. 0: a piece that is
    -- blocked besides, while a move waits for the calendar.
    place           integer NOT NULL DEFAULT 1,
    -- How many parts the person had when this one was claimed: the claim holds 1/units of the person for good.
    units           smallint NOT NULL DEFAULT 1 CHECK (units BETWEEN 1 AND 12),
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, resource_id) REFERENCES resources (tenant, id),
    FOREIGN KEY (tenant, appointment_id) REFERENCES appointments (tenant, id) ON DELETE CASCADE,
    CHECK (NOT isempty(blocks) AND NOT lower_inf(blocks) AND NOT upper_inf(blocks)
           AND isfinite(lower(blocks)) AND isfinite(upper(blocks))),
    CHECK (lower_inc(blocks) AND NOT upper_inc(blocks)),
    CHECK ((state = 'held') = (expires_at IS NOT NULL)),
    CONSTRAINT claims_no_overlap EXCLUDE USING gist (int8range(resource_id, resource_id, '[]') WITH &&, blocks WITH &&)
        WHERE (state IN ('held', 'booked'))
) WITH (autovacuum_analyze_scale_factor = 0.01);
-- Range operators are not leakproof, so under row security the GiST index only enforces; reads use these scalars.
CREATE INDEX claims_read ON claims (tenant, resource_id, block_end) WHERE state IN ('held', 'booked');
CREATE INDEX claims_appointment ON claims (tenant, appointment_id);
CREATE INDEX claims_held ON claims (expires_at) WHERE state = 'held';  -- holds that ran out, over all tenants

-- The path is fixed: a restore of the data alone fires the trigger while `pg_restore` has emptied it.
CREATE FUNCTION claims_of_person() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    shared bigint;
BEGIN
    SELECT r.person_row INTO shared FROM resources r WHERE r.tenant = NEW.tenant AND r.id = NEW.resource_id;
    -- A time that was promised before the rows were linked, and that collides with another, stays where it is: when its move is
    -- refused, it must be possible to claim it again.
    IF shared IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM claims c WHERE c.tenant = NEW.tenant AND c.appointment_id = NEW.appointment_id
        AND c.resource_id = NEW.resource_id AND c.blocks = NEW.blocks) THEN
        NEW.resource_id := shared;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER claims_of_person BEFORE INSERT ON claims FOR EACH ROW EXECUTE FUNCTION claims_of_person();

-- Times of a person that are not offered: the provider refused them, or the tenant has blocked them by hand (illness, an errand).
-- A block is one row for each resource of the person, with one `block_id`; its `until` is infinity, and the moment of the removal
-- once it is removed.
CREATE TABLE refusals (
    tenant          text NOT NULL REFERENCES tenants (tenant),
    id              bigint GENERATED ALWAYS AS IDENTITY,
    resource_id     bigint NOT NULL,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    until           timestamptz NOT NULL,
    reason          text NOT NULL DEFAULT '',
    block_id        uuid,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, resource_id) REFERENCES resources (tenant, id)
);
CREATE INDEX refusals_read ON refusals (tenant, resource_id, ends_at);
CREATE UNIQUE INDEX refusals_block ON refusals (tenant, block_id, resource_id) WHERE block_id IS NOT NULL;

-- Cal.com's free times as they were read last: one row for each event type and local day. No decision to book rests on it; a row may
-- be missing or old. A change of the day at Cal.com empties the row (`read_at` null) and leaves `dropped_at`: a read that began
-- before it is not stored any more.
CREATE TABLE free_times (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    event_type_id   bigint NOT NULL,
    day             date NOT NULL,                          -- in the tenant's time zone
    free            tstzmultirange NOT NULL DEFAULT '{}',   -- the union of the slots that begin on the day
    slot_seconds    integer,                                -- how long a booking is there; null without slots
    read_at         timestamptz,                            -- when the request for it began, by the database's clock
    dropped_at      timestamptz,
    PRIMARY KEY (tenant, event_type_id, day)
);
CREATE INDEX free_times_day ON free_times (tenant, day);

-- The same for one host of a team's round robin, by the host's user id at Cal.com. A row counts only if it was read after
-- `free_times.dropped_at` of its event type and day: a dropped day is dropped for all hosts.
CREATE TABLE host_free_times (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    event_type_id   bigint NOT NULL,
    host_id         bigint NOT NULL,
    day             date NOT NULL,                          -- in the tenant's time zone
    free            tstzmultirange NOT NULL DEFAULT '{}',   -- the union of the slots that begin on the day
    slot_seconds    integer,                                -- how long a booking is there; null without slots
    read_at         timestamptz NOT NULL,                   -- when the request for it began, by the database's clock
    PRIMARY KEY (tenant, event_type_id, host_id, day)
);
CREATE INDEX host_free_times_day ON host_free_times (tenant, day);


-- Calls

CREATE TABLE calls (
    tenant                  text NOT NULL REFERENCES tenants (tenant),
    call_id                 text NOT NULL,
    branch                  text,
    agent_id                text,
    direction               text,
    from_number             text,
    to_number               text,
    status                  text NOT NULL,  -- Retell's own: registered, not_connected, ongoing, ended, error (an open list)
    started_at              timestamptz,
    ended_at                timestamptz,
    analyzed_at             timestamptz,
    disconnection_reason    text,
    transcript              text CHECK (length(transcript) <= 10000),
    transcript_truncated    boolean NOT NULL DEFAULT false,
    analysis                jsonb,
    correlation_id          text NOT NULL,
    updated_at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, call_id)
) WITH (autovacuum_analyze_scale_factor = 0.01);
CREATE INDEX calls_ongoing ON calls (tenant, started_at) WHERE status = 'ongoing';  -- askproai_active_calls counts them
CREATE INDEX calls_open ON calls (tenant, call_id) WHERE status NOT IN ('not_connected', 'ended', 'error');
-- The list of a tenant's calls, newest first. By CASE, because under row security PostgreSQL looks for no COALESCE in an index.
CREATE INDEX calls_newest ON calls (
    tenant, (CASE WHEN started_at IS NULL THEN 'epoch'::timestamptz ELSE started_at END), call_id
);
CREATE INDEX calls_of_caller ON calls (tenant, (CASE WHEN direction = 'outbound' THEN to_number ELSE from_number END), updated_at);

-- One row for each request of a call function, for people who look at the call later. No decision rests on it, and a row may be
-- missing.
CREATE TABLE function_requests (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    call_id         text NOT NULL,
    at              timestamptz NOT NULL,   -- when it came
    function        text NOT NULL,
    arguments       jsonb CHECK (length(arguments::text) <= 8000),  -- null: removed by age, as all words of callers are
    outcome         text NOT NULL,          -- an open list: a later release may know more
    cause           text CHECK (length(cause) <= 500),
    answer          text CHECK (length(answer) <= 2000),            -- the sentence for the caller; null: removed by age
    duration_ms     integer NOT NULL,
    appointment_id  uuid,                   -- no reference: a hold goes, and its answer stays
    correlation_id  text NOT NULL,
    track           text,                   -- null: the usual pods answered; else the name of the trial of a canary
    PRIMARY KEY (tenant, id)
) WITH (autovacuum_analyze_scale_factor = 0.01);
CREATE INDEX function_requests_call ON function_requests (tenant, call_id, at);
CREATE INDEX function_requests_at ON function_requests (tenant, at);
CREATE INDEX function_requests_correlation ON function_requests (tenant, correlation_id);

-- The actions of a call: idempotency by effect. An in-flight row makes concurrent twins wait.
CREATE TABLE call_actions (
    tenant          text NOT NULL REFERENCES tenants (tenant),
    call_id         text NOT NULL,
    key             text NOT NULL,      -- action + service + start; the generation is its own column
    generation      integer NOT NULL DEFAULT 1,
    state           text NOT NULL CHECK (state IN ('in_flight', 'done')),
    lease_until     timestamptz NOT NULL,
    appointment_id  uuid,
    answer          jsonb,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, call_id, key),
    FOREIGN KEY (tenant, appointment_id) REFERENCES appointments (tenant, id) ON DELETE SET NULL (appointment_id)
) WITH (autovacuum_analyze_scale_factor = 0.01);
-- Holds come and go: without it each one that goes would read all of its tenant's actions for the foreign key.
CREATE INDEX call_actions_appointment ON call_actions (tenant, appointment_id) WHERE appointment_id IS NOT NULL;
-- The answers of signed requests, which are emptied after minutes. Those of the desk are hashes.
CREATE INDEX call_actions_answered ON call_actions (created_at)
    WHERE answer IS NOT NULL AND key LIKE 'request|%' AND call_id NOT LIKE 'desk:%';

-- Attempts of callers to say name and birth date of an appointment, which are bounded.
CREATE TABLE verifications (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    call_id         text NOT NULL,
    caller          text,                           -- the caller's number in E.164, if the tenant knows it; null: withheld, or unknown
    appointments    uuid[] NOT NULL DEFAULT '{}',   -- those for which both were right; empty: for none
    PRIMARY KEY (tenant, id)
);
CREATE INDEX verifications_call ON verifications (tenant, call_id);
CREATE INDEX verifications_at ON verifications (tenant, at);

-- The notices that a caller heard in a call, and whether the caller refused that the call is kept. Null: not known. Rows age with the
-- calls; there is no reference, which would lock their table.
CREATE TABLE call_notices (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    call_id         text NOT NULL CHECK (length(call_id) BETWEEN 1 AND 500),
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    agent_version   bigint,             -- Retell's, which never changes after it is published
    greeting        text CHECK (length(greeting) <= 64),    -- SHA-256 of the first sentence of that version
    announces_ai    boolean,            -- whether that sentence says that an AI speaks
    heard_ai        boolean,            -- whether the agent's first words in the transcript do
    storage         text CHECK (length(storage) <= 64),     -- how much of the call Retell keeps, in its own words
    refused_at      timestamptz,        -- the caller does not want the call to be kept: no text of it is stored from then on
    deleted_at      timestamptz,        -- Retell has it no more
    PRIMARY KEY (tenant, call_id)
);
CREATE INDEX call_notices_at ON call_notices (tenant, at);
CREATE INDEX call_notices_to_delete ON call_notices (tenant, call_id) WHERE refused_at IS NOT NULL AND deleted_at IS NULL;


-- Events, jobs, tasks

CREATE TABLE webhook_events (
    tenant          text NOT NULL REFERENCES tenants (tenant),
    id              bigint GENERATED ALWAYS AS IDENTITY,
    source          text NOT NULL CHECK (source ~ '^[a-z]{2,20}$'),  -- which ones there are: intake/senders.py
    event_id        text NOT NULL,
    event_type      text NOT NULL,
    payload         bytea NOT NULL,     -- the raw body, as signed
    status          text NOT NULL DEFAULT 'received' CHECK (status IN ('received', 'processing', 'processed', 'failed', 'dead')),
    attempts        integer NOT NULL DEFAULT 0,
    correlation_id  text NOT NULL,
    received_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    processed_at    timestamptz,
    note            text,               -- why it ended as processed without being acted on
    error           text,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, source, event_id)
) WITH (autovacuum_analyze_scale_factor = 0.01);
CREATE INDEX webhook_events_status ON webhook_events (tenant, status, received_at);
CREATE INDEX webhook_events_type ON webhook_events (tenant, source, event_type);
CREATE INDEX webhook_events_correlation ON webhook_events (tenant, correlation_id);
CREATE INDEX webhook_events_time ON webhook_events (tenant, received_at);

CREATE TABLE jobs (
    tenant          text NOT NULL REFERENCES tenants (tenant),
    id              bigint GENERATED ALWAYS AS IDENTITY,
    kind            text NOT NULL CHECK (kind IN ('webhook-event', 'calendar-sync')),
    priority        text NOT NULL CHECK (priority IN ('critical', 'high', 'default', 'low', 'maintenance')),
    state           text NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'running', 'done', 'dead')),
    run_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts        integer NOT NULL DEFAULT 0,  -- counted before the handler runs: a job that kills its worker must end
    claim_no        integer NOT NULL DEFAULT 0,  -- the fence: a late finisher holds an older one
    lease_until     timestamptz,
    worker          text,
    event_id        bigint,
    appointment_id  uuid,
    correlation_id  text NOT NULL,
    last_error      text,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at     timestamptz,
    traceparent     text,               -- the W3C Trace Context in which it was queued; null: not recorded, as nearly all are
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, event_id) REFERENCES webhook_events (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, appointment_id) REFERENCES appointments (tenant, id) ON DELETE CASCADE,
    CHECK ((kind = 'webhook-event') = (event_id IS NOT NULL)),
    CHECK ((kind = 'calendar-sync') = (appointment_id IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0,
        autovacuum_analyze_scale_factor = 0.01);
CREATE UNIQUE INDEX jobs_one_per_event ON jobs (tenant, event_id) WHERE event_id IS NOT NULL;
CREATE UNIQUE INDEX jobs_one_live_per_appointment ON jobs (tenant, appointment_id)
    WHERE appointment_id IS NOT NULL AND state IN ('ready', 'running');
CREATE INDEX jobs_appointment ON jobs (tenant, appointment_id) WHERE appointment_id IS NOT NULL;
CREATE INDEX jobs_ready ON jobs (tenant, priority, run_at, id) WHERE state = 'ready';
CREATE INDEX jobs_dead ON jobs (tenant, priority) WHERE state = 'dead';
CREATE INDEX jobs_leases ON jobs (tenant, lease_until) WHERE state = 'running';

-- Repeated work of a tenant's workers (docs/decisions/0056-periodic-tasks-and-the-poll-of-calcom.md): one row for each periodic task,
-- made by the first worker that knows it.
CREATE TABLE tasks (
    tenant           text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    name             text NOT NULL CHECK (name <> ''),
    due_at           timestamptz NOT NULL CHECK (isfinite(due_at)),
    requests         integer NOT NULL DEFAULT 0,  -- raised by `request_soon`: a run that began before the last one runs again
    lease_until      timestamptz,                 -- null: nobody runs it
    claim_no         integer NOT NULL DEFAULT 0,  -- the fence: a late finisher holds an older one
    worker           text,
    failures         integer NOT NULL DEFAULT 0,  -- runs since the last success, counted before they begin
    watermark        jsonb NOT NULL DEFAULT '{}' CHECK (length(watermark::text) <= 200000),
    last_error       text CHECK (length(last_error) <= 1000),
    last_finished_at timestamptz CHECK (isfinite(last_finished_at)),  -- the last success
    created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, name)
) WITH (fillfactor = 50);


-- When the agent cannot book (docs/decisions/0080-when-it-cannot-book.md): messages and the waiting list

-- A message that a caller was told is noted is a row here. `key` is the words of the message: a function that asks again for the same
-- one finds its row.
CREATE TABLE messages (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    id              uuid NOT NULL DEFAULT gen_random_uuid(),
    call_id         text NOT NULL,
    key             text NOT NULL CHECK (length(key) <= 100),
    branch          text,
    caller          text,                                       -- the caller's number in E.164; null: withheld
    name            text NOT NULL CHECK (length(name) <= 80),
    phone           text CHECK (length(phone) <= 40),           -- where to call back, if it is another one; E.164, or as it was said
    recipient       text CHECK (length(recipient) <= 200),      -- for whom, as it was said
    text            text NOT NULL CHECK (length(text) <= 500),
    call_back       text CHECK (length(call_back) <= 200),      -- when to call back, as it was said; null: not requested
    call_back_from  timestamptz,                                -- as understood; null: it was not, or is an option of several
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

-- The persons who wait for a time to become free. `spans` are the readings of the caller's words, `since` and `until` their bounds;
-- `key` is the same for the same request, so a number waits once for it.
-- A waiting person has got the time once an appointment of theirs starts there. `had` has the ids of the person's appointments within
-- the bounds at the request: only a move in a call makes one of these news.
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
    phone           text NOT NULL CHECK (length(phone) <= 40),  -- E.164: the channel by which an offer reaches the person
    caller          text,                                       -- the caller's number in E.164; null: withheld
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'booked', 'removed', 'over')),
    correlation_id  text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at        timestamptz,
    had             jsonb NOT NULL DEFAULT '{}',                -- suiting appointments at the request, with their starts
    PRIMARY KEY (tenant, id),
    CHECK ((state = 'waiting') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX waitlist_waiting ON waitlist (tenant, phone, key) WHERE state = 'waiting';
CREATE INDEX waitlist_order ON waitlist (tenant, created_at, id) WHERE state = 'waiting';
CREATE INDEX waitlist_created ON waitlist (tenant, created_at);
CREATE INDEX waitlist_ended ON waitlist (tenant, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX waitlist_call ON waitlist (tenant, call_id);

-- Times that became free, until they are offered to nobody any more. A row is a hint: whether the time is free
-- is looked up when it is offered.
CREATE TABLE freed_times (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    resource_id     bigint NOT NULL,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    freed_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    handled_at      timestamptz,
    appointment_id  uuid,   -- it had the time, so its person is asked last; null for a removed block and the end of a hold
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX freed_times_unhandled ON freed_times (tenant, resource_id, starts_at, ends_at) WHERE handled_at IS NULL;
CREATE INDEX freed_times_freed ON freed_times (tenant, freed_at);

-- Every way to free a time updates its claim. The row is written even if nobody waits: this transaction may not see a new entry.
CREATE FUNCTION record_freed_time() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO freed_times (tenant, resource_id, starts_at, ends_at, appointment_id)
    VALUES (NEW.tenant, NEW.resource_id, lower(NEW.blocks), upper(NEW.blocks), NEW.appointment_id)
    ON CONFLICT (tenant, resource_id, starts_at, ends_at) WHERE handled_at IS NULL
        DO UPDATE SET freed_at = clock_timestamp(), appointment_id = EXCLUDED.appointment_id;
    RETURN NULL;
END $$;
CREATE TRIGGER record_freed_time AFTER UPDATE OF state ON claims FOR EACH ROW
    WHEN (OLD.state = 'booked' AND NEW.state = 'released') EXECUTE FUNCTION record_freed_time();

-- The persons to whom a freed time was offered. The two unique indexes are the rule: one person at a time, and to each one offer at a
-- time. An offer blocks nothing: the first booking has the time.
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


-- Notifications (docs/decisions/0078-notifications.md)

-- One row for each message to customers and the business, written in the transaction that causes it, and sent by the periodic task
-- `notifications`. An appointment is named without a reference, which would lock its table; no promised one is ever deleted.
CREATE TABLE notifications (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    id              uuid NOT NULL DEFAULT gen_random_uuid(),    -- also in the Message-ID, which a repetition keeps
    kind            text NOT NULL CHECK (kind <> ''),           -- an open list: a later release may know more
    subject         text NOT NULL CHECK (length(subject) BETWEEN 1 AND 200),  -- its object: with the others, at most once
    recipient       text NOT NULL CHECK (recipient IN ('customer', 'business')),
    channel         text NOT NULL CHECK (channel <> ''),        -- an open list, too
    appointment_id  uuid,
    starts_at       timestamptz CHECK (isfinite(starts_at)),    -- the appointment's start, as it is to be announced
    content         jsonb NOT NULL DEFAULT '{}' CHECK (length(content::text) <= 20000),  -- of kinds that no appointment explains
    state           text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sending', 'sent', 'dropped', 'dead')),
    due_at          timestamptz NOT NULL DEFAULT clock_timestamp() CHECK (isfinite(due_at)),
    attempts        integer NOT NULL DEFAULT 0,                 -- counted before the attempt: one that kills its worker must end
    error           text CHECK (length(error) <= 500),
    correlation_id  text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at     timestamptz,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, kind, subject, recipient, channel)
) WITH (fillfactor = 70, autovacuum_analyze_scale_factor = 0.01);
CREATE INDEX notifications_due ON notifications (tenant, due_at) WHERE state IN ('waiting', 'sending');
CREATE INDEX notifications_dead ON notifications (tenant) WHERE state = 'dead';
CREATE INDEX notifications_created ON notifications (tenant, created_at);
CREATE INDEX notifications_appointment ON notifications (tenant, appointment_id) WHERE appointment_id IS NOT NULL;

-- Addresses that want no reminders: e-mail in small letters, or an E.164 number. A null `since`: reminders are welcome again.
CREATE TABLE reminder_opt_outs (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    address         text NOT NULL CHECK (length(address) BETWEEN 1 AND 320),
    since           timestamptz,
    changed_by      text NOT NULL CHECK (length(changed_by) <= 200),
    changed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, address)
);


-- Records of providers, people and subscriptions

CREATE TABLE provider_calls (
    tenant          text NOT NULL REFERENCES tenants (tenant),
    id              bigint GENERATED ALWAYS AS IDENTITY,
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    provider        text NOT NULL,
    operation       text NOT NULL,
    method          text NOT NULL,
    endpoint        text NOT NULL,
    status          integer,            -- null: no answer
    outcome         text NOT NULL,
    duration_ms     integer NOT NULL,
    correlation_id  text NOT NULL,
    error           text,               -- why it failed, and
    body_shape      text,               -- which fields its answer had: both without people and keys, and null after a success
    PRIMARY KEY (tenant, id)
) WITH (autovacuum_analyze_scale_factor = 0.01);
CREATE INDEX provider_calls_at ON provider_calls (tenant, at);
CREATE INDEX provider_calls_correlation ON provider_calls (tenant, correlation_id);

CREATE TABLE audit_log (
    tenant          text NOT NULL REFERENCES tenants (tenant),
    id              bigint GENERATED ALWAYS AS IDENTITY,
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor           text NOT NULL,
    action          text NOT NULL,
    detail          jsonb NOT NULL DEFAULT '{}',
    correlation_id  text NOT NULL,
    PRIMARY KEY (tenant, id)
) WITH (autovacuum_analyze_scale_factor = 0.01);
CREATE INDEX audit_log_at ON audit_log (tenant, at);
CREATE INDEX audit_log_correlation ON audit_log (tenant, correlation_id);

-- Stripe's last word on each subscription of a tenant. It is shown, and never stops a caller from being served.
-- Stripe keeps no order: each half carries the time of its event, and an older one does not replace it.
CREATE TABLE billing (
    tenant          text NOT NULL REFERENCES tenants (tenant),
    subscription    text NOT NULL CHECK (subscription <> ''),
    livemode        boolean NOT NULL,
    status          text,                   -- Stripe's own (an open list); null: only invoices were seen
    status_at       timestamptz,            -- `created` of the event
    ended           boolean NOT NULL DEFAULT false,  -- deleted wins over every update
    invoice_paid    boolean,                -- the newest invoice: paid, or its payment failed
    invoice_at      timestamptz,
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, subscription)
);


-- Erasing one caller (docs/decisions/0097-one-caller-is-exported-and-erased.md)

-- Pods may delete rows of their tenant only while an erasure is open, and no pod can delete the row that says so: a hijacked pod can
-- empty nothing without a trace.
CREATE TABLE erasures (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    id              uuid NOT NULL,                              -- the request's: sent again, it is the same erasure
    caller          text CHECK (length(caller) <= 40),          -- E.164; null: it is done, and the number forgotten
    state           text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done')),
    evidence        jsonb NOT NULL DEFAULT '{}' CHECK (length(evidence::text) <= 8000),  -- numbers of rows by system
    error           text CHECK (length(error) <= 500),          -- why it is not done yet
    requested_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),  -- when something was last found and erased
    finished_at     timestamptz,
    recorded_at     timestamptz NOT NULL DEFAULT clock_timestamp(),  -- by the server alone: the trace's age, whatever a pod says
    PRIMARY KEY (tenant, id),
    CHECK ((state = 'open') = (caller IS NOT NULL) AND (state = 'done') = (finished_at IS NOT NULL))
);
CREATE UNIQUE INDEX erasures_open ON erasures (tenant, caller) WHERE state = 'open';

-- An erased caller's calls at Retell and bookings at Cal.com: an event of theirs that comes later, by a webhook, a poll or the spool,
-- is stored without its body.
CREATE TABLE erased_references (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    kind            text NOT NULL CHECK (kind IN ('call', 'booking')),
    reference       text NOT NULL CHECK (length(reference) <= 500),  -- Retell's call_id, Cal.com's uid or our own id
    erasure         uuid NOT NULL,
    erased_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at      timestamptz,                                -- of a call: Retell has it no more
    PRIMARY KEY (tenant, kind, reference),
    CHECK (kind = 'call' OR reference ~ '^[A-Za-z0-9_-]{8,}$')  -- a booking's is a word of bodies
);
CREATE INDEX erased_references_erasure ON erased_references (tenant, erasure);

-- In the row itself, so that every way in meets it. It is part of intake's statement: it reads a body once, whatever the number of
-- references, and raises for none. encode() writes bytes that are not ASCII as \nnn and doubles a backslash, so the pattern takes
-- these, and JSON's escapes, for separators of words: "\nuid" has the word uid.
CREATE FUNCTION empty_erased_event() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    is_erased boolean := false;
BEGIN
    IF NEW.source = 'retell' THEN
        is_erased := EXISTS (
            SELECT FROM erased_references r
            WHERE r.tenant = NEW.tenant AND r.kind = 'call' AND r.reference = split_part(NEW.event_id, ':', 1));
    ELSIF NEW.source = 'calcom' AND EXISTS (
        SELECT FROM erased_references r WHERE r.tenant = NEW.tenant AND r.kind = 'booking'
    ) THEN
        is_erased := EXISTS (
            SELECT FROM string_to_table(regexp_replace(
                encode(NEW.payload, 'escape'), '(\\\\(u[0-9A-Fa-f]{4}|.)|\\[0-7]{3}|[^A-Za-z0-9_-])+', ' ', 'g'), ' ') AS word
            JOIN erased_references r ON r.tenant = NEW.tenant AND r.kind = 'booking' AND r.reference = word
            WHERE length(word) BETWEEN 8 AND 500);
    END IF;
    IF is_erased THEN
        NEW.payload := '';
        NEW.note := 'erased: its caller was';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER empty_erased_event BEFORE INSERT ON webhook_events FOR EACH ROW
    WHEN (NEW.source <> 'stripe') EXECUTE FUNCTION empty_erased_event();


-- Callers who refuse that their call is kept (docs/decisions/0116-the-book-ages-out.md)

-- In the rows themselves, so that every path meets it. An event is emptied once it is decided: the end of the call and its numbers
-- are in the body, and a body that nobody has read yet is needed.
CREATE FUNCTION is_refused_call(of_tenant text, of_call text) RETURNS boolean LANGUAGE sql STABLE SET search_path FROM CURRENT AS $$
    SELECT EXISTS (SELECT FROM call_notices n WHERE n.tenant = of_tenant AND n.call_id = of_call AND n.refused_at IS NOT NULL)
$$;
CREATE FUNCTION keep_no_texts() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF is_refused_call(NEW.tenant, NEW.call_id) THEN
        NEW.transcript := NULL;
        NEW.analysis := NULL;
        NEW.transcript_truncated := false;
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION keep_no_words() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF is_refused_call(NEW.tenant, NEW.call_id) THEN
        NEW.arguments := NULL;
        NEW.answer := NULL;
        NEW.cause := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION keep_no_body() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF is_refused_call(NEW.tenant, split_part(NEW.event_id, ':', 1)) THEN
        NEW.payload := '';
    END IF;
    RETURN NEW;
END $$;
-- A refusal stays: else a hijacked pod could empty the records of a call, and take the reason back.
CREATE FUNCTION keep_refusal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.refused_at := OLD.refused_at;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_refusal BEFORE UPDATE OF refused_at ON call_notices FOR EACH ROW
    WHEN (OLD.refused_at IS NOT NULL AND NEW.refused_at IS DISTINCT FROM OLD.refused_at) EXECUTE FUNCTION keep_refusal();
CREATE TRIGGER keep_no_texts BEFORE INSERT OR UPDATE OF transcript, analysis ON calls FOR EACH ROW
    WHEN (NEW.transcript IS NOT NULL OR NEW.analysis IS NOT NULL) EXECUTE FUNCTION keep_no_texts();
CREATE TRIGGER keep_no_words BEFORE INSERT ON function_requests FOR EACH ROW
    WHEN (NEW.arguments IS NOT NULL OR NEW.answer IS NOT NULL OR NEW.cause IS NOT NULL) EXECUTE FUNCTION keep_no_words();
CREATE TRIGGER keep_no_body BEFORE UPDATE OF status ON webhook_events FOR EACH ROW
    WHEN (NEW.source = 'retell' AND NEW.status IN ('processed', 'dead') AND octet_length(NEW.payload) > 0) EXECUTE FUNCTION keep_no_body();


-- Shadows (docs/decisions/0126-shadows.md): an image that answers copies of the calls on a copy of the tenant's book, unheard by
-- callers. The copy is a tenant of its own, `<tenant>:shadow`, whose role reaches its own rows and no others.

-- Requests to pods while there is a shadow: for moments, until they have been replayed. A bounded number of rows.
CREATE TABLE shadow_requests (
    tenant          text NOT NULL REFERENCES tenants (tenant) ON DELETE CASCADE,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    at              timestamptz NOT NULL,           -- when it came
    answered_at     timestamptz NOT NULL,
    call_id         text NOT NULL,
    function        text NOT NULL,
    outcome         text NOT NULL,                  -- as in function_requests
    named_ids       uuid[] NOT NULL DEFAULT '{}',   -- the ids in the answer, in their order
    correlation_id  text NOT NULL,
    body            bytea NOT NULL CHECK (octet_length(body) <= 600000),
    PRIMARY KEY (tenant, id)
);

-- A caller's refusal binds the shadow, too: copies that wait, those that are written after it, and replayed calls.
CREATE FUNCTION keep_no_copy() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    RETURN CASE WHEN is_refused_call(NEW.tenant, NEW.call_id) THEN NULL ELSE NEW END;
END $$;
CREATE TRIGGER keep_no_copy BEFORE INSERT ON shadow_requests FOR EACH ROW EXECUTE FUNCTION keep_no_copy();

-- It runs as the owner, since the role reaches no row of its shadow: it writes those of the shadow of the row's tenant, which the
-- policies have checked. A row that a copy of the book has locked at this moment is deleted by the copy itself.
CREATE FUNCTION refuse_to_shadow() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    own CONSTANT text := NEW.tenant || ':shadow';
BEGIN
    DELETE FROM shadow_requests WHERE tenant = NEW.tenant AND call_id = NEW.call_id;
    UPDATE function_requests SET arguments = NULL, answer = NULL, cause = NULL WHERE tenant = own AND id IN (
        SELECT f.id FROM function_requests f WHERE f.tenant = own AND f.call_id = NEW.call_id FOR UPDATE SKIP LOCKED);
    INSERT INTO call_notices (tenant, call_id, refused_at)
    SELECT t.tenant, NEW.call_id, NEW.refused_at FROM tenants t WHERE t.tenant = own
    ON CONFLICT (tenant, call_id) DO UPDATE SET refused_at = EXCLUDED.refused_at;
    RETURN NULL;
END $$;
CREATE TRIGGER refuse_to_shadow AFTER INSERT ON call_notices FOR EACH ROW
    WHEN (NEW.refused_at IS NOT NULL AND NEW.tenant NOT LIKE '%:shadow') EXECUTE FUNCTION refuse_to_shadow();
CREATE TRIGGER refuse_to_shadow_later AFTER UPDATE OF refused_at ON call_notices FOR EACH ROW
    WHEN (OLD.refused_at IS NULL AND NEW.refused_at IS NOT NULL AND NEW.tenant NOT LIKE '%:shadow')
    EXECUTE FUNCTION refuse_to_shadow();

-- Columns with the name of a table before each.
CREATE FUNCTION prefixed(alias text, columns text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT alias || '.' || replace(columns, ', ', ', ' || alias || '.')
$$;

-- Makes rows of one table of tenant `own` equal to those of `live`: of all, or of the appointments `chosen`. In two steps, since rows
-- that are no more must go from all tables before others are written. Returns how many rows that changed.
CREATE FUNCTION copy_live_rows(place text, own text, live text, writes boolean, anew boolean, chosen uuid[])
RETURNS bigint LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    keys    text;   -- columns of the primary key, without the tenant
    others  text;   -- all other columns, but generated ones
    source  text;   -- the live rows, as they are in the copy
    part    text;   -- which rows are meant
    changed bigint;
BEGIN
    SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE a.attnum = ANY (i.indkey)),
           string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FILTER (WHERE NOT a.attnum = ANY (i.indkey))
    INTO keys, others
    FROM pg_attribute a JOIN pg_index i ON i.indrelid = a.attrelid AND i.indisprimary
    WHERE a.attrelid = place::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attname <> 'tenant';
    part := CASE WHEN chosen IS NULL THEN 'true' ELSE CASE place
        WHEN 'appointments' THEN 'x.id = ANY ($4)'
        WHEN 'claims' THEN 'x.appointment_id = ANY ($4)'
        WHEN 'customers' THEN 'x.id IN (SELECT customer_id FROM appointments WHERE tenant = $2 AND id = ANY ($4))'
    END END;
    SELECT format('SELECT %s FROM %I x %s WHERE x.tenant = $2 AND %s', string_agg(CASE
            -- A transcript decides no booking, and may be encrypted for the tenant's own rows.
            WHEN place = 'calls' AND a.attname IN ('transcript', 'analysis')
                THEN format('NULL::%s AS %I', a.atttypid::regtype, a.attname)
            WHEN a.attname = 'resource_id' THEN 's.id AS resource_id'
            ELSE format('x.%I', a.attname) END, ', '), place,
        CASE WHEN bool_or(a.attname = 'resource_id') THEN 'JOIN resources r ON r.tenant = x.tenant AND r.id = x.resource_id
            JOIN resources s ON s.tenant = $1 AND (s.branch, s.staff, s.unit) = (r.branch, r.staff, r.unit)' ELSE '' END, part)
    INTO source FROM pg_attribute a WHERE a.attrelid = place::regclass AND a.attnum > 0 AND NOT a.attisdropped;
    IF writes THEN
        EXECUTE format(
            'INSERT INTO %1$I (tenant, %2$s, %3$s) OVERRIDING SYSTEM VALUE SELECT $1, %2$s, %3$s FROM (%4$s) l
             WHERE NOT EXISTS (SELECT FROM %1$I o WHERE o.tenant = $1 AND (%5$s) = (%6$s) AND (%7$s) IS NOT DISTINCT FROM (%8$s))
             ON CONFLICT (tenant, %2$s) DO UPDATE SET (%3$s) = ROW (%9$s)',
            place, keys, others, source, prefixed('o', keys), prefixed('l', keys), prefixed('o', others), prefixed('l', others),
            prefixed('excluded', others)) USING own, live, anew, chosen;
    ELSE
        EXECUTE format(
            'DELETE FROM %I x WHERE x.tenant = $1 AND %s AND ($3 OR NOT EXISTS (SELECT FROM (%s) l WHERE (%s) = (%s)))',
            place, part, source, prefixed('x', keys), prefixed('l', keys)) USING own, live, anew, chosen;
    END IF;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END $$;

-- Makes the rows of the shadow whose role asks equal to those of its tenant, as far as bookings depend on them; with `anew` all are
-- written again. Returns by table how many rows that changed.
-- It runs as the owner, since a role may not delete promised appointments, and may not read the rows of another one: it reads those of
-- the one tenant that the operator has written into `tenants`, and writes those of the role that asks.
CREATE FUNCTION copy_live_book(anew boolean) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    own     text;
    live    text;
    place   text;
    result  jsonb := '{}';
    -- Referencing tables first.
    copied CONSTANT text[] := ARRAY['call_actions', 'verifications', 'claims', 'refusals', 'appointments', 'customers', 'calls',
                                    'free_times', 'host_free_times'];
    -- Rows that pods add for jobs, messages and people: no booking depends on them, and they are never carried out.
    emptied CONSTANT text[] := ARRAY['jobs', 'notifications', 'function_requests', 'provider_calls', 'messages', 'waitlist_offers',
                                     'freed_times', 'waitlist', 'call_notices'];
BEGIN
    SELECT t.tenant, t.shadow_of INTO own, live FROM tenants t WHERE t.role = session_user AND t.tenant = t.shadow_of || ':shadow';
    IF live IS NULL THEN
        RAISE EXCEPTION 'the role is no shadow''s' USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOREACH place IN ARRAY emptied LOOP
        EXECUTE format('DELETE FROM %I WHERE tenant = $1', place) USING own;
    END LOOP;
    -- A claim is copied as it is, wherever the trigger would redirect a new one.
    UPDATE resources SET person_row = NULL WHERE tenant = own AND person_row IS NOT NULL;
    FOREACH place IN ARRAY copied LOOP
        result := result || jsonb_build_object(place, copy_live_rows(place, own, live, false, anew, NULL));
    END LOOP;
    FOR n IN REVERSE array_length(copied, 1)..1 LOOP
        place := copied[n];
        result := result || jsonb_build_object(
            place, (result ->> place)::bigint + copy_live_rows(place, own, live, true, anew, NULL));
    END LOOP;
    UPDATE resources o SET person_row = s.id
    FROM resources r JOIN resources p ON p.tenant = r.tenant AND p.id = r.person_row
    JOIN resources s ON s.tenant = own AND (s.branch, s.staff, s.unit) = (p.branch, p.staff, p.unit)
    WHERE r.tenant = live AND o.tenant = own AND (o.branch, o.staff, o.unit) = (r.branch, r.staff, r.unit);
    RETURN result;
END $$;

-- Gives the shadow whose role asks some of the tenant's appointments as they are, in place of appointments of its own.
CREATE FUNCTION copy_live_appointments(chosen uuid[], instead_of uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    own     text;
    live    text;
BEGIN
    SELECT t.tenant, t.shadow_of INTO own, live FROM tenants t WHERE t.role = session_user AND t.tenant = t.shadow_of || ':shadow';
    IF live IS NULL THEN
        RAISE EXCEPTION 'the role is no shadow''s' USING ERRCODE = 'insufficient_privilege';
    END IF;
    DELETE FROM appointments a WHERE a.tenant = own AND a.id = ANY (instead_of) AND NOT a.id = ANY (chosen);
    PERFORM copy_live_rows('claims', own, live, false, false, chosen);
    -- The customer of a new number has another id there.
    DELETE FROM customers c USING customers l JOIN appointments a ON a.tenant = l.tenant AND a.customer_id = l.id
    WHERE l.tenant = live AND a.id = ANY (chosen) AND c.tenant = own AND c.phone = l.phone AND c.id <> l.id
      AND NOT EXISTS (SELECT FROM appointments b WHERE b.tenant = own AND b.customer_id = c.id);
    PERFORM copy_live_rows('customers', own, live, true, false, chosen);
    PERFORM copy_live_rows('appointments', own, live, true, false, chosen);
    PERFORM copy_live_rows('claims', own, live, true, false, chosen);
END $$;

-- Erases one caller from the shadow of the tenant whose role asks, while an erasure of that number is open. Returns how many rows said
-- who the caller is. A copy may be made anew from the tenant's own rows at any time, so more may go than the caller's rows.
CREATE FUNCTION erase_from_shadow(erased_number text, erased_calls text[], erased_appointments uuid[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    live    text;
    own     text;
    found   uuid[];
    erased  bigint := 0;
    changed bigint;
BEGIN
    SELECT t.tenant INTO live FROM tenants t JOIN erasures e ON e.tenant = t.tenant
    WHERE t.role = session_user AND e.state = 'open' AND e.caller = erased_number;
    IF live IS NULL THEN
        RAISE EXCEPTION 'no erasure of this number is open' USING ERRCODE = 'insufficient_privilege';
    END IF;
    own := live || ':shadow';
    DELETE FROM shadow_requests WHERE tenant = live;
    UPDATE function_requests SET arguments = NULL, answer = NULL, cause = NULL
    WHERE tenant = own AND (arguments IS NOT NULL OR answer IS NOT NULL OR cause IS NOT NULL);
    DELETE FROM messages WHERE tenant = own;
    DELETE FROM waitlist WHERE tenant = own;
    DELETE FROM notifications WHERE tenant = own;
    DELETE FROM verifications WHERE tenant = own AND (caller = erased_number OR call_id = ANY (erased_calls));
    SELECT coalesce(array_agg(a.id), '{}') INTO found FROM appointments a
    WHERE a.tenant = own AND (a.caller = erased_number OR a.id = ANY (erased_appointments) OR a.call_id = ANY (erased_calls)
        OR a.customer_id IN (SELECT c.id FROM customers c WHERE c.tenant = own AND c.phone = erased_number));
    DELETE FROM call_actions WHERE tenant = own AND (call_id = ANY (erased_calls) OR appointment_id = ANY (found)
        OR position(ltrim(erased_number, '+') IN answer::text) > 0);
    GET DIAGNOSTICS changed = ROW_COUNT;
    erased := erased + changed;
    DELETE FROM call_actions WHERE tenant = own AND (key LIKE 'request|%' OR key LIKE 'ask_email|%');
    DELETE FROM calls WHERE tenant = own
        AND (call_id = ANY (erased_calls) OR from_number = erased_number OR to_number = erased_number);
    GET DIAGNOSTICS changed = ROW_COUNT;
    erased := erased + changed;
    UPDATE appointments SET customer_id = NULL, customer_name = '', caller = NULL, attendee_email = NULL, notes = NULL,
                            birth_date = NULL, cancel_reason = NULL
    WHERE tenant = own AND id = ANY (found) AND (
        customer_id IS NOT NULL OR customer_name <> '' OR caller IS NOT NULL OR attendee_email IS NOT NULL OR notes IS NOT NULL
        OR birth_date IS NOT NULL OR cancel_reason IS NOT NULL);
    GET DIAGNOSTICS changed = ROW_COUNT;
    erased := erased + changed;
    DELETE FROM customers WHERE tenant = own AND phone = erased_number;
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN erased + changed;
END $$;
REVOKE ALL ON FUNCTION prefixed(text, text), copy_live_rows(text, text, text, boolean, boolean, uuid[]), copy_live_book(boolean),
    copy_live_appointments(uuid[], uuid[]), refuse_to_shadow(), erase_from_shadow(text, text[], uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION copy_live_book(boolean), copy_live_appointments(uuid[], uuid[]), erase_from_shadow(text, text[], uuid[])
    TO askproai_tenant;


-- Who may see and change which rows
--
-- A tenant's login role is a member of askproai_tenant, which holds every grant. Its rows are those of the tenant that the
-- table `tenants` names for `current_user`: a role cannot be set like a variable, and SET ROLE to the group finds no row.
-- The tenant is looked up in a sub-select of its own, so that the planner runs it once per statement (an InitPlan).
--
-- UPDATE is granted by column: keys and signed bodies never change, and a role with UPDATE or DELETE on a whole table may take any
-- lock on it, and so stand in the way of all tenants. Some tables need DELETE all the same (a hold must vanish, an erasure deletes):
-- there a hijacked role could hold others up, but read and change nothing. A later migration grants its own columns and tables.

-- Everybody is bound, the owner included. The coordinator reads every tenant's rows, within its grants, and a dump reads all; it needs
-- `pg_dump --enable-row-security`, and the sequences.
DO $$
DECLARE
    name text;
    sequence text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'tenants', 'resources', 'customers', 'appointments', 'claims', 'refusals', 'free_times', 'host_free_times', 'calls',
        'function_requests', 'call_actions', 'verifications', 'call_notices', 'webhook_events', 'jobs', 'tasks', 'messages', 'waitlist',
        'freed_times', 'waitlist_offers', 'notifications', 'reminder_opt_outs', 'provider_calls', 'audit_log', 'billing', 'erasures',
        'erased_references', 'shadow_requests'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY owner ON %I TO askproai_owner USING (true) WITH CHECK (true)', name);
        EXECUTE format('CREATE POLICY backup ON %I FOR SELECT TO askproai_backup USING (true)', name);
        EXECUTE format('GRANT SELECT ON %I TO askproai_tenant, askproai_backup', name);
        IF name <> 'shadow_requests' THEN
            EXECUTE format('GRANT SELECT ON %I TO askproai_coordinator', name);
        END IF;
        IF name NOT IN ('billing', 'shadow_requests') THEN
            EXECUTE format('CREATE POLICY coordinator_reads ON %I FOR SELECT TO askproai_coordinator USING (true)', name);
        END IF;
    END LOOP;
    FOREACH name IN ARRAY ARRAY['resources', 'claims', 'refusals', 'function_requests', 'verifications', 'webhook_events', 'jobs',
                                'freed_times', 'waitlist_offers', 'provider_calls', 'audit_log', 'shadow_requests'] LOOP
        EXECUTE format('GRANT SELECT ON SEQUENCE %s TO askproai_backup', pg_get_serial_sequence(name, 'id'));
    END LOOP;
END $$;
CREATE POLICY coordinator ON billing TO askproai_coordinator USING (true) WITH CHECK (true);
GRANT SELECT ON schema_migrations TO askproai_tenant, askproai_coordinator, askproai_backup;

-- A tenant's own rows: to read, to write, to change. Everything else is refused by the missing grant.
CREATE POLICY tenant_reads ON tenants FOR SELECT TO askproai_tenant USING (role = current_user);
DO $$
DECLARE
    name text;
    own CONSTANT text := 'tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user)';
    -- The exclusion constraint looks at all tenants' claims and runs before the foreign key. Without EXISTS a tenant could name a
    -- foreign resource and learn from the error (23P01 or 23503) whether that span is taken. The check runs before both.
    of_own_resource CONSTANT text :=
        'EXISTS (SELECT 1 FROM resources r WHERE r.tenant = claims.tenant AND r.id = claims.resource_id)';
    erases CONSTANT text := 'EXISTS (SELECT FROM erasures e
        WHERE e.tenant = (SELECT t.tenant FROM tenants t WHERE t.role = current_user) AND e.state = ''open'')';
    is_empty CONSTANT text := 'arguments IS NULL AND answer IS NULL AND cause IS NULL';
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'resources', 'customers', 'appointments', 'refusals', 'free_times', 'host_free_times', 'calls', 'call_actions', 'verifications',
        'call_notices', 'webhook_events', 'jobs', 'tasks', 'messages', 'waitlist', 'freed_times', 'waitlist_offers', 'notifications',
        'reminder_opt_outs', 'provider_calls', 'audit_log', 'billing', 'erasures'] LOOP
        EXECUTE format('CREATE POLICY tenant_reads ON %I FOR SELECT TO askproai_tenant USING (%s)', name, own);
        EXECUTE format('CREATE POLICY tenant_adds ON %I FOR INSERT TO askproai_tenant WITH CHECK (%s)', name, own);
        EXECUTE format('CREATE POLICY tenant_changes ON %I FOR UPDATE TO askproai_tenant USING (%s) WITH CHECK (%s)', name, own, own);
    END LOOP;

    EXECUTE format('CREATE POLICY tenant_reads ON claims FOR SELECT TO askproai_tenant USING (%s)', own);
    EXECUTE format('CREATE POLICY tenant_adds ON claims FOR INSERT TO askproai_tenant WITH CHECK (%s AND %s)', own, of_own_resource);
    EXECUTE format('CREATE POLICY tenant_changes ON claims FOR UPDATE TO askproai_tenant USING (%s) WITH CHECK (%s AND %s)',
                   own, own, of_own_resource);

    -- A record may be emptied, and changed in no other way: once its caller has refused that the call is kept; and while an erasure
    -- is open, also where another caller's function was asked about the erased person.
    EXECUTE format('CREATE POLICY tenant_reads ON function_requests FOR SELECT TO askproai_tenant USING (%s)', own);
    EXECUTE format('CREATE POLICY tenant_adds ON function_requests FOR INSERT TO askproai_tenant WITH CHECK (%s)', own);
    EXECUTE format('CREATE POLICY tenant_empties ON function_requests FOR UPDATE TO askproai_tenant
        USING (%s AND is_refused_call(tenant, call_id)) WITH CHECK (%s AND %s)', own, own, is_empty);
    EXECUTE format('CREATE POLICY tenant_empties_for_erasure ON function_requests FOR UPDATE TO askproai_tenant
        USING (%s AND %s) WITH CHECK (%s AND %s)', own, erases, own, is_empty);

    -- A reference that keeps events out belongs to an open erasure: else it could be added without a trace.
    EXECUTE format('CREATE POLICY tenant_reads ON erased_references FOR SELECT TO askproai_tenant USING (%s)', own);
    EXECUTE format('CREATE POLICY tenant_adds ON erased_references FOR INSERT TO askproai_tenant WITH CHECK (%s AND EXISTS (
        SELECT FROM erasures e
        WHERE e.tenant = erased_references.tenant AND e.id = erased_references.erasure AND e.state = ''open''))', own);
    EXECUTE format('CREATE POLICY tenant_changes ON erased_references FOR UPDATE TO askproai_tenant USING (%s) WITH CHECK (%s)', own, own);

    EXECUTE format('CREATE POLICY tenant_reads ON shadow_requests FOR SELECT TO askproai_tenant USING (%s)', own);
    EXECUTE format('CREATE POLICY tenant_adds ON shadow_requests FOR INSERT TO askproai_tenant WITH CHECK (%s)', own);
    EXECUTE format('CREATE POLICY tenant_deletes ON shadow_requests FOR DELETE TO askproai_tenant USING (%s)', own);

    -- Only what was never promised to a customer may vanish: a hold, and an action that came to nothing.
    EXECUTE format('CREATE POLICY tenant_deletes ON appointments FOR DELETE TO askproai_tenant USING (status = ''held'' AND %s)', own);
    EXECUTE format('CREATE POLICY tenant_deletes ON call_actions FOR DELETE TO askproai_tenant USING (state = ''in_flight'' AND %s)', own);
    EXECUTE format('CREATE POLICY tenant_deletes ON claims FOR DELETE TO askproai_tenant USING (state = ''held'' AND %s)', own);

    -- An erasure deletes from tables that hold a caller's words or person; the audit log and the records of requests to providers hold
    -- neither.
    FOREACH name IN ARRAY ARRAY['customers', 'calls', 'webhook_events', 'call_actions', 'function_requests', 'messages', 'waitlist',
                                'notifications', 'reminder_opt_outs', 'verifications'] LOOP
        EXECUTE format('CREATE POLICY tenant_erases ON %I FOR DELETE TO askproai_tenant USING (%s AND %s)', name, own, erases);
        EXECUTE format('GRANT DELETE ON %I TO askproai_tenant', name);
    END LOOP;
END $$;

-- The tenant's grants.
GRANT UPDATE (locked_at) ON resources TO askproai_tenant;  -- only to be allowed SELECT … FOR UPDATE
GRANT INSERT, UPDATE (phone, name, email, updated_at) ON customers TO askproai_tenant;
GRANT INSERT, DELETE, UPDATE (branch, service, staff, customer_id, customer_name, starts_at, ends_at, status, call_id, caller,
                              external_id, event_type_id, attendee_email, notes, correlation_id, version, generation, error,
                              updated_at, was_starts_at, was_ends_at, was_place, external_updated_at, cancelled_by, cancel_reason,
                              birth_date, offers)
    ON appointments TO askproai_tenant;
GRANT INSERT, DELETE, UPDATE (appointment_id, resource_id, blocks, state, expires_at) ON claims TO askproai_tenant;
GRANT INSERT, UPDATE (until, reason) ON refusals TO askproai_tenant;
GRANT INSERT, UPDATE (free, slot_seconds, read_at, dropped_at) ON free_times TO askproai_tenant;
GRANT INSERT, UPDATE (free, slot_seconds, read_at) ON host_free_times TO askproai_tenant;
GRANT INSERT, UPDATE (branch, agent_id, direction, from_number, to_number, status, started_at, ended_at, analyzed_at,
                      disconnection_reason, transcript, transcript_truncated, analysis, correlation_id, updated_at)
    ON calls TO askproai_tenant;
GRANT INSERT, UPDATE (arguments, answer, cause) ON function_requests TO askproai_tenant;
GRANT INSERT, DELETE, UPDATE (generation, state, lease_until, appointment_id, answer) ON call_actions TO askproai_tenant;
GRANT INSERT, UPDATE (appointments) ON verifications TO askproai_tenant;
-- Not `at`, by which the coordinator forgets them.
GRANT INSERT (tenant, call_id, agent_version, greeting, announces_ai, heard_ai, storage, refused_at, deleted_at),
    UPDATE (agent_version, greeting, announces_ai, heard_ai, storage, refused_at, deleted_at)
    ON call_notices TO askproai_tenant;
GRANT INSERT, UPDATE (status, attempts, processed_at, note, error) ON webhook_events TO askproai_tenant;
GRANT INSERT, UPDATE (priority, state, run_at, attempts, claim_no, lease_until, worker, last_error, finished_at)
    ON jobs TO askproai_tenant;
GRANT INSERT, UPDATE (due_at, requests, lease_until, claim_no, worker, failures, watermark, last_error, last_finished_at)
    ON tasks TO askproai_tenant;
GRANT INSERT, UPDATE (caller, name, phone, recipient, text, call_back, call_back_from, call_back_until, done_at, done_by, note)
    ON messages TO askproai_tenant;
GRANT INSERT, UPDATE (caller, name, spans, had, state, created_at, ended_at) ON waitlist TO askproai_tenant;
GRANT INSERT, UPDATE (freed_at, handled_at, appointment_id) ON freed_times TO askproai_tenant;
GRANT INSERT, UPDATE (state, ended_at) ON waitlist_offers TO askproai_tenant;
GRANT INSERT, UPDATE (state, due_at, attempts, error, finished_at) ON notifications TO askproai_tenant;
GRANT INSERT, UPDATE (since, changed_by, changed_at) ON reminder_opt_outs TO askproai_tenant;
GRANT INSERT ON provider_calls, audit_log TO askproai_tenant;
GRANT INSERT, UPDATE (livemode, status, status_at, ended, invoice_paid, invoice_at, updated_at) ON billing TO askproai_tenant;
-- Not the times by which the coordinator forgets them.
GRANT INSERT (tenant, id, caller, requested_at, changed_at),
    UPDATE (caller, state, evidence, error, requested_at, changed_at, finished_at) ON erasures TO askproai_tenant;
GRANT INSERT (tenant, kind, reference, erasure), UPDATE (deleted_at) ON erased_references TO askproai_tenant;
GRANT INSERT, DELETE ON shadow_requests TO askproai_tenant;

-- The coordinator's duties, and nothing more (docs/decisions/0012-rights-of-the-coordinator.md). Its logins are members of
-- askproai_coordinator.

-- Holds: the people are locked as a booking locks them, then only holds may vanish (their claims go with them).
GRANT UPDATE (locked_at) ON resources TO askproai_coordinator;
CREATE POLICY coordinator_locks ON resources FOR UPDATE TO askproai_coordinator USING (true);
GRANT DELETE, UPDATE (error) ON appointments TO askproai_coordinator;  -- the column only to be allowed FOR UPDATE
CREATE POLICY coordinator_locks ON appointments FOR UPDATE TO askproai_coordinator
    USING (status = 'held') WITH CHECK (false);
CREATE POLICY coordinator_sweeps ON appointments FOR DELETE TO askproai_coordinator USING (status = 'held');

-- Events that lost their job are armed again.
GRANT INSERT, UPDATE (state, run_at, claim_no, lease_until, worker, finished_at) ON jobs TO askproai_coordinator;
CREATE POLICY coordinator_arms ON jobs FOR UPDATE TO askproai_coordinator USING (true) WITH CHECK (state = 'ready');
CREATE POLICY coordinator_adds ON jobs FOR INSERT TO askproai_coordinator WITH CHECK (state = 'ready');

-- Retention: bodies, transcripts and words can only be emptied, rows only go when nothing waits for them.
GRANT DELETE, UPDATE (payload) ON webhook_events TO askproai_coordinator;
CREATE POLICY coordinator_empties ON webhook_events FOR UPDATE TO askproai_coordinator
    USING (true) WITH CHECK (payload = '' AND status IN ('processed', 'dead'));
CREATE POLICY coordinator_forgets ON webhook_events FOR DELETE TO askproai_coordinator
    USING (status IN ('processed', 'dead'));
GRANT DELETE, UPDATE (transcript, analysis) ON calls TO askproai_coordinator;
CREATE POLICY coordinator_empties ON calls FOR UPDATE TO askproai_coordinator
    USING (true) WITH CHECK (transcript IS NULL AND analysis IS NULL);
CREATE POLICY coordinator_forgets ON calls FOR DELETE TO askproai_coordinator USING (true);
GRANT DELETE, UPDATE (arguments, answer) ON function_requests TO askproai_coordinator;
CREATE POLICY coordinator_empties ON function_requests FOR UPDATE TO askproai_coordinator
    USING (true) WITH CHECK (arguments IS NULL AND answer IS NULL);
CREATE POLICY coordinator_forgets ON function_requests FOR DELETE TO askproai_coordinator USING (true);
GRANT UPDATE (answer) ON call_actions TO askproai_coordinator;
CREATE POLICY coordinator_empties ON call_actions FOR UPDATE TO askproai_coordinator
    USING (key LIKE 'request|%' AND call_id NOT LIKE 'desk:%') WITH CHECK (answer IS NULL);
GRANT DELETE, UPDATE (content) ON notifications TO askproai_coordinator;
CREATE POLICY coordinator_clears ON notifications FOR UPDATE TO askproai_coordinator
    USING (state IN ('sent', 'dropped', 'dead')) WITH CHECK (state IN ('sent', 'dropped', 'dead'));
CREATE POLICY coordinator_forgets ON notifications FOR DELETE TO askproai_coordinator
    USING (state IN ('sent', 'dropped', 'dead'));
GRANT DELETE ON jobs, call_actions, refusals, provider_calls, audit_log, free_times, host_free_times, verifications, call_notices,
    messages, waitlist, freed_times, waitlist_offers, erasures, erased_references TO askproai_coordinator;
CREATE POLICY coordinator_forgets ON jobs FOR DELETE TO askproai_coordinator USING (state = 'done');
CREATE POLICY coordinator_forgets ON call_actions FOR DELETE TO askproai_coordinator USING (lease_until < now());
-- A block that was never removed goes by age after its end.
CREATE POLICY coordinator_forgets ON refusals FOR DELETE TO askproai_coordinator USING (until < now() OR ends_at < now());
CREATE POLICY coordinator_forgets ON provider_calls FOR DELETE TO askproai_coordinator USING (true);
CREATE POLICY coordinator_forgets ON audit_log FOR DELETE TO askproai_coordinator USING (true);
CREATE POLICY coordinator_forgets ON free_times FOR DELETE TO askproai_coordinator USING (day < current_date);
CREATE POLICY coordinator_forgets ON host_free_times FOR DELETE TO askproai_coordinator USING (day < current_date);
CREATE POLICY coordinator_forgets ON verifications FOR DELETE TO askproai_coordinator USING (true);
CREATE POLICY coordinator_forgets ON call_notices FOR DELETE TO askproai_coordinator USING (true);
CREATE POLICY coordinator_forgets ON messages FOR DELETE TO askproai_coordinator USING (true);
CREATE POLICY coordinator_forgets ON waitlist FOR DELETE TO askproai_coordinator USING (true);
CREATE POLICY coordinator_forgets ON freed_times FOR DELETE TO askproai_coordinator USING (true);
CREATE POLICY coordinator_forgets ON waitlist_offers FOR DELETE TO askproai_coordinator USING (true);
CREATE POLICY coordinator_forgets ON erasures FOR DELETE TO askproai_coordinator USING (state = 'done');
CREATE POLICY coordinator_forgets ON erased_references FOR DELETE TO askproai_coordinator USING (true);

-- Ageing: the coordinator takes from an appointment that is over who it was for, and nothing else; and customers whom no appointment
-- names. It adds entries of its own kind to the audit log.
GRANT UPDATE (customer_id, customer_name, caller, attendee_email, notes, birth_date, cancel_reason) ON appointments
    TO askproai_coordinator;
CREATE POLICY coordinator_ages ON appointments FOR UPDATE TO askproai_coordinator
    USING (status <> 'held' AND ends_at < now())
    WITH CHECK (status <> 'held' AND ends_at < now() AND customer_id IS NULL AND customer_name = '' AND caller IS NULL
                AND attendee_email IS NULL AND notes IS NULL AND birth_date IS NULL AND cancel_reason IS NULL);
GRANT DELETE, UPDATE (updated_at) ON customers TO askproai_coordinator;  -- the column only to be allowed FOR UPDATE
CREATE POLICY coordinator_locks ON customers FOR UPDATE TO askproai_coordinator USING (true) WITH CHECK (false);
CREATE POLICY coordinator_forgets ON customers FOR DELETE TO askproai_coordinator USING (true);
GRANT INSERT (tenant, actor, action, detail, correlation_id) ON audit_log TO askproai_coordinator;
CREATE POLICY coordinator_adds ON audit_log FOR INSERT TO askproai_coordinator
    WITH CHECK (actor = 'coordinator' AND action IN ('appointments.aged', 'customers.aged'));
