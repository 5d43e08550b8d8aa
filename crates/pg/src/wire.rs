//! Messages of the frontend/backend protocol, as values. Reference: manual, "Message Formats" (protocol 3.0).

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::query_error::ServerError;

/// Version 3.0 of the protocol, as the start-up packet says it.
const PROTOCOL: i32 = 196_608;

/// The longest message that is believed; PostgreSQL's own limit is 1 GB.
const LONGEST: usize = 1 << 30;

/// A message of the server: its type and what follows the length.
pub(crate) struct Message {
    pub(crate) tag: u8,
    pub(crate) body: Bytes,
}

/// Takes the next whole message out of what was received; nothing when more must be read first.
pub(crate) fn take(input: &mut BytesMut) -> Result<Option<Message>, Unreadable> {
    let Some(header) = input.get(..5) else { return Ok(None) };
    let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]) as usize;
    if !(4..=LONGEST).contains(&length) {
        return Err(Unreadable);
    }
    if input.len() < length + 1 {
        input.reserve(length + 1 - input.len());
        return Ok(None);
    }
    let mut message = input.split_to(length + 1);
    let tag = message.get_u8();
    message.advance(4);
    Ok(Some(Message { tag, body: message.freeze() }))
}

/// What came does not follow the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the other side does not follow PostgreSQL's protocol")]
pub(crate) struct Unreadable;

/// Appends the packet that opens a session.
pub(crate) fn startup(output: &mut BytesMut, parameters: &[(&str, &str)]) {
    let start = output.len();
    output.put_i32(0);
    output.put_i32(PROTOCOL);
    for (name, value) in parameters {
        put_text(output, name);
        put_text(output, value);
    }
    output.put_u8(0);
    let length = (output.len() - start) as i32;
    output[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

/// Appends a message of type `tag` whose body `fill` writes.
pub(crate) fn put(output: &mut BytesMut, tag: u8, fill: impl FnOnce(&mut BytesMut)) {
    output.put_u8(tag);
    let start = output.len();
    output.put_i32(0);
    fill(output);
    let length = (output.len() - start) as i32;
    output[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

/// Appends a text with its closing NUL; one inside ends it early, as it would on the other side.
pub(crate) fn put_text(output: &mut BytesMut, text: &str) {
    output.put_slice(text.split('\0').next().unwrap_or_default().as_bytes());
    output.put_u8(0);
}

/// Appends `Bind` with values in text form, `Execute` and `Sync` for a named prepared statement.
pub(crate) fn put_execution(output: &mut BytesMut, name: &str, values: &[Option<&str>]) {
    put(output, b'B', |body| {
        put_text(body, "");
        put_text(body, name);
        body.put_i16(0);
        body.put_i16(values.len() as i16);
        for value in values {
            match value {
                Some(value) => {
                    body.put_i32(value.len() as i32);
                    body.put_slice(value.as_bytes());
                }
                None => body.put_i32(-1),
            }
        }
        body.put_i16(0);
    });
    put(output, b'E', |body| {
        put_text(body, "");
        body.put_i32(0);
    });
    put(output, b'S', |_| {});
}

/// Reads an `ErrorResponse`.
pub(crate) fn error(body: &Bytes) -> ServerError {
    let mut error = ServerError::default();
    for field in body.split(|byte| *byte == 0).filter(|field| !field.is_empty()) {
        let text = String::from_utf8_lossy(&field[1..]).into_owned();
        match field[0] {
            b'S' => error.severity = text,
            b'C' => error.sqlstate = text,
            b'M' => error.message = text,
            b'D' => error.detail = Some(text),
            b'H' => error.hint = Some(text),
            b'P' => error.position = text.parse().ok(),
            b'W' => error.where_ = Some(text),
            b's' => error.schema = Some(text),
            b't' => error.table = Some(text),
            b'c' => error.column = Some(text),
            b'n' => error.constraint = Some(text),
            _ => {}
        }
    }
    error
}

/// Reads the names of a `RowDescription`.
pub(crate) fn columns(mut body: Bytes) -> Result<Vec<String>, Unreadable> {
    let count = body.try_get_u16().map_err(|_| Unreadable)?;
    let mut names = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let end = body.iter().position(|byte| *byte == 0).ok_or(Unreadable)?;
        names.push(String::from_utf8_lossy(&body.split_to(end)).into_owned());
        // The NUL, then table, column, type, its size, its modifier and the format.
        if body.len() < 19 {
            return Err(Unreadable);
        }
        body.advance(19);
    }
    Ok(names)
}

/// Reads the values of a `DataRow`.
pub(crate) fn row(mut body: Bytes) -> Result<Vec<Option<String>>, Unreadable> {
    let count = body.try_get_u16().map_err(|_| Unreadable)?;
    let mut values = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let length = body.try_get_i32().map_err(|_| Unreadable)?;
        values.push(match usize::try_from(length) {
            Err(_) => None,
            Ok(length) if length <= body.len() => {
                Some(String::from_utf8_lossy(&body.split_to(length)).into_owned())
            }
            Ok(_) => return Err(Unreadable),
        });
    }
    Ok(values)
}

/// Reads the number of rows in a command's tag, such as `INSERT 0 3`.
pub(crate) fn affected(body: &Bytes) -> u64 {
    let text = String::from_utf8_lossy(body);
    let last = text.trim_end_matches('\0').rsplit(' ').next();
    last.and_then(|number| number.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_in_pieces() {
        let mut output = BytesMut::new();
        put(&mut output, b'C', |body| put_text(body, "SELECT 3"));
        let (first, second) = output.split_at(4);
        let mut input = BytesMut::from(first);
        assert!(take(&mut input).unwrap().is_none());
        input.extend_from_slice(second);
        let message = take(&mut input).unwrap().unwrap();
        assert_eq!((message.tag, affected(&message.body)), (b'C', 3));
        assert!(input.is_empty());
    }

    #[test]
    fn a_length_that_cannot_be_is_refused() {
        for length in [0u32, 3, u32::MAX] {
            let mut input = BytesMut::from(&b"Z"[..]);
            input.put_u32(length);
            assert!(take(&mut input).is_err(), "{length}");
        }
    }

    #[test]
    fn rows_and_their_names() {
        let mut description = BytesMut::new();
        description.put_u16(1);
        put_text(&mut description, "id");
        description.put_bytes(0, 18);
        assert_eq!(columns(description.freeze()).unwrap(), ["id"]);
        let mut data = BytesMut::new();
        data.put_u16(2);
        data.put_i32(1);
        data.put_slice(b"7");
        data.put_i32(-1);
        assert_eq!(row(data.clone().freeze()).unwrap(), [Some("7".to_owned()), None]);
        data.truncate(6);
        assert!(row(data.freeze()).is_err());
        assert!(columns(Bytes::from_static(b"\x00\x01id")).is_err());
    }

    #[test]
    fn an_error_has_its_fields() {
        let error = error(&Bytes::from_static(b"SFATAL\0C53300\0Mno more\0Dwhy\0\0"));
        assert_eq!((error.sqlstate.as_str(), error.message.as_str()), ("53300", "no more"));
        assert_eq!((error.severity.as_str(), error.detail.as_deref()), ("FATAL", Some("why")));
    }
}
