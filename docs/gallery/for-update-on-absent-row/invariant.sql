-- Every seat is reserved at most once.
SELECT seat, count(*) AS reservations FROM reservations GROUP BY seat HAVING count(*) > 1;
