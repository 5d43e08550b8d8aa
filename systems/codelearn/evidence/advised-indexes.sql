-- no-transaction
-- Indexes that `underpin prove indexes` built and measured, best first. Copy what you want into migrations/.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "courses_category_id_part_idx" ON "public"."courses" USING btree ("category_id") INCLUDE ("instructor_id") WHERE "deleted_at" IS NULL AND "status" = 'published';
CREATE INDEX CONCURRENTLY IF NOT EXISTS "lessons_section_id_id_part_idx" ON "public"."lessons" USING btree ("section_id", "id") WHERE "deleted_at" IS NULL;
