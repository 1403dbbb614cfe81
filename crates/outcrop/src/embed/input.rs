//! What is to be embedded: one document, one for each line or row, or one for each file.

use std::path::Path;

use serde_json::Value;

use crate::ask::attach;
use crate::ask::stdin::{self, Wanted};
use crate::cli::EmbedArgs;
use crate::exit::{Exit, Failure};

/// What gets a vector, or one for each chunk.
#[derive(Debug)]
pub struct Document {
    /// The file that it is from.
    pub source: Option<String>,
    pub content: Content,
}

#[derive(Debug)]
pub enum Content {
    Text(String),
    /// A data URL.
    Picture(String),
}

// === impl Document ===

impl Document {
    /// All of it, as what is asked for.
    pub fn whole(&self) -> &str {
        match &self.content {
            Content::Text(content) | Content::Picture(content) => content,
        }
    }
}

/// The documents, in order. With `--lines`, `--jsonl` and `--csv` there are as many as lines or rows, blank
/// ones too.
///
/// # Errors
/// A source that cannot be read, or lines that are not what they should be.
pub fn read(args: &EmbedArgs) -> anyhow::Result<Vec<Document>> {
    if let [folder, pattern] = &args.files[..] {
        return files(folder, pattern);
    }
    let document = whole(args)?;
    let (jsonl, csv) = (args.cut.jsonl.as_deref(), args.cut.csv.as_deref());
    if !args.cut.by_line() {
        return Ok(vec![document]);
    }
    let Content::Text(text) = &document.content else {
        return Err(Failure::new(Exit::Attachment, "A picture has no lines.").into());
    };
    let texts = match (jsonl, csv) {
        (Some(field), _) => {
            let lines = text.lines().enumerate();
            lines.map(|(at, line)| member(line, at + 1, field)).collect::<Result<Vec<_>, _>>()?
        }
        (None, Some(column)) => rows(text, column)?,
        (None, None) => text.lines().map(str::to_owned).collect(),
    };
    let source = &document.source;
    let document = |text: String| Document { source: source.clone(), content: Content::Text(text) };
    Ok(texts.into_iter().map(document).collect())
}

/// The file as one document.
pub fn file(path: &Path) -> anyhow::Result<Document> {
    let bytes = std::fs::read(path).map_err(|error| {
        Failure::new(Exit::Attachment, format!("Cannot read {}: {error}.", path.display()))
    })?;
    let name = path.display().to_string();
    Ok(Document { content: content(&name, bytes)?, source: Some(name) })
}

fn whole(args: &EmbedArgs) -> anyhow::Result<Document> {
    let text = args.text.join(" ");
    match &args.input_file {
        Some(path) if path != Path::new("-") => return file(path),
        None if text != "-" && !text.is_empty() => {
            return Ok(Document { source: None, content: Content::Text(text) });
        }
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
    Ok(Document { source: None, content: content("stdin", piped)? })
}

/// All files of the folder that fit, in the order of their names.
fn files(folder: &str, pattern: &str) -> anyhow::Result<Vec<Document>> {
    if !Path::new(folder).is_dir() {
        let what = format!("--files {folder}: there is no such folder.");
        return Err(Failure::new(Exit::Attachment, what).into());
    }
    let escaped = glob::Pattern::escape(folder.trim_end_matches('/'));
    let found = glob::glob(&format!("{escaped}/{pattern}")).map_err(|error| {
        let what = format!("--files {folder} {pattern}: {error}.");
        Failure::new(Exit::InvalidArgument, what)
    })?;
    let mut documents = Vec::new();
    for path in found {
        let path = path.map_err(|error| {
            Failure::new(Exit::Attachment, format!("Cannot read {}.", error.path().display()))
        })?;
        let within = path.strip_prefix(folder).unwrap_or(&path);
        if attach::is_meant(within, pattern) && path.is_file() {
            documents.push(file(&path)?);
        }
    }
    if documents.is_empty() {
        let what = format!("No file in {folder} fits {pattern}.");
        let mend = "`**/*.md` means: also in the folders therein.";
        return Err(Failure::new(Exit::Attachment, what).mend(mend).into());
    }
    Ok(documents)
}

/// Text as it is; a picture as a data URL.
fn content(name: &str, bytes: Vec<u8>) -> anyhow::Result<Content> {
    let is_pdf = bytes.starts_with(b"%PDF-");
    let bytes = match String::from_utf8(bytes) {
        Ok(text) if !is_pdf => return Ok(Content::Text(text)),
        Ok(text) => text.into_bytes(),
        Err(error) => error.into_bytes(),
    };
    let url = match is_pdf {
        true => None,
        false => attach::part(name, bytes)
            .ok()
            .and_then(|part| part["image_url"]["url"].as_str().map(str::to_owned)),
    };
    let kind = if is_pdf { "a PDF" } else { "neither text nor a picture" };
    url.map(Content::Picture).ok_or_else(|| {
        Failure::new(
            Exit::Attachment,
            format!("{name} is {kind}; vectors are of text and pictures."),
        )
        .mend("Take its text out first, for example with pdftotext.")
        .into()
    })
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

/// The texts of a column.
fn rows(text: &str, column: &str) -> anyhow::Result<Vec<String>> {
    let wrong = |error: csv::Error| {
        let what = match error.position() {
            Some(at) => format!("Line {}: this row is not as long as the head.", at.line()),
            None => format!("This is not CSV: {error}."),
        };
        Failure::new(Exit::Attachment, what)
    };
    let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let head = reader.headers().map_err(wrong)?.clone();
    let at = head.iter().position(|name| name.trim() == column).ok_or_else(|| {
        let names: Vec<&str> = head.iter().map(str::trim).collect();
        Failure::new(Exit::Attachment, format!("There is no column `{column}`."))
            .mend(format!("The head names {}.", names.join(", ")))
    })?;
    let text = |row: csv::Result<csv::StringRecord>| {
        Ok(row.map_err(wrong)?.get(at).unwrap_or_default().to_owned())
    };
    reader.records().map(text).collect()
}
