//! Sizes and ages as people type them.

use std::time::{Duration, SystemTime};

use crate::base::utc;

/// Bytes: `500M`, `2G`, `1.5 GiB`, `0`. `k`, `M`, `G`, `T` are powers of 1000,
/// `Ki`, `Mi` and so on of 1024, with or without a `B`.
///
/// # Errors
///
/// A sentence for the user.
pub fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 9] = [
        ("", 1),
        ("k", 1_000),
        ("m", 1_000_000),
        ("g", 1_000_000_000),
        ("t", 1_000_000_000_000),
        ("ki", 1 << 10),
        ("mi", 1 << 20),
        ("gi", 1 << 30),
        ("ti", 1 << 40),
    ];
    let wrong = || format!("`{text}` is no size like 500M, 2G or 1GiB");
    let (number, unit) = parts(text);
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let unit = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?.1;
    scaled(&number, unit).ok_or_else(wrong)
}

/// An age: `90s`, `30m`, `12h`, `7d`, `2w`.
///
/// # Errors
///
/// A sentence for the user.
pub fn age(text: &str) -> Result<Duration, String> {
    const UNITS: [(&str, u64); 9] = [
        ("s", 1),
        ("m", 60),
        ("min", 60),
        ("h", 3_600),
        ("d", 86_400),
        ("day", 86_400),
        ("days", 86_400),
        ("w", 7 * 86_400),
        ("y", 365 * 86_400),
    ];
    let wrong = || format!("`{text}` is no age like 90s, 30m, 12h, 7d or 2w");
    let (number, unit) = parts(text);
    let unit = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?.1;
    scaled(&number, unit).map(Duration::from_secs).ok_or_else(wrong)
}

/// The time that `text` means at the time `now`: an age, or a day in UTC like
/// `2026-11-24`.
///
/// # Errors
///
/// A sentence for the user.
pub fn moment(text: &str, now: SystemTime) -> Result<SystemTime, String> {
    if let Some(day) = utc::day(text) {
        return Ok(day);
    }
    let age = age(text).map_err(|_| {
        format!("`{text}` is neither an age like 12h or 7d nor a day like 2026-11-24")
    })?;
    let epoch = SystemTime::UNIX_EPOCH;
    Ok(now.checked_sub(age).unwrap_or(epoch).max(epoch))
}

/// The number and the unit in small letters.
fn parts(text: &str) -> (String, String) {
    let text = text.trim();
    let end = text.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number.to_owned(), unit.trim().to_ascii_lowercase())
}

/// `number`, with up to three digits behind a point, times `unit`.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    if part.is_empty() || part.len() > 3 {
        return None;
    }
    let thousandths: u64 = format!("{part:0<3}").parse().ok()?;
    let whole: u64 = whole.parse().ok()?;
    let part = unit.checked_mul(thousandths)? / 1000;
    whole.checked_mul(unit)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn sizes() {
        let cases = [
            ("0", Some(0)),
            ("512", Some(512)),
            ("500M", Some(500_000_000)),
            ("1.5 GB", Some(1_500_000_000)),
            ("2GiB", Some(2 << 30)),
            ("64kib", Some(64 << 10)),
            ("-1", None),
            ("1.G", None),
            ("lots", None),
            ("99999999999T", None),
            ("", None),
        ];
        for (text, want) in cases {
            assert_eq!(size(text).ok(), want, "{text}");
        }
    }

    #[test]
    fn ages_and_days() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let cases = [
            ("90s", Some(1_000_000 - 90)),
            ("2 h", Some(1_000_000 - 7_200)),
            ("0.5d", Some(1_000_000 - 43_200)),
            ("1970-01-02", Some(86_400)),
            ("900w", Some(0)),
            ("12", None),
            ("soon", None),
        ];
        for (text, want) in cases {
            let want = want.map(|at| UNIX_EPOCH + Duration::from_secs(at));
            assert_eq!(moment(text, now).ok(), want, "{text}");
        }
    }
}
