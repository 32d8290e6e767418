//! Lengths of time as people type them.

use std::time::Duration;

/// `500ms`, `30s`, `5m`, `2h`; a bare number is seconds, as for `timeout(1)`.
///
/// # Errors
///
/// What would be understood.
pub fn duration(word: &str) -> Result<Duration, String> {
    let digits = word.find(|char: char| !char.is_ascii_digit() && char != '.');
    let (number, unit) = word.split_at(digits.unwrap_or(word.len()));
    let seconds = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err("wanted: a number and ms, s, m or h, as in 30s".to_owned()),
    };
    let number: f64 = number.parse().map_err(|_error| "wanted: a number, as in 30s".to_owned())?;
    match Duration::try_from_secs_f64(number * seconds) {
        Ok(time) if time > Duration::ZERO && number * seconds < 1e9 => Ok(time),
        _ => Err("wanted: more than nothing, and less than 30 years".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let cases = [
            ("500ms", Some(500)),
            ("30s", Some(30_000)),
            ("1.5", Some(1_500)),
            ("2m", Some(120_000)),
            ("1h", Some(3_600_000)),
            ("0", None),
            ("s", None),
            ("-1s", None),
            ("3 days", None),
            ("1e9s", None),
        ];
        for (word, want) in cases {
            assert_eq!(duration(word).ok(), want.map(Duration::from_millis), "{word}");
        }
    }
}
