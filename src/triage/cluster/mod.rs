//! From crashes to bugs.
//!
//! Crashes with one bucket key are one bug. A key that is new is compared with
//! the buckets that share one of its three rarest functions, never with all of
//! them, and only where the cause allows it: at 0.85 and with the same cause it
//! joins the bucket, at 0.6 it is told to be similar. A bucket keeps its id,
//! the key of its first crash; a key that joins later is a redirect to it.

mod similarity;

use rustc_hash::{FxHashMap, FxHashSet};

pub use self::similarity::{Rarity, similarity};
use crate::report::model::Link;
use crate::triage::crash::Shape;

/// From here on a new key is told to be similar.
pub const SIMILAR: f64 = 0.6;

/// From here on a new key with the same cause is the same bug.
pub const SAME: f64 = 0.85;

/// The stacks of a bucket that a new one is compared with.
const EXEMPLARS: usize = 5;

/// The rarest functions of a stack, by which candidates are found.
const RAREST: usize = 3;

/// Buckets that one function leads to; a function in more of them tells
/// nothing.
const MOST_LED_TO: usize = 200;

/// Similar buckets that are told.
const MOST_SIMILAR: usize = 5;

/// One bug.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// The key of its first crash, which names it.
    pub key: String,
    /// The shapes of its crashes, in the order in which they came.
    pub shapes: Vec<u32>,
    /// Keys that joined later, and why.
    pub merged: Vec<Link>,
    /// Other bugs that may be the same.
    pub similar: Vec<Link>,
    exemplars: Vec<Vec<u32>>,
}

/// Buckets in the making: each crash is looked at once, when it comes.
#[derive(Clone, Debug, Default)]
pub struct Clusters {
    clusters: Vec<Cluster>,
    by_key: FxHashMap<String, usize>,
    /// Which buckets' exemplars have a function.
    index: FxHashMap<u32, Vec<u32>>,
    rarity: Rarity,
}

impl Clusters {
    /// Buckets for crashes in which functions are as common as `rarity` says.
    pub fn new(rarity: Rarity) -> Self {
        Self { rarity, ..Self::default() }
    }

    /// Takes the shape with this number, and says which bucket it is in.
    pub fn add(&mut self, number: u32, shape: &Shape, shapes: &[Shape]) -> usize {
        if let Some(at) = self.by_key.get(&*shape.key).copied() {
            self.join(at, number, shape);
            return at;
        }
        let mut similar = self.similar(shape, shapes);
        let same = similar.first().filter(|(at, score)| {
            *score >= SAME && self.first(*at, shapes).is_some_and(|it| it.cause == shape.cause)
        });
        if let Some((at, score)) = same.copied() {
            let first = self.first(at, shapes);
            let link = Link {
                id: shape.key.to_string(),
                label: shape.label.to_string(),
                score: rounded(score),
                why: first.map(|first| why(first, shape)).unwrap_or_default(),
            };
            self.by_key.insert(shape.key.to_string(), at);
            if let Some(cluster) = self.clusters.get_mut(at) {
                cluster.merged.push(link);
            }
            self.join(at, number, shape);
            return at;
        }
        similar.truncate(MOST_SIMILAR);
        let links = similar.into_iter().filter_map(|(at, score)| {
            let first = self.first(at, shapes)?;
            Some(Link {
                id: first.key.to_string(),
                label: first.label.to_string(),
                score: rounded(score),
                why: why(first, shape),
            })
        });
        let similar = links.collect();
        let at = self.clusters.len();
        let key = shape.key.to_string();
        self.by_key.insert(key.clone(), at);
        self.clusters.push(Cluster { key, similar, ..Cluster::default() });
        self.join(at, number, shape);
        at
    }

    /// The bugs, in the order in which they came.
    pub fn finish(self) -> Vec<Cluster> {
        self.clusters
    }

