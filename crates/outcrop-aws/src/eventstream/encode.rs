//! The other direction: one frame from headers and a payload.
//!
//! 1. What [`encode`] writes, [`Decoder`](super::Decoder) reads back.
//! 2. On an error nothing has been appended.

use outcrop_model::{ErrorClass, Fault, Phase};

use super::{LARGEST_MAX_FRAME, MAX_HEADERS, PRELUDE, TRAILER, Value};

/// Appends one frame to `out`.
///
/// # Errors
/// [`ErrorClass::Internal`] if a name, a value or the whole exceeds what the format can hold.
pub fn encode(
    headers: &[(&str, Value<'_>)],
    payload: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let start = out.len();
    let result = append(headers, payload, out);
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// Appends an `:message-type: event` frame with a JSON payload.
///
/// # Errors
/// As [`encode`].
pub fn encode_event(name: &str, json_payload: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let headers = [
        (":event-type", Value::String(name)),
        (":content-type", Value::String("application/json")),
        (":message-type", Value::String("event")),
    ];
    encode(&headers, json_payload, out)
}

/// Appends an `:message-type: exception` frame: the way a Bedrock stream ends in failure. `name` is
/// in lowerCamel (`throttlingException`): SDKs lose the code of any other spelling.
///
/// # Errors
/// As [`encode`].
pub fn encode_exception(name: &str, json_payload: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let headers = [
        (":exception-type", Value::String(name)),
        (":content-type", Value::String("application/json")),
        (":message-type", Value::String("exception")),
    ];
    encode(&headers, json_payload, out)
}

fn append(headers: &[(&str, Value<'_>)], payload: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let start = out.len();
    out.extend_from_slice(&[0; PRELUDE]);
    for (name, value) in headers {
        append_header(name, value, out)?;
    }
    let headers_length = out.len() - start - PRELUDE;
    let total = PRELUDE + headers_length + payload.len() + TRAILER;
    if headers_length > MAX_HEADERS || total > LARGEST_MAX_FRAME {
        return Err(too_long("the frame"));
    }
    let (Ok(total), Ok(headers_length)) = (u32::try_from(total), u32::try_from(headers_length))
    else {
        return Err(too_long("the frame"));
    };
    out[start..start + 4].copy_from_slice(&total.to_be_bytes());
    out[start + 4..start + 8].copy_from_slice(&headers_length.to_be_bytes());
    let prelude_crc = crc32fast::hash(&out[start..start + 8]);
    out[start + 8..start + PRELUDE].copy_from_slice(&prelude_crc.to_be_bytes());
    out.extend_from_slice(payload);
    let crc = crc32fast::hash(&out[start..]);
    out.extend_from_slice(&crc.to_be_bytes());
    Ok(())
}

fn append_header(name: &str, value: &Value<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
    let length = u8::try_from(name.len())
        .ok()
        .filter(|length| *length > 0)
        .ok_or_else(|| too_long("a header's name"))?;
    out.push(length);
    out.extend_from_slice(name.as_bytes());
    match *value {
        Value::Bool(true) => out.push(0),
        Value::Bool(false) => out.push(1),
        Value::Int8(value) => append_typed(2, &value.to_be_bytes(), out),
        Value::Int16(value) => append_typed(3, &value.to_be_bytes(), out),
        Value::Int32(value) => append_typed(4, &value.to_be_bytes(), out),
        Value::Int64(value) => append_typed(5, &value.to_be_bytes(), out),
        Value::Bytes(bytes) => append_counted(6, bytes, out)?,
        Value::String(text) => append_counted(7, text.as_bytes(), out)?,
        Value::Timestamp(millis) => append_typed(8, &millis.to_be_bytes(), out),
        Value::Uuid(uuid) => append_typed(9, &uuid, out),
    }
    Ok(())
}

fn append_typed(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend_from_slice(bytes);
}

fn append_counted(kind: u8, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let length = u16::try_from(bytes.len()).map_err(|_| too_long("a header's value"))?;
    append_typed(kind, &length.to_be_bytes(), out);
    out.extend_from_slice(bytes);
    Ok(())
}

fn too_long(what: &str) -> Fault {
    Fault::new(ErrorClass::Internal, Phase::Streaming, "the gateway could not frame an event")
        .with_detail(format!("event stream: {what} is empty or longer than the format allows"))
}
