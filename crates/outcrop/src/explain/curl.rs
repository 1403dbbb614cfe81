//! A request as a line of curl writes it.

use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Uri};

/// What the line asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    pub method: Method,
    pub path: String,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: String,
}

/// Options that only say how curl itself behaves.
const FLAGS: &str = "sSvNikLfg#";
const LONG_FLAGS: [&str; 11] = [
    "--silent",
    "--show-error",
    "--verbose",
    "--no-buffer",
    "--include",
    "--insecure",
    "--location",
    "--compressed",
    "--fail",
    "--fail-with-body",
    "--no-progress-meter",
];
/// Options with a value: their letter, and their name.
const VALUED: [(char, &str); 6] = [
    ('X', "--request"),
    ('H', "--header"),
    ('d', "--data"),
    ('o', "--output"),
    ('m', "--max-time"),
    ('w', "--write-out"),
];

impl std::str::FromStr for Asked {
    type Err = String;

    /// Reads the options that say what is sent; others that curl has are refused, unless they only say how
    /// curl itself behaves.
    fn from_str(line: &str) -> Result<Self, String> {
        let line = line.replace("\\\n", " ");
        let words = shlex::split(&line).ok_or("a quote is not closed")?;
        let mut words = words.into_iter();
        if words.next().as_deref() != Some("curl") {
            return Err("it begins with `curl`".to_owned());
        }
        let (mut method, mut url, mut headers, mut data) = (None, None, Vec::new(), Vec::new());
        while let Some(word) = words.next() {
            let Some((option, attached)) = option(&word)? else { continue };
            let value = || {
                let value = attached.or_else(|| words.next());
                value.ok_or_else(|| format!("`{word}` needs a value"))
            };
            match option {
                "--request" => {
                    let word = value()?;
                    method = Some(word.parse().map_err(|_| format!("`{word}` is no method"))?);
                }
                "--header" => headers.push(super::header_line(&value()?)?),
                "--data-raw" => data.push(value()?),
                "--data" | "--data-binary" | "--json" => data.push(written(value()?)?),
                "--url" => url = Some(value()?),
                "--output" | "--max-time" | "--write-out" => drop(value()?),
                other if other.starts_with('-') => return Err(not_read(other)),
                _ => url = Some(word),
            }
        }
        let url = url.and_then(|url| address(&url));
        let url =
            url.ok_or("there is no address in it, such as http://127.0.0.1:8080/v1/messages")?;
        if let Some(host) =
            url.authority().filter(|_| !headers.iter().any(|(name, _)| name == HOST))
        {
            // Who logs in stands before the host, and not in the header.
            let host = host.as_str().rsplit('@').next().unwrap_or_default();
            headers.push((HOST, host.parse().map_err(|_| format!("`{host}` is no host"))?));
        }
        let default = if data.is_empty() { Method::GET } else { Method::POST };
        Ok(Self {
            method: method.unwrap_or(default),
            path: url.path_and_query().map_or("/", PathAndQuery::as_str).to_owned(),
            headers,
            body: data.join("&"),
        })
    }
}

/// The long name of the option that a word has, and the value in it; or the word itself, where it is none.
/// `None` where all in it says only how curl behaves.
fn option(word: &str) -> Result<Option<(&str, Option<String>)>, String> {
    if word.starts_with("--") || !word.starts_with('-') {
        return Ok((!LONG_FLAGS.contains(&word)).then_some((word, None)));
    }
    for (at, letter) in word.char_indices().skip(1) {
        if FLAGS.contains(letter) {
            continue;
        }
        let valued = VALUED.into_iter().find(|(known, _)| *known == letter);
        let (_, name) = valued.ok_or_else(|| not_read(&format!("-{letter}")))?;
        let rest = &word[at + letter.len_utf8()..];
        return Ok(Some((name, Some(rest.to_owned()).filter(|rest| !rest.is_empty()))));
    }
    Ok(None)
}

fn not_read(option: &str) -> String {
    format!("`{option}` is no option that is read here")
}

/// curl takes an address without a scheme for one of http.
fn address(text: &str) -> Option<Uri> {
    match text.contains("://") {
        true => text.parse().ok(),
        false => format!("http://{text}").parse().ok(),
    }
}

/// The data itself, or that of the file that `@` names.
fn written(data: String) -> Result<String, String> {
    match data.strip_prefix('@') {
        Some(file) => {
            std::fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"))
        }
        None => Ok(data),
    }
}
