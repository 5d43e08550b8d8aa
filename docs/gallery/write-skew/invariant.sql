-- At least one doctor is on call.
SELECT count(*) AS doctors_on_call
FROM doctors
WHERE is_on_call
HAVING count(*) = 0;
