//! Spans and points of time.

use std::time::Duration;

use super::object::Object;
use crate::variables::read::Level;
use crate::variables::value::{Value, ValueKind};

/// Seconds in a day.
const DAY: i64 = 86_400;

/// `Duration`: `1.5s`.
pub(super) fn duration(
    object: &Object<'_, '_, '_, '_, '_>,
    _level: Level,
) -> Result<Value, String> {
    let seconds = object.member("secs")?.word()?;
    let nanoseconds = nanoseconds(object, "nanos")?;
    Ok(leaf(object, format!("{:?}", Duration::new(seconds, nanoseconds))))
}

/// `Instant`: what the clock that only goes forward showed.
pub(super) fn instant(object: &Object<'_, '_, '_, '_, '_>, _level: Level) -> Result<Value, String> {
    let (seconds, nanoseconds) = timespec(object)?;
    Ok(leaf(object, format!("{seconds}.{nanoseconds:09}s (monotonic clock)")))
}

/// `SystemTime`: `2026-11-24 17:35:30.000000000 UTC`.
pub(super) fn system_time(
    object: &Object<'_, '_, '_, '_, '_>,
    _level: Level,
) -> Result<Value, String> {
    let (seconds, nanoseconds) = timespec(object)?;
    Ok(leaf(object, date(seconds, nanoseconds)))
}

/// The seconds and nanoseconds of a point of time.
fn timespec(object: &Object<'_, '_, '_, '_, '_>) -> Result<(i64, u32), String> {
    // `SystemTime(sys::SystemTime { t: Timespec })`
    let mut time = object.wrapped()?;
    while time.of.member("tv_sec").is_none() {
        time = time.wrapped()?;
    }
    Ok((time.member("tv_sec")?.word()?.cast_signed(), nanoseconds(&time, "tv_nsec")?))
}

fn nanoseconds(object: &Object<'_, '_, '_, '_, '_>, name: &str) -> Result<u32, String> {
    let word = object.member(name)?.word()?;
    u32::try_from(word)
        .ok()
        .filter(|nanoseconds| *nanoseconds < 1_000_000_000)
        .ok_or_else(|| format!("damaged: {word} nanoseconds are more than a second"))
}

/// A point of time by seconds since 1970, in UTC, with the days counted as if
/// the Gregorian calendar had always been used.
fn date(seconds: i64, nanoseconds: u32) -> String {
    let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    // Years begin in March here, so that leap days come last; 400 of them have
    // 146,097 days. March 1st of the year 0 is 719,468 days before 1970.
    let days = days.saturating_add(719_468);
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era.saturating_mul(400) + year + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{nanoseconds:09} UTC")
}

fn leaf(object: &Object<'_, '_, '_, '_, '_>, text: String) -> Value {
    Value::leaf(ValueKind::Scalar, text, object.place.origin())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        // From `date -u -d @N`.
        let cases = [
            (0, "1970-01-01 00:00:00.000000007 UTC"),
            (951_782_399, "2000-02-28 23:59:59.000000007 UTC"),
            (951_782_400, "2000-02-29 00:00:00.000000007 UTC"),
            (951_868_800, "2000-03-01 00:00:00.000000007 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00.000000007 UTC"),
            (1_790_000_000, "2026-09-21 14:13:20.000000007 UTC"),
            (-1, "1969-12-31 23:59:59.000000007 UTC"),
            (-11_676_096_000, "1600-01-01 00:00:00.000000007 UTC"),
        ];
        for (seconds, want) in cases {
            assert_eq!(date(seconds, 7), want);
        }
        // Whatever is in memory: no overflow.
        assert!(date(i64::MAX, 0).ends_with("UTC"));
        assert!(date(i64::MIN, 0).ends_with("UTC"));
    }
}
