-- The report counts the money that there is.
SELECT sum(val::integer) AS reported
FROM observed
WHERE tx = 't3' AND var IN ('first_half', 'second_half')
HAVING sum(val::integer) <> 400;
