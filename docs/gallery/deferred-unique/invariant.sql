-- No two items of a list have the same place.
SELECT list_id, place, count(*) AS items FROM items GROUP BY list_id, place HAVING count(*) > 1;
