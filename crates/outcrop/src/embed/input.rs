//! What is to be embedded: one text, or one for each line.

use std::path::Path;

use serde_json::Value;

use crate::ask::attach;
use crate::ask::stdin::{self, Wanted};
use crate::cli::EmbedArgs;
use crate::exit::{Exit, Failure};

/// The texts, in order. With `--lines` and `--jsonl` there are as many as lines, blank ones too.
///
/// # Errors
/// A source that cannot be read, or lines that are not what they should be.
pub fn read(args: &EmbedArgs) -> anyhow::Result<Vec<String>> {
    let text = whole(args)?;
    match &args.cut.jsonl {
        Some(field) => {
            text.lines().enumerate().map(|(at, line)| member(line, at + 1, field)).collect()
        }
        None if args.cut.lines => Ok(text.lines().map(str::to_owned).collect()),
        None => Ok(vec![text]),
    }
}

fn whole(args: &EmbedArgs) -> anyhow::Result<String> {
    let text = args.text.join(" ");
    match &args.input_file {
        Some(path) if path != Path::new("-") => return attach::text_of(path),
        None if text != "-" && !text.is_empty() => return Ok(text),
        Some(_) | None => {}
    }
    use std::io::IsTerminal;
    let nothing = || {
        Failure::new(Exit::Usage, "There is no text.")
            .mend("Say it, as in: outcrop embed \"Some text\", or name a file with -i.")
    };
    if args.input_file.is_none() && text.is_empty() && std::io::stdin().is_terminal() {
        return Err(nothing().into());
    }
    let piped = stdin::read(Wanted::Surely)?.ok_or_else(nothing)?;
    String::from_utf8(piped)
        .map_err(|_| Failure::new(Exit::Attachment, "Stdin is not text.").into())
}

/// The text under `field`; a blank line has none.
fn member(line: &str, number: usize, field: &str) -> anyhow::Result<String> {
    if line.trim().is_empty() {
        return Ok(String::new());
    }
    let wrong = |what: &str| {
        Failure::new(Exit::Attachment, format!("Line {number}: {what}."))
            .mend("--jsonl wants one JSON object a line.")
    };
    let object: Value = serde_json::from_str(line).map_err(|_| wrong("this is not JSON"))?;
    match object.get(field) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err(wrong(&format!("the member `{field}` is no text")).into()),
        None => Err(wrong(&format!("there is no member `{field}`")).into()),
    }
}
