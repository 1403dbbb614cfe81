//! A fixture's request, planned for one model. Also a module of the acceptance tests, which show what
//! is sent to a second witness.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use outcrop_dialect::cache::CachePoints;
use outcrop_dialect::carry::Destination;
use outcrop_dialect::kong;
use outcrop_dialect::media;
use outcrop_dialect::plan::{Outgoing, Peeked};
use outcrop_dialect::responses::{Body, Recalled};
use outcrop_model::chat::CacheTtl;
use outcrop_model::{Carrier, Catalog, Fault, Fidelity, Ledger};

/// The `key: value` lines of `case.txt`.
pub type Settings = BTreeMap<String, String>;

pub fn settings(case: &str) -> Settings {
    let lines = case.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect()
}

/// The request of a case. With `media: fetched` its media have come: an address ends with the name of a
/// file of the case.
pub fn request(settings: &Settings, folder: &Path) -> Vec<u8> {
    let read = |file: &str| fs::read(folder.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    let body = read("request.json");
    match settings.get("media").map(String::as_str) {
        None => body,
        Some("fetched") => {
            let places = media::wanted(&body).unwrap().places;
            let name = |url: &str| url.rsplit('/').next().unwrap_or_default().to_owned();
            let files: Vec<Vec<u8>> = places.iter().map(|place| read(&name(&place.url))).collect();
            media::put(&body, &places, |i| places[i].identify(&files[i], None).unwrap())
        }
        Some(other) => panic!("media are fetched or not, never {other}"),
    }
}

/// Plans `body` as the dialect of the settings says, for the model `id`.
pub fn plan(
    settings: &Settings,
    body: &[u8],
    id: &str,
    ledger: &mut Ledger,
) -> Result<Outgoing, Fault> {
    let setting = |key: &str| settings.get(key).map(String::as_str).unwrap_or_default();
    let recalled = Recalled::default();
    let prepared;
    let peeked = match setting("dialect") {
        "openai" => Peeked::openai(body)?,
        "text" => Peeked::completion(body)?,
        "responses" => Peeked::responses(Body::read(body)?, &recalled, body.len())?,
        "anthropic" => {
            let betas = setting("betas").split_whitespace().map(Cow::Borrowed).collect();
            Peeked::anthropic(body, betas)?
        }
        "kong" => {
            prepared = kong::prepare(body)?;
            prepared.peek(Vec::new())?
        }
        other => panic!("no dialect is called `{other}`"),
    };
    let pin = settings.get("carrier").map(|word| carrier(word));
    let to = Destination::of(Catalog::built_in(), id).pinned(pin);
    let to = to.caching(settings.get("cache").map(|text| cache(text)));
    let outgoing = peeked.plan(to, ledger)?;
    ledger.verdict(Fidelity::Report)?;
    Ok(outgoing)
}

/// `cache: system tools message=1 ttl=1h`, in prompts of any length.
fn cache(text: &str) -> CachePoints {
    let is_set = |word: &str| text.split_whitespace().any(|one| one == word);
    let message = text.split_whitespace().find_map(|one| one.strip_prefix("message="));
    CachePoints {
        system: is_set("system"),
        tools: is_set("tools"),
        message: message.map(|offset| offset.parse().unwrap()),
        min_tokens: 0,
        ttl: if is_set("ttl=1h") { CacheTtl::OneHour } else { CacheTtl::Default },
    }
}

fn carrier(word: &str) -> Carrier {
    let mut all = Carrier::PINS.into_iter();
    all.find(|carrier| carrier.as_str() == word).unwrap_or_else(|| panic!("no carrier is `{word}`"))
}
