//! Streams as Bedrock sends them, frame by frame.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use outcrop_aws::eventstream::encode_event;
use outcrop_model::Fault;

use crate::prose::{Dice, quoted, words};

/// What Bedrock cuts its padding `p` from.
const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// Frames of a ConverseStream answer that are no delta.
const CONVERSE_FRAME: usize = 4;
/// Frames of a streamed InvokeModel answer of Claude that are no delta.
const INVOKE_FRAME: usize = 5;

/// A text answer of ConverseStream in `frames` frames, all but four of them deltas.
///
/// # Errors
/// Never: the frames are short.
pub fn converse(frames: usize) -> Result<Vec<Vec<u8>>, Fault> {
    let mut dice = Dice::new(4);
    let mut out = vec![frame("messageStart", r#"{"role":"assistant""#, &mut dice)?];
    for _ in CONVERSE_FRAME..frames {
        let piece = piece(&mut dice);
        let payload = format!(r#"{{"contentBlockIndex":0,"delta":{{"text":{piece}}}"#);
        out.push(frame("contentBlockDelta", &payload, &mut dice)?);
    }
    out.push(frame("contentBlockStop", r#"{"contentBlockIndex":0"#, &mut dice)?);
    out.push(frame("messageStop", r#"{"stopReason":"end_turn""#, &mut dice)?);
    let usage = r#"{"metrics":{"latencyMs":900},"usage":{"inputTokens":20,"outputTokens":400,"totalTokens":420}"#;
    out.push(frame("metadata", usage, &mut dice)?);
    Ok(out)
}

/// A text answer of Claude over InvokeModelWithResponseStream in `frames` frames, all but five of them
/// deltas.
///
/// # Errors
/// Never: the frames are short.
pub fn invoke(frames: usize) -> Result<Vec<Vec<u8>>, Fault> {
    let mut dice = Dice::new(5);
    let mut events = vec![
        r#"{"type":"message_start","message":{"model":"claude-sonnet-4-5-20250929","id":"msg_bdrk_0123456789abcdefghijkl","type":"message","role":"assistant","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":20,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":2}}}"#.to_owned(),
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#.to_owned(),
    ];
    for _ in INVOKE_FRAME..frames {
        let piece = piece(&mut dice);
        events.push(format!(
            r#"{{"type":"content_block_delta","index":0,"delta":{{"type":"text_delta","text":{piece}}}}}"#
        ));
    }
    events.push(r#"{"type":"content_block_stop","index":0}"#.to_owned());
    events.push(r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":400}}"#.to_owned());
    events.push(r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":20,"outputTokenCount":400,"invocationLatency":900,"firstByteLatency":300}}"#.to_owned());
    events.iter().map(|event| chunk(event, &mut dice)).collect()
}

fn chunk(event: &str, dice: &mut Dice) -> Result<Vec<u8>, Fault> {
    frame("chunk", &format!(r#"{{"bytes":"{}""#, STANDARD.encode(event)), dice)
}

/// Closes the payload with padding of some length, and frames it.
fn frame(event: &str, payload: &str, dice: &mut Dice) -> Result<Vec<u8>, Fault> {
    let padding = &PADDING[..dice.below(PADDING.len())];
    let mut out = Vec::new();
    encode_event(event, format!(r#"{payload},"p":"{padding}"}}"#).as_bytes(), &mut out)?;
    Ok(out)
}

/// The text of one delta: some tokens, as current models send them.
fn piece(dice: &mut Dice) -> String {
    let length = 4 + dice.below(24);
    let mut text = words(dice, length);
    if dice.below(8) == 0 {
        text.push('\n');
    }
    quoted(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use outcrop_aws::Decoder;

    #[test]
    fn streams_have_the_promised_frames() {
        for stream in [converse(200).unwrap(), invoke(200).unwrap()] {
            let mut decoder = Decoder::default();
            decoder.push(&stream.concat());
            assert_eq!((0..200).filter(|_| decoder.next().unwrap().is_some()).count(), 200);
            decoder.finish().unwrap();
        }
    }
}
