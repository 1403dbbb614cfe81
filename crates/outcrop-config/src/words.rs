//! Words for values: durations, money, and the nearest of several names.

use std::time::{Duration, SystemTime};

use outcrop_model::{PicoUsd, Units};

/// Reads `500ms`, `30s`, `1m30s`, `1h 30m`.
///
/// # Errors
/// Says what a duration looks like.
pub fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text.trim()).map_err(|_| {
        format!("`{text}` is no duration: write a number and a unit, such as 500ms, 30s, 5m or 1h")
    })
}

/// Reads `2027-01-31T00:00:00Z`.
///
/// # Errors
/// Says what a time looks like.
pub fn time(text: &str) -> Result<SystemTime, String> {
    humantime::parse_rfc3339(text.trim())
        .map_err(|_| format!("`{text}` is no point in time: write it as 2027-01-31T00:00:00Z"))
}

/// Reads dollars: `$20`, `20 usd`, `0.5 USD`.
///
/// # Errors
/// Says what an amount of money looks like.
pub fn money(text: &str) -> Result<PicoUsd, String> {
    let wrong = || format!("`{text}` is no amount of money: write dollars, such as $20 or 0.5 usd");
    let trimmed = text.trim();
    let lower = trimmed.to_ascii_lowercase();
    let number = trimmed
        .strip_prefix('$')
        .or_else(|| lower.strip_suffix("usd"))
        .ok_or_else(wrong)?
        .trim()
        .replace('_', "");
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, "0"));
    let dollars: u64 = whole.parse().map_err(|_| wrong())?;
    let fraction = PicoUsd::per_unit(&format!("0.{fraction}"), Units::One).map_err(|_| wrong())?;
    Ok(PicoUsd::new(u128::from(dollars) * 1_000_000_000_000 + fraction.get()))
}

/// Whether `text` can be a header's name.
pub fn is_header_name(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(good)
}

/// `token`, if a header that is read as text can have it.
///
/// # Errors
/// Says that none can.
pub fn sendable<T: AsRef<str>>(token: T) -> Result<T, String> {
    let fits = |byte: u8| byte == b' ' || byte == b'\t' || byte.is_ascii_graphic();
    match token.as_ref().bytes().all(fits) {
        true => Ok(token),
        false => {
            Err("no client can send this token: it has more than ASCII, or several lines"
                .to_owned())
        }
    }
}

/// The name among `known` that `word` was probably meant to be.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    // A third of the letters may differ; a swap counts once.
    let most = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&word, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The name, or the first with a number after it that nobody has.
pub fn free(name: &str, before_number: char, is_taken: impl Fn(&str) -> bool) -> String {
    let mut free = name.to_owned();
    let mut number = 1;
    while is_taken(&free) {
        number += 1;
        free = format!("{name}{before_number}{number}");
    }
    free
}

/// "did you mean", or the names there are.
pub fn instead<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    /// More than these nobody reads.
    const FEW: usize = 24;
    if let Some(name) = nearest(word, known.clone()) {
        return Some(format!("did you mean `{name}`?"));
    }
    let known: Vec<&str> = known.into_iter().collect();
    match known.len() {
        0 => None,
        1..=FEW => Some(format!("there is {}", known.join(", "))),
        all => Some(format!("there is {} and {} more", known[..FEW].join(", "), all - FEW)),
    }
}
