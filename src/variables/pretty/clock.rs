//! Times: numbers of seconds or parts of seconds, and dates.

use crate::variables::pretty::object::{Failure, Found, Object};
use crate::variables::read::Level;
use crate::variables::value::{Value, ValueKind};

/// Units by their length in seconds, as a fraction (C++20, 27.5).
const UNITS: &[(i64, i64, &str)] = &[
    (1, 1_000_000_000_000_000, "fs"),
    (1, 1_000_000_000_000, "ps"),
    (1, 1_000_000_000, "ns"),
    (1, 1_000_000, "us"),
    (1, 1_000, "ms"),
    (1, 100, "cs"),
    (1, 10, "ds"),
    (1, 1, "s"),
    (60, 1, "min"),
    (3_600, 1, "h"),
    (86_400, 1, "d"),
    (604_800, 1, "weeks"),
    (2_629_746, 1, "months"),
    (31_556_952, 1, "years"),
];

/// The member that counts, of either library.
const COUNTS: &[&str] = &["__r", "__rep_"];

/// A number with its unit: `1500 ms`; of units without a name, `4 [1/3]s`.
pub(super) fn duration(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let count = object.any_member(COUNTS)?.value(level);
    if !count.is_known() {
        return Ok(count);
    }
    let (numerator, denominator) = period(object)?;
    let name = UNITS.iter().find(|unit| (unit.0, unit.1) == (numerator, denominator));
    let unit = match (name, denominator) {
        (Some((.., name)), _) => (*name).to_owned(),
        (None, 1) => format!("[{numerator}]s"),
        (None, _) => format!("[{numerator}/{denominator}]s"),
    };
    let text = format!("{} {unit}", count.text);
    Ok(Value { text, raw: count.raw, ..Value::leaf(ValueKind::Scalar, "", count.origin) })
}

/// The length of a unit in seconds: the two arguments of a `std::ratio`.
fn period(object: &Object<'_, '_, '_, '_>) -> Found<(i64, i64)> {
    let ratio = object.seen_as(Some(object.argument("_Period", 1)?));
    let name = &ratio.of.plain_name;
    let numbers = name.split_once('<').and_then(|(_, rest)| rest.strip_suffix('>'));
    let (numerator, denominator) = numbers.and_then(|it| it.split_once(',')).unwrap_or_default();
    // `1000l` in the notation of some compilers.
    let number = |text: &str| text.trim().trim_end_matches(['l', 'L']).parse().ok();
    let both = number(numerator).zip(number(denominator));
    both.filter(|(top, bottom)| *top > 0 && *bottom > 0).ok_or(Failure::NewLayout)
}

/// A date, if the clock is the system's; otherwise the time since the clock's
/// own start.
pub(super) fn time_point(object: &Object<'_, '_, '_, '_>, level: Level) -> Found<Value> {
    let since = object.any_member(&["__d", "__d_"])?;
    let shown = duration(&since, level)?;
    if !shown.is_known() {
        return Ok(shown);
    }
    let clock = object.seen_as(Some(object.argument("_Clock", 0)?)).of.plain_name.clone();
    let clock = clock.rsplit("::").next().unwrap_or_default().to_owned();
    let utc = match clock.as_str() {
        "system_clock" => {
            let (top, bottom) = period(&since)?;
            let count = since.any_member(COUNTS)?.as_signed().ok();
            count.and_then(|count| date(count, top.into(), bottom.into()))
        }
        _ => None,
    };
    let text = utc.unwrap_or_else(|| format!("{} after the start of {clock}", shown.text));
    Ok(Value { text, ..shown })
}

/// The date of so many units after 1970-01-01, with as many digits as the unit
/// has. `None`: too far away, or in a unit that seconds are no multiple of.
pub(super) fn date(count: i128, top: i128, bottom: i128) -> Option<String> {
    let total = count.checked_mul(top)?;
    let seconds = total.div_euclid(bottom);
    let digits = (0_u32..=18).find(|digits| 10_i128.pow(*digits) == bottom)?;
    let part = total.rem_euclid(bottom);
    let (days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days)?;
    let (hours, minutes, seconds) = (time / 3_600, time / 60 % 60, time % 60);
    let fraction = match digits {
        0 => String::new(),
        digits => format!(".{part:0width$}", width = digits as usize),
    };
    Some(format!(
        "{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02}{fraction} UTC"
    ))
}

/// Year, month and day in the Gregorian calendar, so many days after 1970-01-01.
/// `None` outside of the years 1 to 9999.
fn civil(days: i128) -> Option<(i128, i128, i128)> {
    // Days of the years before 1970, counted from the year 1.
    let mut left = days.checked_add(719_162).filter(|days| (0..3_652_059).contains(days))?;
    let mut year = 1;
    // 400 years, 100, 4 and 1; the last of four such parts has one day more.
    for (years, length, most) in [(400, 146_097, 24), (100, 36_524, 3), (4, 1_461, 24), (1, 365, 3)]
    {
        let whole = (left / length).min(most);
        year += whole * years;
        left -= whole * length;
    }
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if is_leap { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    Some((year, month, left + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        let day = 86_400;
        // (count, unit, want); the days are from the calendar.
        let cases: &[(i128, (i128, i128), Option<&str>)] = &[
            (0, (1, 1), Some("1970-01-01 00:00:00 UTC")),
            (-1, (1, 1), Some("1969-12-31 23:59:59 UTC")),
            (-1, (1, 1_000), Some("1969-12-31 23:59:59.999 UTC")),
            (1_000_000_000, (1, 1), Some("2001-09-09 01:46:40 UTC")),
            (951_782_400, (1, 1), Some("2000-02-29 00:00:00 UTC")),
            (2_147_483_647, (1, 1), Some("2038-01-19 03:14:07 UTC")),
            (19_782, (86_400, 1), Some("2024-02-29 00:00:00 UTC")),
            (-719_162 * day, (1, 1), Some("0001-01-01 00:00:00 UTC")),
            (-719_163 * day, (1, 1), None),
            // 2,932,896 days later comes the last day of 9999.
            (2_932_896 * day, (1, 1), Some("9999-12-31 00:00:00 UTC")),
            (2_932_897 * day, (1, 1), None),
            (i128::MAX, (60, 1), None),
            (5, (1, 3), None),
        ];
        for (count, (top, bottom), want) in cases {
            assert_eq!(date(*count, *top, *bottom).as_deref(), *want, "{count} {top}/{bottom}");
        }
    }
}
