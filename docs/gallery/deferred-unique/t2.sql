-- Appends item 3 to the list, after the item that is last now.
BEGIN;
INSERT INTO items (id, list_id, place)
SELECT 3, 1, max(place) + 1 FROM items WHERE list_id = 1;
COMMIT;
