-- Words to search for, of those that the text search configuration keeps: the one in the most rows, the one in the fewest,
-- the longer one in the most rows, and of the word that occurs in the most forms the form in the fewest rows.
-- PostgreSQL 14 and later; cost: one pass over at most 20 000 rows of the copied text.
WITH words AS (
    SELECT m.found[1] AS word, count(DISTINCT t.id) AS documents
    FROM (SELECT id, body FROM underpin_search.texts ORDER BY id LIMIT 20000) AS t,
         regexp_matches(lower(t.body), '\m[[:alpha:]]{4,30}\M', 'g') AS m (found)
    GROUP BY 1
),
lexemes AS (
    SELECT w.word, w.documents,
           (tsvector_to_array(to_tsvector(current_setting('underpin.config')::regconfig, w.word)))[1] AS lexeme
    FROM words AS w
),
kept AS (
    SELECT l.word, l.documents, sum(l.documents) OVER forms AS together, count(*) OVER forms AS forms
    FROM lexemes AS l
    WHERE l.lexeme IS NOT NULL
    WINDOW forms AS (PARTITION BY l.lexeme)
)
(SELECT 'hot' AS kind, word FROM kept ORDER BY documents DESC, word COLLATE "C" LIMIT 1)
UNION ALL
(SELECT 'rare', word FROM kept ORDER BY documents, length(word) DESC, word COLLATE "C" LIMIT 1)
UNION ALL
(SELECT 'long', word FROM kept WHERE length(word) > 5 ORDER BY documents DESC, word COLLATE "C" LIMIT 1)
UNION ALL
(SELECT 'form', word FROM kept WHERE forms > 1 ORDER BY together DESC, documents, word COLLATE "C" LIMIT 1)
