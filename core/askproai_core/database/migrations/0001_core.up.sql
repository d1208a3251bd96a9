-- The tables of one installation, shared by all its tenants and fenced by row security.
-- Runs as askproai_owner. Roles exist before (store/roles.py). No extension is needed.
-- Every table leads its keys with `tenant`; the policies compare it with the tenant of the role that asks.

CREATE TABLE tenants (
    tenant      text PRIMARY KEY CHECK (tenant <> ''),
    role        name NOT NULL UNIQUE,
    uid         text NOT NULL,          -- of the Tenant object: rows belong to it, a namesake must adopt them
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE resources (
    tenant      text NOT NULL REFERENCES tenants (tenant),
    id          bigint GENERATED ALWAYS AS IDENTITY,
    branch      text NOT NULL,
    staff       text NOT NULL,
    unit        smallint NOT NULL DEFAULT 1 CHECK (unit BETWEEN 1 AND 12),
    active      boolean NOT NULL DEFAULT true,
    locked_at   timestamptz,            -- never read: SELECT … FOR UPDATE needs UPDATE on one column, this one is harmless
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
);

CREATE TABLE calls (
    tenant          text NOT NULL REFERENCES tenants (tenant),
    call_id         text NOT NULL,
    branch          text,
    agent_id        text,
    direction       text,
    from_number     text,
    to_number       text,
    status          text NOT NULL,      -- Retell's own: registered, not_connected, ongoing, ended, error (an open list)
    started_at      timestamptz,
    ended_at        timestamptz,
    analyzed_at     timestamptz,
    disconnection_reason text,
    transcript      text CHECK (length(transcript) <= 10000),
    transcript_truncated boolean NOT NULL DEFAULT false,
    analysis        jsonb,
    correlation_id  text NOT NULL,
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, call_id)
);
CREATE INDEX calls_ongoing ON calls (tenant, started_at) WHERE status = 'ongoing';  -- askproai_active_calls counts them

CREATE TABLE webhook_events (
    tenant          text NOT NULL REFERENCES tenants (tenant),
    id              bigint GENERATED ALWAYS AS IDENTITY,
    source          text NOT NULL CHECK (source IN ('retell', 'calcom', 'stripe')),
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
);
CREATE INDEX webhook_events_status ON webhook_events (tenant, status, received_at);
CREATE INDEX webhook_events_type ON webhook_events (tenant, source, event_type);
CREATE INDEX webhook_events_correlation ON webhook_events (tenant, correlation_id);
CREATE INDEX webhook_events_time ON webhook_events (tenant, received_at);

CREATE TABLE appointments (
    tenant          text NOT NULL REFERENCES tenants (tenant),
    id              uuid NOT NULL DEFAULT gen_random_uuid(),
    branch          text NOT NULL,
    service         text NOT NULL,
    staff           text NOT NULL,
    customer_id     uuid,
    customer_name   text NOT NULL DEFAULT '',
    starts_at       timestamptz NOT NULL,   -- what the customer was told; buffers are in claims
    ends_at         timestamptz NOT NULL,
    status          text NOT NULL CHECK (status IN ('held', 'confirmed', 'pending_sync', 'cancelled', 'no_show', 'failed')),
    call_id         text,
    caller          text,                   -- E.164 of who rang, for the cap of holds
    external_id     text,                   -- Cal.com's uid; changes there when it is moved, ours does not
    event_type_id   bigint,
    attendee_email  text,
    notes           text,
    correlation_id  text NOT NULL,
    version         integer NOT NULL DEFAULT 1,
    generation      integer NOT NULL DEFAULT 1, -- of the call's same booking: book, cancel, book again
    error           text,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, customer_id) REFERENCES customers (tenant, id),
    CHECK (starts_at < ends_at)
);
CREATE UNIQUE INDEX appointments_one_hold_per_call ON appointments (tenant, call_id) WHERE status = 'held';
CREATE INDEX appointments_call ON appointments (tenant, call_id);
CREATE INDEX appointments_customer ON appointments (tenant, customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX appointments_starts ON appointments (tenant, starts_at);
CREATE INDEX appointments_external ON appointments (tenant, external_id) WHERE external_id IS NOT NULL;

-- What is blocked, buffers included. This constraint is the truth about double booking.
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
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, resource_id) REFERENCES resources (tenant, id),
    FOREIGN KEY (tenant, appointment_id) REFERENCES appointments (tenant, id) ON DELETE CASCADE,
    CHECK (NOT isempty(blocks) AND NOT lower_inf(blocks) AND NOT upper_inf(blocks)
           AND isfinite(lower(blocks)) AND isfinite(upper(blocks))),
    CHECK (lower_inc(blocks) AND NOT upper_inc(blocks)),
    CHECK ((state = 'held') = (expires_at IS NOT NULL)),
    CONSTRAINT claims_no_overlap EXCLUDE USING gist (int8range(resource_id, resource_id, '[]') WITH &&, blocks WITH &&)
        WHERE (state IN ('held', 'booked'))
);
-- Range operators are not leakproof, so under row security the GiST index only enforces; reads use these scalars.
CREATE INDEX claims_read ON claims (tenant, resource_id, block_end) WHERE state IN ('held', 'booked');
CREATE INDEX claims_appointment ON claims (tenant, appointment_id);

-- A person and span that the provider refused: not offered again until then.
CREATE TABLE refusals (
    tenant          text NOT NULL REFERENCES tenants (tenant),
    id              bigint GENERATED ALWAYS AS IDENTITY,
    resource_id     bigint NOT NULL,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    until           timestamptz NOT NULL,
    reason          text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, resource_id) REFERENCES resources (tenant, id)
);
CREATE INDEX refusals_read ON refusals (tenant, resource_id, ends_at);

-- What a call already did: idempotency by effect. An in-flight row makes concurrent twins wait.
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
);
-- Holds come and go: without it each one that goes would read all of its tenant's actions for the foreign key.
CREATE INDEX call_actions_appointment ON call_actions (tenant, appointment_id) WHERE appointment_id IS NOT NULL;

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
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, event_id) REFERENCES webhook_events (tenant, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant, appointment_id) REFERENCES appointments (tenant, id) ON DELETE CASCADE,
    CHECK ((kind = 'webhook-event') = (event_id IS NOT NULL)),
    CHECK ((kind = 'calendar-sync') = (appointment_id IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
CREATE UNIQUE INDEX jobs_one_per_event ON jobs (tenant, event_id) WHERE event_id IS NOT NULL;
CREATE UNIQUE INDEX jobs_one_live_per_appointment ON jobs (tenant, appointment_id) WHERE appointment_id IS NOT NULL AND state IN ('ready', 'running');
CREATE INDEX jobs_appointment ON jobs (tenant, appointment_id) WHERE appointment_id IS NOT NULL;
CREATE INDEX jobs_ready ON jobs (tenant, priority, run_at, id) WHERE state = 'ready';
CREATE INDEX jobs_dead ON jobs (tenant, priority) WHERE state = 'dead';
CREATE INDEX jobs_leases ON jobs (tenant, lease_until) WHERE state = 'running';

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
    PRIMARY KEY (tenant, id)
);
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
);
CREATE INDEX audit_log_at ON audit_log (tenant, at);
