//! Moments as people write them.

use std::time::{SystemTime, UNIX_EPOCH};

/// A moment in UTC, fit for names of files: `20261124T103000Z`.
pub fn compact(at: SystemTime) -> String {
    // Clocks before 1970 are broken; they count as 1970.
    let seconds = at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = date(seconds / 86_400);
    let second = seconds % 86_400;
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{:02}Z", second % 60)
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
            (0, "19700101T000000Z"),
            (951_782_399, "20000228T235959Z"),
            (951_782_400, "20000229T000000Z"),
            (1_709_251_199, "20240229T235959Z"),
            (1_795_516_200, "20261124T103000Z"),
            (4_107_542_400, "21000301T000000Z"),
        ];
        for (seconds, want) in cases {
            assert_eq!(compact(UNIX_EPOCH + Duration::from_secs(seconds)), want);
        }
        assert_eq!(compact(UNIX_EPOCH - Duration::from_secs(5)), "19700101T000000Z");
    }
}
