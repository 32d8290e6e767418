//! Names as numbers: what an index keeps instead of text.
//!
//! Compilers and demanglers write one name in several ways: `A<B<int> >` and
//! `A<B<int>>`, `long unsigned int` and `unsigned long`, `char const *` and
//! `const char*`, `N<3ul>` and `N<3UL>`. All of them get one key.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::hash::Hasher;

use rustc_hash::FxHasher;

/// A name with what stands before its `::`s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key(pub(super) u64);

/// What anonymous namespaces are called, as demanglers call them.
pub(super) const ANONYMOUS: &[u8] = b"(anonymous namespace)";

impl Key {
    /// The key of a name within this one's scope; the default is the scope of
    /// all.
    pub(super) fn inner(self, name: &[u8]) -> Self {
        let mut hasher = FxHasher::default();
        hasher.write_u64(self.0);
        if name.iter().any(|byte| matches!(byte, b' ' | b'<' | b'(')) {
            hasher.write(&plain(name));
        } else {
            hasher.write(name);
        }
        Self(hasher.finish())
    }

    /// The key of a qualified name: `ns::Outer<a::B>::Inner`.
    pub(super) fn of(name: &str) -> Self {
        components(name).iter().fold(Self::default(), |key, part| key.inner(part.as_bytes()))
    }
}

/// The parts of a qualified name between the `::` that are outside of all
/// brackets.
pub(super) fn components(name: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    let mut before = 0;
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'<' | b'(' | b'{' | b'[' => depth = depth.saturating_add(1),
            // `->` closes nothing.
            b'>' if before == b'-' => (),
            b'>' | b')' | b'}' | b']' => depth = depth.saturating_sub(1),
            b':' if depth == 0 && before == b':' => {
                let part = name.get(start..at.saturating_sub(1)).unwrap_or_default();
                if !part.is_empty() {
                    parts.push(part);
                }
                start = at.saturating_add(1);
            }
            _ => (),
        }
        before = byte;
    }
    parts.push(name.get(start..).unwrap_or_default());
    parts
}

/// A name as all compilers would write it, if they agreed.
fn plain(name: &[u8]) -> Vec<u8> {
    if name == ANONYMOUS {
        return name.to_vec();
    }
    let mut out = Vec::with_capacity(name.len());
    let mut words: Vec<&[u8]> = Vec::new();
    let mut rest = name;
    while let Some((first, after)) = rest.split_first() {
        if *first == b' ' {
            rest = after;
            continue;
        }
        let length = rest.iter().take_while(|byte| is_word(**byte)).count();
        if length == 0 {
            flush(&mut words, &mut out);
            out.push(*first);
            rest = after;
            if *first == b')' && rest.first().is_some_and(|next| next.is_ascii_digit()) {
                drop_cast(&mut out);
            }
            continue;
        }
        let (word, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        words.push(word);
        rest = after;
    }
    flush(&mut words, &mut out);
    out
}

/// What words are made of; a qualified name is one.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':' | b'$') || !byte.is_ascii()
}

/// Writes words that stand beside each other in an order of their own.
fn flush(words: &mut Vec<&[u8]>, out: &mut Vec<u8>) {
    let has = |word: &[u8]| words.contains(&word);
    let sized = has(b"long") || has(b"short") || has(b"unsigned");
    let is_char = has(b"char");
    words.retain(|word| match *word {
        b"int" => !sized,
        b"signed" => is_char,
        _ => true,
    });
    words.sort_unstable();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(number(word));
    }
    words.clear();
}

/// Removes what demanglers write before numbers that are no `int`:
/// `(unsigned long)3`.
fn drop_cast(out: &mut Vec<u8>) {
    let Some(open) = out.iter().rposition(|byte| *byte == b'(') else { return };
    let cast = out.get(open..).unwrap_or_default();
    let words = cast.split(|byte| matches!(byte, b' ' | b'(' | b')'));
    let is_number = words.filter(|word| !word.is_empty()).all(|word| {
        matches!(word, b"char" | b"short" | b"int" | b"long" | b"signed" | b"unsigned")
    });
    if is_number {
        out.truncate(open);
    }
}

/// A number without the letters that tell its type: `3` of `3ul`.
fn number(word: &[u8]) -> &[u8] {
    if !word.first().is_some_and(u8::is_ascii_digit) {
        return word;
    }
    let end = word.iter().rposition(|byte| !matches!(byte, b'u' | b'U' | b'l' | b'L'));
    let kept = end.and_then(|end| word.get(..=end)).unwrap_or(word);
    // Not of an identifier that a damaged name begins with a digit.
    if kept.iter().all(u8::is_ascii_digit) { kept } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_written_differently_has_one_key() {
        for (one, other) in [
            ("std::vector<int, std::allocator<int> >", "std::vector<int,std::allocator<int>>"),
            ("A<long unsigned int>", "A<unsigned long>"),
            ("A<char const*>", "A<const char *>"),
            ("A<3ul>", "A<3UL>"),
            ("A<3>", "A<3u>"),
            ("A<(unsigned long)3>", "A<3ul>"),
            ("A<std::string const&>", "A<const std::string &>"),
            ("A<short int>", "A<short>"),
            ("long unsigned int", "unsigned long"),
            ("::a::b", "a::b"),
        ] {
            assert_eq!(Key::of(one), Key::of(other), "{one} and {other}");
        }
    }

    #[test]
    fn different_names_have_different_keys() {
        let names = [
            "a",
            "b",
            "a::b",
            "b::a",
            "a<b>",
            "a<b*>",
            "a<b&>",
            "a<const b>",
            "a<b, c>",
            "a<c, b>",
            "(anonymous namespace)::a",
            "a<signed char>",
            "a<char>",
            "a<unsigned char>",
            "a<x::b>",
            "a<3>",
            "a<4>",
            "int",
            "unsigned int",
        ];
        let mut keys: Vec<_> = names.iter().map(|name| Key::of(name)).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), names.len());
    }

    #[test]
    fn names_are_cut_outside_of_brackets_only() {
        let cases: &[(&str, &[&str])] = &[
            ("a", &["a"]),
            ("a::b<c::d>::e", &["a", "b<c::d>", "e"]),
            ("<T as a::B>::{vtable}", &["<T as a::B>", "{vtable}"]),
            ("f<fn(a::b) -> c::d>::g", &["f<fn(a::b) -> c::d>", "g"]),
            ("(anonymous namespace)::a", &["(anonymous namespace)", "a"]),
            ("", &[""]),
        ];
        for (name, want) in cases {
            assert_eq!(components(name), *want);
        }
    }
}
