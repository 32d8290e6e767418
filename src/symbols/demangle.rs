//! Names as people wrote them.

use std::fmt::{self, Write as _};

use cpp_demangle::{DemangleOptions, ParseOptions};

/// Names longer than this are shown as they are: parsing costs more than they
/// tell.
const LONGEST_MANGLED: usize = 16 << 10;

/// A short mangled name can expand without bound, since later parts may refer
/// to earlier ones.
const LONGEST_DEMANGLED: usize = 8 << 10;

/// Nesting of the grammar that is followed.
const MOST_DEPTH: u32 = 160;

/// The name as the source has it, for C++ (Itanium ABI) and Rust (legacy and
/// v0) names. C++: qualified, with template arguments, without return type and
/// parameters. Rust: without the hash. `None` when `name` is not mangled.
pub fn demangled(name: &[u8]) -> Option<String> {
    if name.len() > LONGEST_MANGLED || !(name.starts_with(b"_") || name.starts_with(b"ZN")) {
        return None;
    }
    let text = std::str::from_utf8(name).ok()?;
    if let Ok(rust) = rustc_demangle::try_demangle(text) {
        // The alternate form leaves out the hash.
        return limited(|out| write!(out, "{rust:#}"));
    }
    let parse = ParseOptions::default().recursion_limit(MOST_DEPTH);
    let symbol = cpp_demangle::Symbol::new_with_options(name, &parse).ok()?;
    let options = DemangleOptions::new().no_params().no_return_type().recursion_limit(MOST_DEPTH);
    let text = limited(|out| symbol.structured_demangle(out, &options))?;
    // Empty parameter packs leave their separator behind.
    let text = text.replace(", >", ">");
    // Methods of local classes keep their `const`, though the parameters that
    // it follows are gone. A conversion may really end so: `operator int const`.
    match text.strip_suffix(" const") {
        Some(plain) if !plain.contains("::operator ") => Some(plain.to_owned()),
        _ => Some(text),
    }
}

fn limited(write: impl FnOnce(&mut Limited) -> fmt::Result) -> Option<String> {
    let mut out = Limited(String::new());
    write(&mut out).ok()?;
    Some(out.0)
}

/// Text that refuses to grow too long.
struct Limited(String);

impl fmt::Write for Limited {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len().saturating_add(text.len()) > LONGEST_DEMANGLED {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let cases: &[(&str, Option<&str>)] = &[
            ("main", None),
            ("_start", None),
            ("_Z3fooi", Some("foo")),
            (
                "_ZN9__gnu_cxx13new_allocatorIiE8allocateEmPKv",
                Some("__gnu_cxx::new_allocator<int>::allocate"),
            ),
            (
                "_ZNSt6vectorIiSaIiEE9push_backEOi",
                Some("std::vector<int, std::allocator<int> >::push_back"),
            ),
            ("_ZN12_GLOBAL__N_16hiddenEv", Some("(anonymous namespace)::hidden")),
            ("_ZN4core9panicking5panic17h0123456789abcdefE", Some("core::panicking::panic")),
            ("_RNvCs1234_7mycrate3foo", Some("mycrate::foo")),
            (
                "_ZN4core3fmt9Formatter3pad17h0123456789abcdefE.llvm.123",
                Some("core::fmt::Formatter::pad"),
            ),
            // gcc's name of all variants of a constructor or destructor at once.
            ("_ZN3BoxC4Ev", Some("Box::Box")),
            ("_ZN3BoxD4Ev", Some("Box::~Box")),
            ("_ZNK3Box3getEv", Some("Box::get")),
            ("_ZZN5outer3useEiENKUlvE_clEv", Some("outer::use(int)::{lambda()#1}::operator()")),
            ("_Z3foov.cold", Some("foo")),
            ("_Z", None),
            ("_ZN", None),
            ("", None),
        ];
        for (name, want) in cases {
            assert_eq!(demangled(name.as_bytes()).as_deref(), *want, "{name}");
        }
    }

    #[test]
    fn hostile_names_are_bounded() {
        // Each pair doubles what the one before expands to.
        let mut name = b"_Z1fI".to_vec();
        name.extend(b"N1aE".repeat(4));
        for number in 0..200 {
            name.extend(format!("1xIS{number}_S{number}_E").bytes());
        }
        name.extend(b"Evv");
        let _bounded = demangled(&name);
        let deep = [b"_Z1f".to_vec(), b"P".repeat(100_000), b"i".to_vec()].concat();
        assert_eq!(demangled(&deep), None);
    }
}
