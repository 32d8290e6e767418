//! How similar two stacks are: a linear alignment with rarity as weight.
//!
//! The weight of a function falls with its depth and with how common it is:
//! `w(x, p) = (p + 1)^-1.5 * ln(1 + n / df(x))`. Equal functions are paired in
//! the order in which they occur; a pair adds both weights, less the further
//! its places are apart; what is left over subtracts its weight. Divided by all
//! weights that is a number from -1 to 1.
//!
//! Source: the form of Shibaev et al., "FaST: A linear time stack trace
//! alignment heuristic for crash report deduplication" (MSR 2022), with two
//! parameters set and not trained.

use rustc_hash::FxHashMap;

/// How fast the weight falls with depth.
const DEPTH: f64 = 1.5;

/// How fast a pair loses with the distance of its places.
const SHIFT: f64 = 0.2;

/// How common each function is.
#[derive(Clone, Debug, Default)]
pub struct Rarity {
    stacks: u32,
    counts: Vec<u32>,
}

impl Rarity {
    /// Counts the functions of one more stack, each once.
    pub fn count(&mut self, stack: &[u32]) {
        self.stacks = self.stacks.saturating_add(1);
        for (at, function) in stack.iter().enumerate() {
            if stack.iter().take(at).any(|earlier| earlier == function) {
                continue;
            }
            let at = *function as usize;
            if self.counts.len() <= at {
                self.counts.resize(at + 1, 0);
            }
            self.counts[at] = self.counts[at].saturating_add(1);
        }
    }

    /// In how many stacks a function is.
    pub fn of(&self, function: u32) -> u32 {
        self.counts.get(function as usize).copied().unwrap_or(0)
    }

    fn weight(&self, function: u32, position: usize) -> f64 {
        let share = f64::from(self.stacks.max(1)) / f64::from(self.of(function).max(1));
        (position as f64 + 1.0).powf(-DEPTH) * (1.0 + share).ln()
    }
}

/// How similar two stacks are, from -1 to 1; 0 when there is nothing to
/// compare.
pub fn similarity(one: &[u32], other: &[u32], rarity: &Rarity) -> f64 {
    let mut places: FxHashMap<u32, Vec<usize>> = FxHashMap::default();
    for (at, function) in other.iter().enumerate().rev() {
        places.entry(*function).or_default().push(at);
    }
    let mut sum = 0.0;
    let mut all = 0.0;
    for (at, function) in one.iter().enumerate() {
        let weight = rarity.weight(*function, at);
        all += weight;
        match places.get_mut(function).and_then(Vec::pop) {
            Some(there) => {
                let both = weight + rarity.weight(*function, there);
                sum += both * (-SHIFT * at.abs_diff(there) as f64).exp();
            }
            None => sum -= weight,
        }
    }
    for (at, function) in other.iter().enumerate() {
        let weight = rarity.weight(*function, at);
        all += weight;
        if places.get(function).is_some_and(|left| left.contains(&at)) {
            sum -= weight;
        }
    }
    if all > 0.0 { sum / all } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores() {
        let mut rarity = Rarity::default();
        for stack in [[1, 2, 3, 9], [1, 2, 4, 9], [5, 6, 7, 9], [5, 8, 7, 9]] {
            rarity.count(&stack);
        }
        let same = similarity(&[1, 2, 3], &[1, 2, 3], &rarity);
        assert!((same - 1.0).abs() < 1e-12, "equal stacks: {same}");
        let apart = similarity(&[1, 2], &[5, 6], &rarity);
        assert!((apart + 1.0).abs() < 1e-12, "nothing in common: {apart}");
        let caller = similarity(&[1, 2, 3, 9], &[1, 2, 4, 9], &rarity);
        let callee = similarity(&[1, 2, 3, 9], &[5, 2, 3, 9], &rarity);
        assert!(caller > 0.6, "a deep difference is small: {caller}");
        assert!(callee < caller, "one at the top is large: {callee}");
        let back = similarity(&[5, 2, 3, 9], &[1, 2, 3, 9], &rarity);
        assert!((callee - back).abs() < 1e-12, "it does not matter which comes first");
        assert_eq!(similarity(&[], &[], &rarity), 0.0);
    }

    #[test]
    fn repeated_functions_are_paired_in_order() {
        let mut rarity = Rarity::default();
        rarity.count(&[1, 1, 2]);
        let one = similarity(&[1, 1, 2], &[1, 2], &rarity);
        assert!(one > 0.0 && one < 1.0, "{one}");
    }
}
