CREATE TABLE bookings (
    id bigint PRIMARY KEY,
    room_id bigint NOT NULL,
    nights daterange NOT NULL,
    EXCLUDE USING gist (int8range(room_id, room_id, '[]') WITH &&, nights WITH &&)
);
INSERT INTO bookings (id, room_id, nights) VALUES (1, 1, '[2030-04-01, 2030-04-03)');
