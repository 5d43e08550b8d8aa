-- no-transaction
-- Indexes that `underpin prove indexes` built and measured, best first. Copy what you want into migrations/.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "lesson_progress_lesson_id_enrollment_id_idx" ON "public"."lesson_progress" USING btree ("lesson_id", "enrollment_id") INCLUDE ("watched_seconds", "started_at", "completed_at");
CREATE INDEX CONCURRENTLY IF NOT EXISTS "lessons_section_id_id_part_idx" ON "public"."lessons" USING btree ("section_id", "id") WHERE "deleted_at" IS NULL;
CREATE INDEX CONCURRENTLY IF NOT EXISTS "purchases_purchased_at_idx" ON "public"."purchases" USING btree ("purchased_at") INCLUDE ("currency", "amount", "discount");
