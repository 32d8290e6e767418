//! `--fail-on`: which bugs make a job fail.

use std::str::FromStr;

use crate::report::model::{Bucket, Severity, Triage};

/// What a job must not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOn {
    /// Any crash.
    Any,
    /// A bug that the baseline does not know.
    New,
    /// A bug of this severity or worse.
    Severity(Severity),
}

impl FromStr for FailOn {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let severity = |word: &str| match word {
            "info" => Ok(Severity::Info),
            "low" => Ok(Severity::Low),
            "medium" => Ok(Severity::Medium),
            "high" => Ok(Severity::High),
            "critical" => Ok(Severity::Critical),
            _ => Err(format!("`{word}` is not info, low, medium, high or critical")),
        };
        match word {
            "any" => Ok(Self::Any),
            "new" => Ok(Self::New),
            _ => match word.strip_prefix("severity>=") {
                Some(least) => severity(least).map(Self::Severity),
                None => Err(format!("`{word}` is not new, any or severity>=LEVEL")),
            },
        }
    }
}

/// The bugs for which a job fails.
pub fn failing<'t>(triage: &'t Triage, fail_on: &[FailOn]) -> Vec<&'t Bucket> {
    let is_new = |bucket: &Bucket| bucket.known.as_ref().is_none_or(|known| !known.known);
    let fails = |bucket: &&Bucket| {
        fail_on.iter().any(|it| match it {
            FailOn::Any => true,
            FailOn::New => is_new(bucket),
            FailOn::Severity(least) => bucket.severity >= *least,
        })
    };
    triage.buckets.iter().filter(fails).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::Known;

    #[test]
    fn gates() {
        let bucket = |severity, known| Bucket {
            severity,
            known: Some(Known { known, ..Known::default() }),
            ..Bucket::default()
        };
        let buckets = vec![bucket(Severity::High, true), bucket(Severity::Low, false)];
        let triage = Triage { buckets, ..Triage::default() };
        let count = |word: &str| failing(&triage, &[word.parse().unwrap()]).len();
        assert_eq!((count("any"), count("new")), (2, 1));
        assert_eq!((count("severity>=medium"), count("severity>=critical")), (1, 0));
        assert!("severity>=bad".parse::<FailOn>().is_err());
    }
}
