-- Writes article 1 with the tag sql, which is created or found in the same statement.
BEGIN;
INSERT INTO articles (id) VALUES (1);
WITH created AS (
    INSERT INTO tags (name) VALUES ('sql') ON CONFLICT (name) DO NOTHING RETURNING id
)
INSERT INTO article_tags (article_id, tag_id)
SELECT 1, id FROM created
UNION ALL
SELECT 1, id FROM tags WHERE name = 'sql';
COMMIT;
