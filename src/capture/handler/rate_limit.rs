//! What a crash loop may cost.

use std::collections::HashMap;

/// How much crashes of one key may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Crashes that are kept at once.
    pub burst: u32,
    /// Seconds after which one more is.
    pub seconds: u64,
}

impl Default for Rate {
    /// A fleet that falls at once is worth a report each; a loop is not.
    fn default() -> Self {
        Self { burst: 200, seconds: 600 }
    }
}

/// A bucket of tokens for each key. A token is gained each [`Rate::seconds`];
/// a crash that is kept takes one; without one it is only counted.
#[derive(Clone, Debug, Default)]
pub struct RateLimit {
    rate: Rate,
    buckets: HashMap<String, Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Tokens taken and not yet regained.
    taken: u32,
    /// When the last one was regained, in seconds of any clock.
    since: u64,
}

/// Keys remembered. A hostile program can make as many as it likes.
const MOST_KEYS: usize = 10_000;

impl RateLimit {
    /// All buckets full.
    pub fn new(rate: Rate) -> Self {
        Self { rate, buckets: HashMap::new() }
    }

    /// Takes a token of `key` at the time `now`. `false`: there is none.
    pub fn admit(&mut self, key: &str, now: u64) -> bool {
        let seconds = self.rate.seconds.max(1);
        if self.buckets.len() >= MOST_KEYS && !self.buckets.contains_key(key) {
            let burst = u64::from(self.rate.burst);
            // Full ones say nothing. If none is, new keys share one bucket.
            self.buckets.retain(|_, bucket| now.saturating_sub(bucket.since) < burst * seconds);
            if self.buckets.len() >= MOST_KEYS {
                return self.take("", now);
            }
        }
        self.take(key, now)
    }

    fn take(&mut self, key: &str, now: u64) -> bool {
        let seconds = self.rate.seconds.max(1);
        let bucket = self.buckets.entry(key.to_owned()).or_insert(Bucket { taken: 0, since: now });
        let gained = now.saturating_sub(bucket.since) / seconds;
        let regained = u32::try_from(gained).unwrap_or(u32::MAX);
        bucket.taken = bucket.taken.saturating_sub(regained);
        bucket.since = match bucket.taken {
            0 => now,
            _ => bucket.since.saturating_add(gained.saturating_mul(seconds)),
        };
        if bucket.taken >= self.rate.burst {
            return false;
        }
        bucket.taken += 1;
        true
    }

    /// One line for each key: tokens taken, since when, the key.
    pub fn to_text(&self) -> String {
        let lines = self.buckets.iter().map(|(key, bucket)| {
            let key = key.escape_default();
            format!("{} {} {key}\n", bucket.taken, bucket.since)
        });
        lines.collect()
    }

    /// From such lines. Escaped keys stay so: they are only compared with
    /// themselves, once [`RateLimit::plain_key`] has made them.
    pub fn from_text(text: &str, rate: Rate) -> Self {
        let line = |line: &str| {
            let mut words = line.splitn(3, ' ');
            let bucket =
                Bucket { taken: words.next()?.parse().ok()?, since: words.next()?.parse().ok()? };
            Some((words.next()?.to_owned(), bucket))
        };
        Self { rate, buckets: text.lines().filter_map(line).take(MOST_KEYS).collect() }
    }

    /// A key without anything that could break a line.
    pub fn plain_key(key: &str) -> String {
        key.chars()
            .map(|char| if char.is_ascii_graphic() && char != '\\' { char } else { '_' })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_runs_dry_and_recovers() {
        let mut limit = RateLimit::new(Rate { burst: 2, seconds: 10 });
        // (time, key, admitted)
        let steps = [
            (0, "a", true),
            (0, "a", true),
            (0, "a", false),
            (0, "b", true),
            (9, "a", false),
            (10, "a", true),
            (10, "a", false),
            (1_000, "a", true),
            (1_000, "a", true),
            (1_000, "a", false),
            // The clock was set back.
            (5, "a", false),
        ];
        for (number, (now, key, want)) in steps.into_iter().enumerate() {
            assert_eq!(limit.admit(key, now), want, "step {number}");
        }
        let mut again = RateLimit::from_text(&limit.to_text(), limit.rate);
        assert!(!again.admit("a", 1_000) && again.admit("c", 1_000));
    }

    #[test]
    fn keys_do_not_grow_without_bound() {
        let mut limit = RateLimit::new(Rate { burst: 1, seconds: 10 });
        let admitted = (0..MOST_KEYS + 100).filter(|key| limit.admit(&key.to_string(), 0)).count();
        assert_eq!(admitted, MOST_KEYS + 1, "those after them share one bucket");
        assert!(limit.buckets.len() <= MOST_KEYS + 1);
    }
}
