//! What is piped in.
//!
//! 1. Data that comes is never dropped in silence: it is attached, or refused with the reason.
//! 2. A stdin that is open and says nothing, as jobs and tools leave it, does not hold up a question
//!    that was asked by argument; it is told that nothing was read. `-` waits for it.

use std::io::{IsTerminal, Read};
use std::sync::mpsc;
use std::time::Duration;

use crate::exit::{Exit, Failure};

/// Most bytes that are taken: no request to Bedrock is larger.
const MOST: usize = 25_000_000;
/// How long a question waits for the first byte of a stdin that nobody named: `curl` and the like begin
/// within this time.
const PATIENCE: Duration = Duration::from_secs(3);

/// How much stdin matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// It was asked for: wait as long as it takes.
    Surely,
    /// If there is something.
    IfAny,
}

/// All of stdin; `None` where there is none (a terminal, or [`Wanted::IfAny`] and silence).
///
/// # Errors
/// Too much, or unreadable.
pub fn read(wanted: Wanted) -> anyhow::Result<Option<Vec<u8>>> {
    if wanted == Wanted::IfAny && std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let (sender, receiver) = mpsc::sync_channel::<std::io::Result<Vec<u8>>>(4);
    std::thread::spawn(move || pump(&sender));
    let mut read = Vec::new();
    let first = match wanted {
        Wanted::Surely => receiver.recv().ok(),
        Wanted::IfAny => match receiver.recv_timeout(PATIENCE) {
            Err(mpsc::RecvTimeoutError::Timeout) => {
                note!("note: stdin is open but says nothing; going on without it (use - to wait)");
                return Ok(None);
            }
            first => first.ok(),
        },
    };
    let mut next = first;
    while let Some(chunk) = next {
        let chunk = chunk
            .map_err(|e| Failure::new(Exit::Attachment, format!("Cannot read stdin: {e}.")))?;
        if read.len() + chunk.len() > MOST {
            let what = format!("Stdin holds more than {MOST} bytes, the most that Bedrock takes.");
            return Err(Failure::new(Exit::Attachment, what)
                .mend("Send a part of it, for example with head -c.")
                .into());
        }
        read.extend_from_slice(&chunk);
        next = receiver.recv().ok();
    }
    Ok((!read.is_empty()).then_some(read))
}

/// Hands on what comes until it ends; a reader that has gone is as good an end.
fn pump(sender: &mpsc::SyncSender<std::io::Result<Vec<u8>>>) {
    let mut stdin = std::io::stdin().lock();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let sent = match stdin.read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => sender.send(Ok(buffer[..read].to_vec())),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => {
                // Whoever listens stops at it.
                let _listener_may_be_gone = sender.send(Err(error));
                return;
            }
        };
        if sent.is_err() {
            return;
        }
    }
}
