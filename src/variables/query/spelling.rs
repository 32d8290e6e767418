//! Names that somebody may have meant.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

/// Longer names are not compared letter by letter.
const LONGEST: usize = 100;

/// Names as a list, those most like `wanted` first, at most `most` of them.
/// `None`: there are none.
pub(super) fn closest(names: &[String], wanted: &str, most: usize) -> Option<String> {
    let mut ranked: Vec<(usize, &String)> = Vec::new();
    for name in names {
        if !ranked.iter().any(|(_, known)| *known == name) {
            ranked.push((distance(name, wanted), name));
        }
    }
    // Those that are about as far away stay in the order of their declaration.
    let near = wanted.chars().count() / 2;
    ranked
        .sort_by_key(|(distance, _)| if *distance <= near.max(1) { *distance } else { usize::MAX });
    let shown: Vec<&str> = ranked.iter().take(most).map(|(_, name)| name.as_str()).collect();
    let more = ranked.len().saturating_sub(shown.len());
    match (shown.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(shown.join(", ")),
        (false, more) => Some(format!("{}, ... {more} more", shown.join(", "))),
    }
}

/// How many letters to add, remove, change or swap to make one name of the
/// other (Damerau and Levenshtein); case counts for nothing.
fn distance(one: &str, other: &str) -> usize {
    let letters = |name: &str| -> Vec<char> {
        name.chars().take(LONGEST).flat_map(char::to_lowercase).collect()
    };
    let (one, other) = (letters(one), letters(other));
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=other.len()).collect();
    let mut last = None;
    for (row, letter) in one.iter().enumerate() {
        let mut here = vec![row.saturating_add(1)];
        for (column, wanted) in other.iter().enumerate() {
            let at =
                |line: &[usize], column: usize| line.get(column).copied().unwrap_or(usize::MAX);
            let changed = at(&above, column).saturating_add(usize::from(letter != wanted));
            let added = at(&here, column).saturating_add(1);
            let removed = at(&above, column.saturating_add(1)).saturating_add(1);
            let mut best = changed.min(added).min(removed);
            let earlier = column.checked_sub(1);
            if let Some(earlier) = earlier
                && last == Some(wanted)
                && other.get(earlier) == Some(letter)
            {
                best = best.min(at(&before, earlier).saturating_add(1));
            }
            here.push(best);
        }
        before = std::mem::replace(&mut above, here);
        last = Some(letter);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let cases = [
            ("conn", "conn", 0),
            ("conn", "Conn", 0),
            ("conn", "con", 1),
            ("conn", "cnon", 1),
            ("conn", "const", 2),
            ("", "abc", 3),
            ("abc", "", 3),
            ("fd", "name", 4),
        ];
        for (one, other, want) in cases {
            assert_eq!(distance(one, other), want, "{one} {other}");
        }
    }

    #[test]
    fn the_closest_come_first_and_the_rest_in_order() {
        let names: Vec<String> =
            ["zeta", "fd", "name", "fdd", "peer"].iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(closest(&names, "fdx", 9).unwrap(), "fd, fdd, zeta, name, peer");
        assert_eq!(closest(&names, "fdx", 2).unwrap(), "fd, fdd, ... 3 more");
        assert_eq!(closest(&[], "x", 2), None);
        assert_eq!(closest(&["a".to_owned(), "a".to_owned()], "x", 2).unwrap(), "a");
    }
}
