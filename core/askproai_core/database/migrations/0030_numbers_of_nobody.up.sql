-- Cuts what was stored under a number that identifies nobody loose from the one person that it made of all its callers
-- (docs/decisions/0135-what-identifies-a-caller.md). Appointments and calls stay, and so does who they are for by name.
-- A service number that was dictated stays: it can be dialled. `numbers_of_nobody.py` fills the table of these numbers.
DO $$
BEGIN
    UPDATE appointments a SET customer_id = NULL FROM customers c JOIN numbers_of_nobody n ON n.number = c.phone
    WHERE c.tenant = a.tenant AND c.id = a.customer_id AND (a.caller = c.phone OR NOT n.is_dialable);
    DELETE FROM customers c USING numbers_of_nobody n
    WHERE n.number = c.phone AND NOT EXISTS (SELECT FROM appointments a WHERE a.tenant = c.tenant AND a.customer_id = c.id);
    UPDATE appointments SET caller = NULL FROM numbers_of_nobody WHERE caller = number;
    UPDATE calls SET from_number = NULL FROM numbers_of_nobody
    WHERE from_number = number AND (direction IS DISTINCT FROM 'outbound' OR NOT is_dialable);
    UPDATE calls SET to_number = NULL FROM numbers_of_nobody WHERE to_number = number AND NOT is_dialable;
    UPDATE messages SET caller = NULL FROM numbers_of_nobody WHERE caller = number;
    UPDATE messages SET phone = NULL FROM numbers_of_nobody WHERE phone = number AND NOT is_dialable;
    UPDATE waitlist SET caller = NULL FROM numbers_of_nobody WHERE caller = number;
    UPDATE verifications SET caller = NULL FROM numbers_of_nobody WHERE caller = number;
    DELETE FROM reminder_opt_outs USING numbers_of_nobody WHERE address = number AND NOT is_dialable;
    -- Nobody can be reached there.
    UPDATE waitlist_offers o SET state = 'withdrawn', ended_at = clock_timestamp()
    FROM waitlist w JOIN numbers_of_nobody n ON n.number = w.phone AND NOT n.is_dialable
    WHERE w.tenant = o.tenant AND w.id = o.entry_id AND o.state = 'open';
    UPDATE waitlist SET state = 'removed', ended_at = clock_timestamp() FROM numbers_of_nobody
    WHERE state = 'waiting' AND phone = number AND NOT is_dialable;
END $$;
DROP TABLE numbers_of_nobody;

-- A caller who says more in the same call amends the message: its text grows.
GRANT UPDATE (text) ON messages TO askproai_tenant;