    fn first<'s>(&self, at: usize, shapes: &'s [Shape]) -> Option<&'s Shape> {
        let number = *self.clusters.get(at)?.shapes.first()?;
        shapes.get(number as usize)
    }

    fn join(&mut self, at: usize, number: u32, shape: &Shape) {
        let Some(cluster) = self.clusters.get_mut(at) else { return };
        cluster.shapes.push(number);
        let is_new = !cluster.exemplars.contains(&shape.stack);
        if cluster.exemplars.len() < EXEMPLARS && is_new && !shape.stack.is_empty() {
            cluster.exemplars.push(shape.stack.clone());
            let functions: FxHashSet<u32> = shape.stack.iter().copied().collect();
            for function in functions {
                let buckets = self.index.entry(function).or_default();
                if buckets.last() != Some(&(at as u32)) && buckets.len() <= MOST_LED_TO {
                    buckets.push(at as u32);
                }
            }
        }
    }

    /// Buckets that a shape is similar to, the most similar one first.
    fn similar(&self, shape: &Shape, shapes: &[Shape]) -> Vec<(usize, f64)> {
        let mut functions: Vec<u32> = shape.stack.clone();
        functions.sort_by_key(|function| (self.rarity.of(*function), *function));
        functions.dedup();
        let mut candidates: Vec<u32> = Vec::new();
        for function in functions.into_iter().take(RAREST) {
            let buckets = self.index.get(&function).map(Vec::as_slice).unwrap_or_default();
            candidates.extend(buckets.iter().take(MOST_LED_TO));
        }
        candidates.sort_unstable();
        candidates.dedup();
        let scored = candidates.into_iter().filter_map(|at| {
            let at = at as usize;
            let cluster = self.clusters.get(at)?;
            if self.first(at, shapes)?.family != shape.family {
                return None;
            }
            let scores =
                cluster.exemplars.iter().map(|it| similarity(it, &shape.stack, &self.rarity));
            let average = scores.sum::<f64>() / cluster.exemplars.len().max(1) as f64;
            (average >= SIMILAR).then_some((at, average))
        });
        let mut scored: Vec<(usize, f64)> = scored.collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        scored
    }
}

/// Two digits say enough, and read alike everywhere.
fn rounded(score: f64) -> f64 {
    (score * 100.0).round() / 100.0
}

/// What two crashes have in common, and in what they differ.
pub fn why(one: &Shape, other: &Shape) -> String {
    let mut words = Vec::new();
    words.push(match one.cause == other.cause {
        true => "same cause".to_owned(),
        false => format!("related causes ({} and {})", one.cause, other.cause),
    });
    let first = |shape: &Shape| shape.blame.first().cloned();
    words.push(match first(one) == first(other) {
        true => "same function".to_owned(),
        false => {
            let name = |shape: &Shape| first(shape).map(|name| name.to_string());
            let unknown = || "an unknown one".to_owned();
            format!(
                "other function ({} and {})",
                name(one).unwrap_or_else(unknown),
                name(other).unwrap_or_else(unknown)
            )
        }
    });
    if first(one) == first(other) && one.blame != other.blame {
        words.push("differs in caller".to_owned());
    }
    if one.key != other.key && one.blame == other.blame && one.cause == other.cause {
        words.push("differs in message".to_owned());
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(key: &str, cause: &str, family: &'static str, stack: &[u32]) -> Shape {
        Shape {
            key: key.into(),
            cause: cause.into(),
            family,
            blame: stack.iter().take(1).map(|it| it.to_string().into()).collect(),
            stack: stack.to_vec(),
            ..Shape::default()
        }
    }

    fn clustered(shapes: &[Shape]) -> Vec<Cluster> {
        let mut rarity = Rarity::default();
        shapes.iter().for_each(|shape| rarity.count(&shape.stack));
        let mut clusters = Clusters::new(rarity);
        for (number, shape) in shapes.iter().enumerate() {
            clusters.add(number as u32, shape, shapes);
        }
        clusters.finish()
    }

    #[test]
    fn one_key_is_one_bug_whatever_the_stack() {
        let found =
            clustered(&[shape("a", "c", "memory", &[1, 2]), shape("a", "c", "memory", &[7, 8])]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].shapes, [0, 1]);
    }

    #[test]
    fn nearly_equal_stacks_with_one_cause_are_one_bug_and_it_says_why() {
        let found = clustered(&[
            shape("a", "c", "memory", &[1, 2, 3, 4, 5, 6, 7]),
            shape("b", "c", "memory", &[1, 2, 3, 4, 5, 6, 8]),
            shape("x", "c", "memory", &[20, 21, 22]),
        ]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].key, "a");
        assert_eq!(found[0].merged[0].id, "b");
        assert!(found[0].merged[0].why.starts_with("same cause, same function"));
    }

    #[test]
    fn causes_that_differ_are_linked_within_a_family_and_never_across() {
        let stack = [1, 2, 3, 4];
        let found = clustered(&[
            shape("a", "wild-pointer", "memory", &stack),
            shape("b", "heap-corruption", "memory", &stack),
            shape("c", "assertion-failed", "assertion", &stack),
            shape("x", "abort", "abort", &[9]),
        ]);
        assert_eq!(found.len(), 4);
        assert_eq!(found[1].similar[0].id, "a");
        assert!(found[1].similar[0].why.starts_with("related causes"));
        assert!(found[2].similar.is_empty());
    }
}
