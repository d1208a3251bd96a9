"""The SQL of notifications and of opt-outs from reminders."""
