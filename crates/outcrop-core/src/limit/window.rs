//! Windows of limits, as numbered slots of time.
//!
//! 1. A rolling window is cut into [`PARTS`]; its sum takes in one part more than the window has, so that
//!    no stretch of the window's length ever holds more than the limit, wherever it begins. What was
//!    counted comes free up to one part late.
//! 2. A day, week or month is one slot: by the calendar in UTC, weeks from Monday.
//! 3. Requests in flight are one slot without end.
//! 4. A slot that is further ahead than clocks may differ does not count before its time, and what the
//!    clock of a day, week or month passes is kept for one more: a clock that was wrong for a while takes
//!    nothing away.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::Offset;
use outcrop_config::Window;

/// How finely a rolling window is cut: counters stay small, and what was counted is free again at most a
/// thirtieth of the window late.
const PARTS: u64 = 30;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// How far clocks of instances may differ, or one be set back: what was counted so far ahead counts already.
const AHEAD_MS: u64 = 2000;
/// The first Monday since 1970 began.
const FIRST_MONDAY: i64 = 4;

/// Where in a window a moment lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// The slot that counts what happens now.
    pub(super) slot: u64,
    /// The oldest slot that still counts.
    pub(super) oldest: u64,
    /// The newest that counts already.
    pub(super) newest: u64,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// Milliseconds of one part.
    Part(u64),
    /// Until then, in milliseconds since 1970.
    Period {
        ends: u64,
    },
    InFlight,
}

// === impl Span ===

impl Span {
    /// At `now`, in milliseconds since 1970.
    pub(super) fn at(window: Window, now: u64) -> Self {
        match window {
            Window::Rolling(length) => {
                let part = millis(length).div_ceil(PARTS).max(1);
                let slot = now / part;
                let newest = now.saturating_add(AHEAD_MS) / part;
                Self { slot, oldest: slot.saturating_sub(PARTS), newest, unit: Unit::Part(part) }
            }
            Window::Day => Self::period(now / DAY_MS, (now / DAY_MS + 1) * DAY_MS),
            Window::Week => {
                let week = (day(now) - FIRST_MONDAY).div_euclid(7);
                let ends = (week + 1) * 7 + FIRST_MONDAY;
                // No clock of a running machine is before 1970.
                Self::period(week.unsigned_abs(), ends.unsigned_abs() * DAY_MS)
            }
            Window::Month => {
                let today = civil(now);
                let month = today.year().unsigned_abs() as u64 * 12 + today.month() as u64 - 1;
                Self::period(month, start_of_next_month(today))
            }
        }
    }

    /// For requests in flight.
    pub(super) const IN_FLIGHT: Self = Self { slot: 0, oldest: 0, newest: 0, unit: Unit::InFlight };

    /// What was counted in `slot` of a window that ends at `ends`.
    pub(super) fn past(slot: u64, ends: u64) -> Self {
        Self::period(slot, ends)
    }

    fn period(slot: u64, ends: u64) -> Self {
        Self { slot, oldest: slot, newest: slot, unit: Unit::Period { ends } }
    }

    /// The oldest slot that is not forgotten.
    pub(super) fn kept(&self) -> u64 {
        match self.unit {
            Unit::Part(_) | Unit::InFlight => self.oldest,
            Unit::Period { .. } => self.oldest.saturating_sub(1),
        }
    }

    /// The same window with what came until `now`, where it moves with time.
    pub(super) fn until(self, now: u64) -> Self {
        match self.unit {
            Unit::Part(part) => Self { newest: self.newest.max(now / part), ..self },
            Unit::Period { .. } | Unit::InFlight => self,
        }
    }

    /// Tells windows of the calendar apart; of any stretch of time there is one that moves.
    pub(super) fn era(&self) -> u64 {
        match self.unit {
            Unit::Part(_) | Unit::InFlight => 0,
            Unit::Period { .. } => self.slot,
        }
    }

    pub(super) fn counts(&self, slot: u64) -> bool {
        (self.oldest..=self.newest).contains(&slot)
    }

    /// When `slot` stops counting, in milliseconds since 1970; `None` when nobody can tell.
    pub(super) fn gone(&self, slot: u64) -> Option<u64> {
        match self.unit {
            Unit::Part(part) => Some((slot + PARTS + 1).saturating_mul(part)),
            Unit::Period { ends } => Some(ends),
            Unit::InFlight => None,
        }
    }

