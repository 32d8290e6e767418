//! Bugs that are known: a plain file, one bug a line, sorted, for review.
//!
//! ```text
//! # key         who, until when, fixed when                what it is
//! 3f9ac2d1b0aa  owner=alice expires=2026-12-31             # null-pointer.write | node_set
//! 81c0de77aa01  owner=bob fixed=2026-11-02                 # assertion-failed | check
//! ```
//!
//! The key may be cut to eight digits, and may have a label's word before it:
//! `NULLW-3f9ac2d1`. After its expiry an entry counts for nothing; a crash after
//! the day on which a bug was fixed is a regression, and counts as new.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::base::utc;
use crate::report::model::{Bucket, Known};

/// Fewer digits would name other bugs, too.
const FEWEST_DIGITS: usize = 8;

/// One line of a baseline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The bucket's key, 8 to 12 digits.
    pub key: String,
    /// Who looks after it.
    pub owner: Option<String>,
    /// The last day on which it counts.
    pub expires: Option<String>,
    /// The day on which it was fixed.
    pub fixed: Option<String>,
    /// What is said behind `#`.
    pub remark: String,
}

/// The bugs that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    entries: Vec<Entry>,
}

impl Baseline {
    /// Reads the text of a baseline.
    ///
    /// # Errors
    ///
    /// A message with the line's number and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut entries = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let (facts, remark) = line.split_once('#').unwrap_or((line, ""));
            let mut words = facts.split_whitespace();
            let Some(key) = words.next() else { continue };
            let entry = entry(key, words, remark)
                .map_err(|why| format!("line {}: {why}", number.saturating_add(1)))?;
            entries.push(entry);
        }
        entries.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(Self { entries })
    }

    /// What the baseline says of a bucket on a day. `last_seen` is the last
    /// crash, in seconds since 1970.
    pub fn known(&self, keys: &[&str], last_seen: Option<i64>, now: SystemTime) -> Known {
        let Some(entry) = self.entry(keys) else { return Known::default() };
        let mut known = Known {
            known: true,
            owner: entry.owner.clone(),
            expires: entry.expires.clone(),
            fixed_in: entry.fixed.clone(),
            why: None,
        };
        let end_of = |day: &str| Some(utc::day(day)? + Duration::from_secs(86_400));
        if let Some(day) = &entry.expires
            && end_of(day).is_some_and(|end| now >= end)
        {
            known.known = false;
            known.why = Some(format!("its entry in the baseline has expired on {day}"));
        }
        let last = last_seen.and_then(|at| u64::try_from(at).ok());
        let last = last.map(|at| UNIX_EPOCH + Duration::from_secs(at));
        if let Some(day) = &entry.fixed
            && end_of(day).is_some_and(|end| last.unwrap_or(now) >= end)
        {
            known.known = false;
            known.why = Some(format!("a regression: it was fixed on {day}"));
        }
        known
    }

    fn entry(&self, keys: &[&str]) -> Option<&Entry> {
        self.entries.iter().find(|entry| keys.iter().any(|key| key.starts_with(&entry.key)))
    }

    /// The text of a baseline that knows all of `buckets`; what it knew of them
    /// stays, and what it knew of others, too.
    pub fn with(&self, buckets: &[Bucket]) -> String {
        let mut entries = self.entries.clone();
        for bucket in buckets {
            let keys: Vec<&str> = keys(bucket).collect();
            let regressed = bucket.known.as_ref().is_some_and(|known| !known.known);
            if let Some(known) =
                entries.iter_mut().find(|it| keys.iter().any(|key| key.starts_with(&it.key)))
            {
                if regressed {
                    known.fixed = None;
                    known.expires = None;
                }
                continue;
            }
            entries.push(Entry {
                key: bucket.id.clone(),
                remark: bucket.text.split_once(" | ").map_or("", |(_, rest)| rest).to_owned(),
                ..Entry::default()
            });
        }
        entries.sort_by(|one, other| one.key.cmp(&other.key));
        let mut text =
            String::from("# Known bugs: key, owner=WHO expires=DAY fixed=DAY, # what it is\n");
        for entry in entries {
            let mut facts = entry.key.clone();
            for (name, value) in
                [("owner", &entry.owner), ("expires", &entry.expires), ("fixed", &entry.fixed)]
            {
                if let Some(value) = value {
                    let _infallible = write!(facts, " {name}={value}");
                }
            }
            let remark: String = entry.remark.chars().filter(|it| !it.is_control()).collect();
            let _infallible = writeln!(text, "{facts}  # {}", remark.trim());
        }
        text
    }
}

