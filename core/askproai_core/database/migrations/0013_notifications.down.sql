-- Undoes 0013_notifications.up.sql. What was not sent yet is lost, and so is who wants no reminders: dump reminder_opt_outs before.

DROP TABLE notifications, reminder_opt_outs;
