//! A request as a line of curl writes it.

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
            let mut value = || words.next().ok_or_else(|| format!("`{word}` needs a value"));
            match word.as_str() {
                "-X" | "--request" => {
                    let word = value()?;
                    method = Some(word.parse().map_err(|_| format!("`{word}` is no method"))?);
                }
                "-H" | "--header" => headers.push(super::header_line(&value()?)?),
                "--data-raw" => data.push(value()?),
                "-d" | "--data" | "--data-binary" | "--json" => data.push(written(value()?)?),
                "--url" => url = Some(value()?),
                "-s" | "-S" | "-sS" | "-v" | "-N" | "-i" | "-k" | "-L" | "--silent"
                | "--show-error" | "--verbose" | "--no-buffer" | "--include" | "--insecure"
                | "--location" | "--compressed" => {}
                other if other.starts_with('-') => {
                    return Err(format!("`{other}` is no option that is read here"));
                }
                _ => url = Some(word),
            }
        }
        let url: Uri = url
            .and_then(|url| url.parse().ok())
            .ok_or("there is no address in it, such as http://127.0.0.1:8080/v1/messages")?;
        let default = if data.is_empty() { Method::GET } else { Method::POST };
        Ok(Self {
            method: method.unwrap_or(default),
            path: url.path_and_query().map_or("/", PathAndQuery::as_str).to_owned(),
            headers,
            body: data.join("&"),
        })
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
