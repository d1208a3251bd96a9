-- Undoes 0008_blocks.up.sql. Blocks stay in force as refusals: the release before offers nothing in their time. It deletes a
-- refusal by age only after its `until`, so that each gets one.

ALTER POLICY coordinator_forgets ON refusals USING (until < now());
UPDATE refusals SET until = ends_at WHERE until = 'infinity';
DROP INDEX refusals_block;
ALTER TABLE refusals DROP COLUMN block_id;
