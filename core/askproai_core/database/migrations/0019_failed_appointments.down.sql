DROP INDEX appointments_failed;
