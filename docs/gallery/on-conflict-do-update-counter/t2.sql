-- Records visit 2 of the page and counts it.
BEGIN;
INSERT INTO visits (id, page_id) VALUES (2, 1);
INSERT INTO page_counters AS c (page_id, visits) VALUES (1, 1)
ON CONFLICT (page_id) DO UPDATE SET visits = c.visits + 1;
COMMIT;
