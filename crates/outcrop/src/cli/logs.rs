//! The flags of `outcrop logs` and `outcrop usage`.

use clap::Args;

use crate::history::By;

pub const LOGS_EXAMPLES: &str = "\
Examples:
  outcrop logs                           what was asked last
  outcrop logs 12                        turn 12, question and answer
  outcrop logs --search \"error budget\" --since 7d
  outcrop logs -r                        the last answer again
  outcrop logs -x > script.sh            its last block of code
  outcrop logs -n 0 --csv > all.csv";

pub const USAGE_EXAMPLES: &str = "\
Examples:
  outcrop usage                          tokens and dollars by day
  outcrop usage --by model --since 30d
  outcrop usage --by session --csv
  outcrop usage --by key --json";

/// What was asked and answered.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Show this turn whole.
    #[arg(value_name = "ID")]
    pub turn: Option<i64>,
    /// How many turns, the newest last; 0 is all.
    #[arg(short = 'n', long, default_value_t = 20, value_name = "N")]
    pub count: u32,
    /// Only turns whose question or answer hold all of these words.
    #[arg(long, value_name = "WORDS")]
    pub search: Option<String>,
    /// Only of models whose name holds this.
    #[arg(short, long, value_name = "MODEL")]
    pub model: Option<String>,
    /// Only of this session.
    #[arg(long, value_name = "NAME")]
    pub session: Option<String>,
    /// Only since then: 90m, 12h, 7d, 2w, a day (2026-11-26) or a time (2026-11-26T08:00:00Z).
    #[arg(long, value_name = "WHEN", value_parser = since)]
    pub since: Option<i64>,
    /// The last answer alone.
    #[arg(short, long, conflicts_with_all = ["json", "csv", "extract"])]
    pub response: bool,
    /// The last block of code of the last answer alone.
    #[arg(short = 'x', long, conflicts_with_all = ["json", "csv"])]
    pub extract: bool,
    /// All that is known of each turn, as JSON.
    #[arg(short, long, conflicts_with = "csv")]
    pub json: bool,
    /// As CSV.
    #[arg(long)]
    pub csv: bool,
    /// Tokens, cost and time too.
    #[arg(short, long)]
    pub usage: bool,
}

/// What it took.
#[derive(Debug, Args)]
pub struct UsageArgs {
    /// What to sum by.
    #[arg(long, value_enum, default_value_t = By::Day)]
    pub by: By,
    /// Only since then: 90m, 12h, 7d, 2w, a day (2026-11-26) or a time (2026-11-26T08:00:00Z).
    #[arg(long, value_name = "WHEN", value_parser = since)]
    pub since: Option<i64>,
    /// As JSON.
    #[arg(short, long, conflicts_with = "csv")]
    pub json: bool,
    /// As CSV.
    #[arg(long)]
    pub csv: bool,
}

/// Milliseconds since 1970 of a time, or of so long ago.
fn since(text: &str) -> Result<i64, String> {
    let wrong = || "write 90m, 12h, 7d, 2w, a day as 2026-11-26 or a time of UTC".to_owned();
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(time.as_millisecond());
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        let begin = day.to_zoned(jiff::tz::TimeZone::UTC).map_err(|_| wrong())?;
        return Ok(begin.timestamp().as_millisecond());
    }
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return Err(wrong()),
    };
    let count: i64 = text.trim_end_matches(unit).parse().map_err(|_| wrong())?;
    let ago = count.checked_mul(seconds * 1000).filter(|ago| *ago >= 0).ok_or_else(wrong)?;
    Ok(jiff::Timestamp::now().as_millisecond().saturating_sub(ago))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_in_several_ways() {
        let now = jiff::Timestamp::now().as_millisecond();
        assert_eq!(since("1970-01-02"), Ok(86_400_000));
        assert_eq!(since("1970-01-01T00:00:01Z"), Ok(1000));
        assert!(since("2w").unwrap() <= now - 14 * 86_400_000 + 60_000);
        for wrong in ["", "x", "d", "-1d", "7y", "99999999999999999999d", "2026-13-01"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
