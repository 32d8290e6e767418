//! Calls that repeat.

/// The longest cycle that is looked for.
pub(super) const LONGEST: usize = 16;

/// Fewer turns are no recursion.
const FEWEST_TURNS: usize = 3;

/// A part of a stack that repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cycle {
    /// Where its first turn starts.
    pub(super) start: usize,
    /// The functions of one turn.
    pub(super) period: usize,
    /// How often it is there in full.
    pub(super) turns: usize,
}

/// The first part of a stack that repeats three times or more, with the
/// smallest period.
pub(super) fn smallest_cycle(names: &[&str]) -> Option<Cycle> {
    (0..names.len()).find_map(|start| {
        (1..=LONGEST).find_map(|period| {
            let rest = names.get(start..)?;
            let turn = rest.get(..period)?;
            let turns = rest.chunks_exact(period).take_while(|it| *it == turn).count();
            (turns >= FEWEST_TURNS).then_some(Cycle { start, period, turns })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles() {
        let cases: [(&str, &str, Option<(usize, usize, usize)>); 6] = [
            ("nothing repeats", "a b c d", None),
            ("two turns are chance", "a b a b", None),
            ("a function that calls itself", "x f f f f y", Some((1, 1, 4))),
            ("two that call each other", "x a b a b a b y", Some((1, 2, 3))),
            ("the smallest one", "a a a a a a", Some((0, 1, 6))),
            ("nothing at all", "", None),
        ];
        for (name, stack, want) in cases {
            let names: Vec<&str> = stack.split_whitespace().collect();
            let found = smallest_cycle(&names).map(|it| (it.start, it.period, it.turns));
            assert_eq!(found, want, "{name}");
        }
    }
}
