-- Blocks: times that the tenant takes from a person by hand (illness, an errand). A block is a row of `refusals` for each resource
-- of the person, with one `block_id`: what reads the refusals under the lock of the resources, the release before included, then
-- neither offers nor books that time. `until` is infinity, and the moment of the removal once it is removed.

ALTER TABLE refusals ADD COLUMN block_id uuid;
CREATE UNIQUE INDEX refusals_block ON refusals (tenant, block_id, resource_id) WHERE block_id IS NOT NULL;

-- A block that was never removed is deleted by age after its end.
ALTER POLICY coordinator_forgets ON refusals USING (until < now() OR ends_at < now());
