-- Rewrites numbers that were stored with +49 before the country code which they already had: `4915112345678` of a trunk that leaves
-- the plus out was +494915112345678. Its person was not found under the right number, nor by an opt-out or an erasure.
-- Only what no German number can be is rewritten (docs/decisions/0135-what-identifies-a-caller.md): a German mobile number, whose
-- digits are too many for the areas 0491 to 0497, and one of the Netherlands, Turkey, Ukraine or North America, with whose digits no
-- German area begins.
-- Customers with one number become one. What differs between them is kept of the row with the right number.
DO $$
DECLARE
    digits CONSTANT text := '(49(?:1(?:6[023]|7\d)\d{7,8}|15(?:[0-25-9]\d\d|3(?:10|33)|410)\d{6})'
        || '|316[1-58]\d{7}|905(?:[03-5]\d|1[06]|24|6[24]|7[245]|9[46])\d{7}|380(?:39|50|6[36-8]|7[1-357]|9[1-9])\d{7}'
        || '|1(?:2(?:0[1-35-9]|1[02-9]|2[03-57-9]|3[1459]|4[08]|5[1-46]|6[0279]|7[02469]|8[13])'
        || '|3(?:0[1-57-9]|1[02-9]|2[013-79]|3[0-24679]|4[167]|5[0-3]|6[01349]|8[056])'
        || '|4(?:0[124-9]|1[02-579]|2[3-5]|3[0245]|4[023578]|58|6[349]|7[02589]|8[04]))[2-9]\d{6})';
    misread CONSTANT text := '^\+49' || digits || '$';
    within CONSTANT text := '(?<!\d)\+49' || digits || '(?!\d)';
BEGIN
    UPDATE customers c SET name = coalesce(nullif(c.name, ''), m.name), email = coalesce(c.email, m.email),
                           created_at = least(c.created_at, m.created_at), updated_at = greatest(c.updated_at, m.updated_at)
    FROM customers m WHERE m.phone ~ misread AND c.tenant = m.tenant AND c.phone = '+' || substr(m.phone, 4);
    UPDATE appointments a SET customer_id = c.id
    FROM customers m JOIN customers c ON c.tenant = m.tenant AND c.phone = '+' || substr(m.phone, 4)
    WHERE m.phone ~ misread AND a.tenant = m.tenant AND a.customer_id = m.id;
    DELETE FROM customers m USING customers c
    WHERE m.phone ~ misread AND c.tenant = m.tenant AND c.phone = '+' || substr(m.phone, 4);
    UPDATE customers SET phone = '+' || substr(phone, 4) WHERE phone ~ misread;

    UPDATE appointments SET caller = '+' || substr(caller, 4) WHERE caller ~ misread;
    UPDATE calls SET from_number = '+' || substr(from_number, 4) WHERE from_number ~ misread;
    UPDATE calls SET to_number = '+' || substr(to_number, 4) WHERE to_number ~ misread;
    UPDATE messages SET caller = '+' || substr(caller, 4) WHERE caller ~ misread;
    UPDATE messages SET phone = '+' || substr(phone, 4) WHERE phone ~ misread;
    UPDATE verifications SET caller = '+' || substr(caller, 4) WHERE caller ~ misread;
    UPDATE waitlist SET caller = '+' || substr(caller, 4) WHERE caller ~ misread;
    UPDATE messages SET text = regexp_replace(text, within, '+\1', 'g') WHERE text ~ within;
    UPDATE notifications SET content = regexp_replace(content::text, within, '+\1', 'g')::jsonb WHERE content::text ~ within;

    -- A person who waits twice for the same is to wait once.
    WITH twice AS (
        SELECT m.tenant, m.id FROM waitlist m JOIN waitlist w
            ON w.tenant = m.tenant AND w.key = m.key AND w.state = 'waiting' AND w.phone = '+' || substr(m.phone, 4)
                AND lower(w.name) = lower(m.name)
        WHERE m.state = 'waiting' AND m.phone ~ misread
    ), withdrawn AS (
        UPDATE waitlist_offers o SET state = 'withdrawn', ended_at = clock_timestamp() FROM twice t
        WHERE t.tenant = o.tenant AND t.id = o.entry_id AND o.state = 'open'
    )
    UPDATE waitlist w SET state = 'removed', ended_at = clock_timestamp() FROM twice t WHERE t.tenant = w.tenant AND t.id = w.id;
    -- Two persons of one number both wait for the same: a key is that of the request and of the person.
    UPDATE waitlist SET phone = '+' || substr(phone, 4), key = left(key, 64) || ':' || left(md5(lower(name)), 16)
    WHERE phone ~ misread;

    -- The later word of the same person counts.
    UPDATE reminder_opt_outs o SET since = m.since, changed_by = m.changed_by, changed_at = m.changed_at FROM reminder_opt_outs m
    WHERE m.address ~ misread AND o.tenant = m.tenant AND o.address = '+' || substr(m.address, 4) AND m.changed_at > o.changed_at;
    DELETE FROM reminder_opt_outs m USING reminder_opt_outs o
    WHERE m.address ~ misread AND o.tenant = m.tenant AND o.address = '+' || substr(m.address, 4);
    UPDATE reminder_opt_outs SET address = '+' || substr(address, 4) WHERE address ~ misread;

    -- An open erasure of the right number erases both.
    UPDATE erasures m SET state = 'done', caller = NULL, finished_at = clock_timestamp() FROM erasures e
    WHERE m.state = 'open' AND m.caller ~ misread AND e.tenant = m.tenant AND e.state = 'open'
      AND e.caller = '+' || substr(m.caller, 4);
    UPDATE erasures SET caller = '+' || substr(caller, 4) WHERE caller ~ misread;
END $$;
