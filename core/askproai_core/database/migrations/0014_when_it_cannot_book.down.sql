-- Undoes 0014_when_it_cannot_book.up.sql. The messages and the waiting list are lost.

DROP TRIGGER record_freed_time ON claims;
DROP FUNCTION record_freed_time();
DROP TABLE waitlist_offers, freed_times, waitlist, messages;