/// All keys of a bucket: its own, and those that were merged into it.
pub fn keys(bucket: &Bucket) -> impl Iterator<Item = &str> {
    std::iter::once(bucket.id.as_str()).chain(bucket.merged.iter().map(|link| link.id.as_str()))
}

fn entry<'w>(
    key: &str,
    words: impl Iterator<Item = &'w str>,
    remark: &str,
) -> Result<Entry, String> {
    let digits = key.rsplit_once('-').map_or(key, |(_, digits)| digits);
    let is_key = (FEWEST_DIGITS..=12).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_key {
        return Err(format!("`{key}` is no key: 8 to 12 hexadecimal digits are wanted"));
    }
    let remark = remark.trim().to_owned();
    let mut entry = Entry { key: digits.to_ascii_lowercase(), remark, ..Entry::default() };
    for word in words {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        let day = || match utc::day(value) {
            Some(_) => Ok(Some(value.to_owned())),
            None => Err(format!("`{value}` is no day: write it like 2026-12-31")),
        };
        match name {
            "owner" if !value.is_empty() => entry.owner = Some(value.to_owned()),
            "expires" => entry.expires = day()?,
            "fixed" => entry.fixed = day()?,
            _ => return Err(format!("`{word}` is not owner=WHO, expires=DAY or fixed=DAY")),
        }
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "3f9ac2d1b0aa";

    fn day(text: &str) -> SystemTime {
        utc::day(text).unwrap()
    }

    fn seconds(text: &str) -> i64 {
        day(text).duration_since(UNIX_EPOCH).unwrap().as_secs() as i64
    }

    #[test]
    fn what_is_known() {
        let known = |line: &str, last: &str, now: &str| {
            Baseline::parse(line).unwrap().known(&[KEY], Some(seconds(last)), day(now)).known
        };
        assert!(known("3f9ac2d1b0aa", "2026-01-01", "2026-01-02"));
        assert!(known("NULLW-3f9ac2d1 owner=a # x", "2026-01-01", "2026-01-02"));
        assert!(!known("", "2026-01-01", "2026-01-02"));
        assert!(!known("81c0de77aa01", "2026-01-01", "2026-01-02"));
        assert!(known("3f9ac2d1b0aa expires=2026-01-02", "2026-01-01", "2026-01-02"));
        assert!(!known("3f9ac2d1b0aa expires=2026-01-01", "2026-01-01", "2026-01-02"));
        assert!(known("3f9ac2d1b0aa fixed=2026-01-05", "2026-01-04", "2026-02-01"));
        assert!(!known("3f9ac2d1b0aa fixed=2026-01-05", "2026-01-06", "2026-02-01"));
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("\n3f9a", "line 2: `3f9a` is no key"),
            ("3f9ac2d1b0aa expires=soon", "`soon` is no day"),
            ("3f9ac2d1b0aa by=me", "`by=me` is not owner=WHO"),
        ];
        for (text, want) in cases {
            let error = Baseline::parse(text).unwrap_err();
            assert!(error.contains(want), "{error}");
        }
    }

    #[test]
    fn it_is_written_sorted_and_read_again() {
        let old = Baseline::parse("b1c0de77aa01 owner=bob # old\n").unwrap();
        let bucket = Bucket {
            id: KEY.to_owned(),
            text: "v1 | null-pointer | f".to_owned(),
            ..Bucket::default()
        };
        let text = old.with(&[bucket]);
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(lines, ["3f9ac2d1b0aa  # null-pointer | f", "b1c0de77aa01 owner=bob  # old"]);
        assert_eq!(Baseline::parse(&text).unwrap().entries.len(), 2);
    }
}
