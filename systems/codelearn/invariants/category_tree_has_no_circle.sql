-- name: category_tree_has_no_circle
-- Every category reaches a root.
WITH RECURSIVE reached AS (
    SELECT g.id FROM categories AS g WHERE g.parent_id IS NULL
    UNION ALL
    SELECT g.id FROM categories AS g JOIN reached AS r ON g.parent_id = r.id
)
SELECT g.id FROM categories AS g WHERE g.id NOT IN (SELECT r.id FROM reached AS r);
