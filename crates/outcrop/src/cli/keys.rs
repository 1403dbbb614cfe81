//! The flags of `outcrop keys`.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use outcrop_config::SurfaceWord;
use outcrop_core::admit::Kind;

const EXAMPLES: &str = "\
Examples:
  outcrop keys create alice --store keys.toml --owner 'Search team' --expires 90d
  outcrop keys create nightly --store keys.toml --model 'amazon.nova-*' --surface chat_completions
  outcrop keys create boto --store keys.toml --kind aws-pair
  outcrop keys rotate alice --store keys.toml --grace 7d
  outcrop serve --keys keys.toml";

/// Make, list and take back the keys that clients show to the gateway (docs/guide/client-keys.md).
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct KeysArgs {
    #[command(subcommand)]
    pub verb: KeysVerb,
}

#[derive(Debug, Subcommand)]
pub enum KeysVerb {
    /// Make a key and print its secret, this once.
    Create(CreateArgs),
    /// Show the keys, without their secrets.
    List(ListArgs),
    /// Take a key back; a running gateway refuses it within a second or two.
    Revoke(RevokeArgs),
    /// Make a new secret for a key; the old one is valid for a while yet.
    Rotate(RotateArgs),
}

/// Where the keys are.
#[derive(Debug, Args)]
pub struct StoreFile {
    /// The file of keys, which `outcrop serve --keys` reads.
    #[arg(long, alias = "keys", env = "OUTCROP_KEYS", value_name = "FILE")]
    pub store: PathBuf,
}

#[derive(Debug, Args)]
pub struct CreateArgs {
    /// Name of the key, in logs and limits.
    #[arg(value_parser = name)]
    pub name: String,
    #[command(flatten)]
    pub file: StoreFile,
    /// What sort of key.
    #[arg(long, value_enum, default_value_t = KindWord::Token)]
    pub kind: KindWord,
    /// Whose it is.
    #[arg(long, value_name = "TEXT")]
    pub owner: Option<String>,
    /// Tag, in logs and for limits; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = tag)]
    pub tag: Vec<(String, String)>,
    /// Until when it is valid: a time from now (90d, 12h), a date or a time.
    #[arg(long, value_name = "WHEN", value_parser = when)]
    pub expires: Option<SystemTime>,
    /// Model that it is for, by id or name, with `*` for any run of characters; may be given several
    /// times [default: all].
    #[arg(long, value_name = "PATTERN")]
    pub model: Vec<String>,
    /// Route that it is for; may be given several times [default: all].
    #[arg(long, value_name = "NAME")]
    pub route: Vec<String>,
    /// Surface that it is for, such as messages or bedrock; may be given several times [default: all].
    #[arg(long, value_name = "SURFACE")]
    pub surface: Vec<SurfaceWord>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    pub file: StoreFile,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// Name of the key.
    pub name: String,
    #[command(flatten)]
    pub file: StoreFile,
}

#[derive(Debug, Args)]
pub struct RotateArgs {
    /// Name of the key.
    pub name: String,
    #[command(flatten)]
    pub file: StoreFile,
    /// How long the old secret stays valid; 0s ends it at once.
    #[arg(long, default_value = "24h", value_name = "DURATION", value_parser = duration)]
    pub grace: Duration,
    /// Until when the new one is valid [default: as the old one was].
    #[arg(long, value_name = "WHEN", value_parser = when)]
    pub expires: Option<SystemTime>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum KindWord {
    /// For `Authorization: Bearer` and `x-api-key`.
    Token,
    /// An access key id and its secret, with which AWS's SDKs sign.
    AwsPair,
}

impl From<KindWord> for Kind {
    fn from(word: KindWord) -> Self {
        match word {
            KindWord::Token => Kind::Token,
            KindWord::AwsPair => Kind::Pair,
        }
    }
}

fn name(text: &str) -> Result<String, String> {
    let is_name =
        !text.is_empty() && text.len() <= 100 && text.chars().all(|c| c.is_ascii_graphic());
    match is_name {
        true => Ok(text.to_owned()),
        false => Err("a name is up to 100 letters, digits and signs, without spaces".to_owned()),
    }
}

pub(super) fn tag(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "a tag is NAME=VALUE".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a duration is a number and s, m, h, d or w, such as 90d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return Err(wrong()),
    };
    let number: u64 = text.strip_suffix(unit).unwrap_or_default().parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(|| "too long".to_owned())
}

/// A time from now, the beginning of a day in UTC, or a time.
fn when(text: &str) -> Result<SystemTime, String> {
    if let Ok(duration) = duration(text) {
        let at = SystemTime::now().checked_add(duration);
        return at
            .filter(|at| Timestamp::try_from(*at).is_ok())
            .ok_or_else(|| "too far".to_owned());
    }
    let day = text.parse::<Date>().ok().filter(|_| text.len() == 10);
    let midnight = day.and_then(|day| day.to_zoned(TimeZone::UTC).ok()).map(|day| day.timestamp());
    let at = midnight.or_else(|| text.parse::<Timestamp>().ok());
    at.map(SystemTime::from).ok_or_else(|| {
        "neither a time from now (90d) nor a date (2027-01-31) nor a time (2027-01-31T12:00:00Z)"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_from_now_or_fixed() {
        let at = |text: &str| Timestamp::try_from(when(text).unwrap()).unwrap().to_string();
        assert_eq!(at("2027-01-31"), "2027-01-31T00:00:00Z");
        assert_eq!(at("2027-01-31T12:00:00+02:00"), "2027-01-31T10:00:00Z");
        assert!(when("90d").unwrap() > SystemTime::now());
        for wrong in ["", "d", "1y", "soon", "2027-13-01", "99999999999999w", "-1d"] {
            assert!(when(wrong).is_err(), "{wrong}");
        }
    }
}