    /// When `slot` may go from the file: of a day, week or month a day late, since a clock that is not set
    /// yet as the machine starts may have passed its end.
    pub(super) fn useless(&self, slot: u64) -> Option<u64> {
        match self.unit {
            Unit::Part(_) | Unit::InFlight => self.gone(slot),
            Unit::Period { ends } => Some(ends.saturating_add(DAY_MS)),
        }
    }

    pub(super) fn is_in_flight(&self) -> bool {
        self.unit == Unit::InFlight
    }

    /// Whether the window ends by the calendar: what is spent stays spent for long.
    pub(super) fn is_calendar(&self) -> bool {
        matches!(self.unit, Unit::Period { .. })
    }

    /// Whether it outlasts a restart: shorter windows are over before the process is up again.
    pub(super) fn is_kept(&self) -> bool {
        const SHORTEST_KEPT: u64 = 10_000;
        match self.unit {
            Unit::Part(part) => part * PARTS >= SHORTEST_KEPT,
            Unit::Period { .. } => true,
            Unit::InFlight => false,
        }
    }
}

/// How people call it.
pub(super) fn words(window: Window) -> String {
    let seconds = match window {
        Window::Rolling(length) => length.as_secs_f64(),
        Window::Day => return "day".to_owned(),
        Window::Week => return "week".to_owned(),
        Window::Month => return "month".to_owned(),
    };
    for (unit, length) in [("day", 86_400.0), ("hour", 3600.0), ("minute", 60.0), ("second", 1.0)] {
        let count = seconds / length;
        if count == 1.0 {
            return unit.to_owned();
        }
        if count >= 1.0 && count.fract() == 0.0 {
            return format!("{count} {unit}s");
        }
    }
    format!("{seconds} seconds")
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

fn day(now: u64) -> i64 {
    i64::try_from(now / DAY_MS).unwrap_or(i64::MAX)
}

/// The day in UTC; the last that there is for a clock beyond it.
fn civil(now: u64) -> Date {
    let moment = i64::try_from(now).ok().and_then(|now| Timestamp::from_millisecond(now).ok());
    moment.map_or(Date::MAX, |moment| Offset::UTC.to_datetime(moment).date())
}

fn start_of_next_month(today: Date) -> u64 {
    let (year, month) = match today.month() {
        12 => (today.year().saturating_add(1), 1),
        month => (today.year(), month + 1),
    };
    let first = date(year.min(9998), month, 1);
    let moment = Offset::UTC.to_timestamp(first.at(0, 0, 0, 0)).map(Timestamp::as_millisecond);
    moment.ok().and_then(|at| u64::try_from(at).ok()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> u64 {
        text.parse::<Timestamp>().unwrap().as_millisecond().unsigned_abs()
    }

    #[test]
    fn calendar_windows_end_by_the_calendar() {
        for (window, now, ends) in [
            (Window::Day, "2026-11-21T23:59:59.999Z", "2026-11-22T00:00:00Z"),
            (Window::Week, "2026-11-22T12:00:00Z", "2026-11-23T00:00:00Z"),
            (Window::Week, "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
            (Window::Month, "2026-12-31T23:00:00Z", "2027-01-01T00:00:00Z"),
            (Window::Month, "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
        ] {
            let span = Span::at(window, at(now));
            assert_eq!(span.gone(span.slot), Some(at(ends)), "{window:?} {now}");
            let next = Span::at(window, at(ends));
            assert!(next.oldest > span.slot, "{window:?} {now}");
        }
    }

    #[test]
    fn a_rolling_window_never_forgets_too_early() {
        for length in [1, 29, 1000, 60_000, 86_400_000] {
            let window = Window::Rolling(Duration::from_millis(length));
            for now in [0, 1, 12_345_678, 1_800_000_000_123] {
                let then = Span::at(window, now);
                assert!(Span::at(window, now + length).oldest <= then.slot, "{length} {now}");
                let gone = then.gone(then.slot).unwrap();
                assert!(Span::at(window, gone).oldest > then.slot, "{length} {now}");
                let part = length.div_ceil(PARTS).max(1);
                assert!(gone <= now + (PARTS + 1) * part, "{length} {now}");
            }
        }
    }

    #[test]
    fn windows_have_names() {
        let rolling = |seconds| Window::Rolling(Duration::from_secs(seconds));
        assert_eq!(words(rolling(1)), "second");
        assert_eq!(words(rolling(60)), "minute");
        assert_eq!(words(rolling(7200)), "2 hours");
        assert_eq!(words(rolling(90)), "90 seconds");
        assert_eq!(words(Window::Month), "month");
    }
}
