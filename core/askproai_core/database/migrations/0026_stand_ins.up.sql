-- Cuts what was stored under a carrier's stand-in for a withheld number loose from the one person that these numbers made of all such
-- callers (docs/decisions/0135-what-identifies-a-caller.md). Appointments and calls stay, and so does who they are for by name.
-- The pattern is STAND_INS of askproai_core/phone_numbers.py.
DO $$
DECLARE
    stand_in CONSTANT text :=
        '^\+(1?(2562533|2663433684|266343368425|266696687|4626668|464|6622553743|66686237|6682824522|668282452253|6687768433|66877684333|688632732|72974663|7378742833|7748283|7748283225|77482832255|7877737733|862352668|8627744633|8628245225|86282452253|86547833|8656696|8683737832|868373783258|94844353)|(41|43|49)(2663433684|266343368425|266696687|6622553743|6682824522|668282452253|6687768433|66877684333|688632732|7378742833|7748283225|77482832255|7877737733|862352668|8627744633|8628245225|86282452253|8683737832|868373783258))$';
BEGIN
    UPDATE appointments a SET customer_id = NULL FROM customers c
    WHERE c.tenant = a.tenant AND c.id = a.customer_id AND c.phone ~ stand_in;
    DELETE FROM customers WHERE phone ~ stand_in;
    UPDATE appointments SET caller = NULL WHERE caller ~ stand_in;
    UPDATE calls SET from_number = NULL WHERE from_number ~ stand_in;
    UPDATE calls SET to_number = NULL WHERE to_number ~ stand_in;
    UPDATE messages SET caller = NULL WHERE caller ~ stand_in;
    UPDATE messages SET phone = NULL WHERE phone ~ stand_in;
    UPDATE waitlist SET caller = NULL WHERE caller ~ stand_in;
    UPDATE verifications SET caller = NULL WHERE caller ~ stand_in;
    DELETE FROM reminder_opt_outs WHERE address ~ stand_in;
    -- Nobody can be reached there.
    UPDATE waitlist_offers o SET state = 'withdrawn', ended_at = clock_timestamp() FROM waitlist w
    WHERE w.tenant = o.tenant AND w.id = o.entry_id AND o.state = 'open' AND w.phone ~ stand_in;
    UPDATE waitlist SET state = 'removed', ended_at = clock_timestamp() WHERE state = 'waiting' AND phone ~ stand_in;
END $$;
