//! Numbers for people.

use std::time::Duration;

/// `12345` as `12,345`.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `count` of something: `1 frame`, `2,000 frames`.
pub fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", thousands(count), if count == 1 { "" } else { "s" })
}

/// A length of time: `250 us`, `1.25 ms`, `30 s`, `2 min 5 s`.
pub fn span(time: Duration) -> String {
    let micros = time.as_micros();
    let parts = |whole: u128, part: u128, unit: &str| match part {
        0 => format!("{whole} {unit}"),
        part => format!("{whole}.{} {unit}", format!("{part:02}").trim_end_matches('0')),
    };
    match micros {
        0..1_000 => format!("{micros} us"),
        1_000..1_000_000 => parts(micros / 1_000, micros % 1_000 / 10, "ms"),
        1_000_000..60_000_000 => parts(micros / 1_000_000, micros % 1_000_000 / 10_000, "s"),
        _ => {
            let seconds = time.as_secs();
            let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            let words = [(hours, "h"), (minutes, "min"), (seconds, "s")];
            let words = words.iter().filter(|(count, _)| *count > 0);
            let words: Vec<String> = words.map(|(count, unit)| format!("{count} {unit}")).collect();
            words.join(" ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let cases = [
            (Duration::ZERO, "0 us"),
            (Duration::from_micros(250), "250 us"),
            (Duration::from_micros(1_250), "1.25 ms"),
            (Duration::from_micros(1_500), "1.5 ms"),
            (Duration::from_micros(1_009), "1 ms"),
            (Duration::from_millis(32), "32 ms"),
            (Duration::from_secs(30), "30 s"),
            (Duration::from_millis(1_050), "1.05 s"),
            (Duration::from_secs(125), "2 min 5 s"),
            (Duration::from_secs(3_600), "1 h"),
        ];
        for (time, want) in cases {
            assert_eq!(span(time), want);
        }
    }

    #[test]
    fn numbers() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (1_048_576, "1,048,576")];
        for (number, want) in cases {
            assert_eq!(thousands(number), want);
        }
        assert_eq!(counted(1, "thread"), "1 thread");
        assert_eq!(counted(104_800, "more frame"), "104,800 more frames");
    }
}
