-- Writes article 1 with the tag sql, which is created first and found by the next statement.
BEGIN;
INSERT INTO articles (id) VALUES (1);
INSERT INTO tags (name) VALUES ('sql') ON CONFLICT (name) DO NOTHING;
INSERT INTO article_tags (article_id, tag_id) SELECT 1, id FROM tags WHERE name = 'sql';
COMMIT;
