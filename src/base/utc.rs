//! Moments as people write them.

use std::time::{SystemTime, UNIX_EPOCH};

/// A moment in UTC, as RFC 3339 writes it: `2026-11-24T10:30:00Z`.
pub fn rfc3339(at: SystemTime) -> String {
    // Clocks before 1970 are broken; they count as 1970.
    let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = date(seconds / 86_400);
    let second = seconds % 86_400;
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{:02}Z", second % 60)
}

/// The beginning of a day in UTC, written `2026-11-24`. `None`: it is no day
/// of this calendar since 1970.
pub fn day(text: &str) -> Option<SystemTime> {
    let mut parts = text.split('-');
    let mut number = |digits: usize| {
        let part = parts.next()?;
        let is_plain = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u64>().ok().filter(|_| is_plain)
    };
    let wanted = (number(4)?, number(2)?, number(2)?);
    if parts.next().is_some() || wanted.0 < 1970 {
        return None;
    }
    // No year is longer than 366 days, and no month than 31.
    let first = (wanted.0 - 1970) * 365;
    let days = (first..=(wanted.0 - 1969) * 366).find(|days| date(*days) == wanted)?;
    UNIX_EPOCH.checked_add(std::time::Duration::from_secs(days * 86_400))
}

/// Year, month and day of the Gregorian calendar, `days` after 1970-01-01.
///
/// Years are counted from March, so that a leap day is the last day of its
/// year, in cycles of 400 years, which all have 146,097 days.
fn date(days: u64) -> (u64, u64, u64) {
    // 0000-03-01 lies 719,468 days before 1970-01-01.
    let days = days.saturating_add(719_468);
    let (cycle, of_cycle) = (days / 146_097, days % 146_097);
    let year = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
    let of_year = of_cycle - (365 * year + year / 4 - year / 100);
    // Months from March on have 153 days in each five.
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (cycle * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn moments() {
        // From `date -u -d @SECONDS`.
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_795_516_200, "2026-11-24T10:30:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ];
        for (seconds, want) in cases {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), want);
        }
        assert_eq!(rfc3339(UNIX_EPOCH - Duration::from_secs(5)), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn days() {
        let cases = [
            ("1970-01-01", Some(0)),
            ("2000-02-29", Some(951_782_400)),
            ("2100-03-01", Some(4_107_542_400)),
            ("2100-02-29", None),
            ("2026-13-01", None),
            ("1969-12-31", None),
            ("2026-1-1", None),
            ("yesterday", None),
        ];
        for (text, want) in cases {
            assert_eq!(day(text), want.map(|at| UNIX_EPOCH + Duration::from_secs(at)), "{text}");
        }
    }
}
