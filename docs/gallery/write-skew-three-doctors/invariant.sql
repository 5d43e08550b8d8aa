-- Somebody is on call.
SELECT count(*) AS on_call FROM doctors WHERE is_on_call HAVING count(*) = 0;
