//! Names of functions without what differs from build to build.
//!
//! The spelling of one function differs between compilers, optimization levels
//! and tools: parameters, return types, template arguments, suffixes of
//! outlined parts, hashes, the processor that a variant is for. What is left
//! is what the source calls it.

/// Longer names are cut: they come from outside.
const LONGEST: usize = 4 << 10;

/// Endings that compilers and linkers add, each up to the name's end.
const SUFFIXES: [&str; 9] = [
    ".isra.",
    ".constprop.",
    ".part.",
    ".cold",
    ".lto_priv",
    ".llvm.",
    ".localalias",
    ".warm",
    ".resume",
];

/// Prefixes of one library's own names for public functions.
const PREFIXES: [&str; 4] = ["__GI_", "__libc_", "__interceptor_", "IA__"];

/// Words of variants for certain processors.
const VARIANTS: [&str; 18] = [
    "avx",
    "avx2",
    "avx512",
    "avx512bw",
    "avx512f",
    "sse2",
    "sse3",
    "ssse3",
    "sse4",
    "sse42",
    "evex",
    "evex512",
    "erms",
    "unaligned",
    "rtm",
    "vbmi",
    "fma",
    "fma4",
];

/// The name of a function as a key has it.
pub fn normalized(name: &str) -> String {
    let name = name.trim();
    let mut end = name.len().min(LONGEST);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    let name = name.get(..end).unwrap_or_default();
    let name = without_suffixes(name);
    let name = closures(&name);
    let name = without_parameters(&collapsed(&name));
    let name = without_return_type(&name);
    let name = joined(&name);
    base_variant(without_prefixes(&name))
}

/// As [`normalized`], of a function of Go: `main.(*T).Run.func1[...]`.
pub fn normalized_go(name: &str) -> String {
    let name = name.split('[').next().unwrap_or(name);
    let parts = name.split('.').enumerate().filter(|(at, part)| {
        let digits = part.strip_prefix("func").unwrap_or(part);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        *at == 0 || !is_number
    });
    let parts: Vec<&str> = parts.map(|(_, part)| part).collect();
    parts.join(".")
}

/// Cuts what compilers and linkers put behind a name, and Rust's hash.
fn without_suffixes(name: &str) -> String {
    let mut name = name;
    if let Some((plain, _version)) = name.split_once("@@").or(name.split_once("@GLIBC")) {
        name = plain;
    }
    if let Some((plain, _variant)) = name.split_once("$VARIANT$") {
        name = plain;
    }
    let mut name = name.to_owned();
    for mark in ["[clone ", "[abi:"] {
        while let Some(at) = name.find(mark) {
            let tail = name.get(at..).unwrap_or_default();
            let Some(end) = tail.find(']') else { break };
            let after = tail.get(end + 1..).unwrap_or_default().to_owned();
            name.truncate(at);
            name.push_str(&after);
        }
    }
    let name = name.trim_end();
    let cut = SUFFIXES.iter().filter_map(|suffix| name.find(suffix)).filter(|at| *at > 0).min();
    let name = name.get(..cut.unwrap_or(name.len())).unwrap_or(name);
    match name.rsplit_once("::h") {
        Some((plain, hash))
            if hash.len() == 16 && hash.bytes().all(|it| it.is_ascii_hexdigit()) =>
        {
            plain.to_owned()
        }
        _ => name.to_owned(),
    }
}

/// Every spelling of a closure as `{closure}` or `{lambda}`; anonymous
/// namespaces and thunks go.
fn closures(name: &str) -> String {
    let mut name = name.to_owned();
    for (mark, by) in [
        ("non-virtual thunk to ", ""),
        ("virtual thunk to ", ""),
        ("(anonymous namespace)::", ""),
        ("(anonymous namespace)", ""),
        ("{anonymous}::", ""),
        ("{{closure}}", "{closure}"),
        ("operator()", "operator\u{1}"),
        ("<lambda", "{lambda"),
    ] {
        name = name.replace(mark, by);
    }
    let mut out = String::with_capacity(name.len());
    let mut rest = name.as_str();
    loop {
        let found = ["{lambda", "'lambda", "{closure", "$_"]
            .iter()
            .filter_map(|mark| rest.find(mark).map(|at| (at, *mark)))
            .min();
        let Some((at, mark)) = found else { break };
        out.push_str(rest.get(..at).unwrap_or_default());
        let tail = rest.get(at + mark.len()..).unwrap_or_default();
        out.push_str(if mark == "{closure" { "{closure}" } else { "{lambda}" });
        let past = match mark {
            "$_" => tail.find(|char: char| !char.is_ascii_digit()).unwrap_or(tail.len()),
            "'lambda" => tail.find('\'').map_or(tail.len(), |end| end + 1),
            _ => closing(tail).unwrap_or(tail.len()),
        };
        rest = tail.get(past..).unwrap_or_default();
        // gdb: `{lambda(int)#1}`, old gcc: `<lambda(int)>`, clang: `'lambda'(int)`.
        if mark == "'lambda" && rest.starts_with('(') {
            rest = rest.get(balanced(rest)..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

/// The end of a closure's own text, up to and with its `}` or `>`.
fn closing(tail: &str) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, char) in tail.char_indices() {
        match char {
            '(' | '{' => depth += 1,
            ')' => depth -= 1,
            '}' | '>' if depth <= 0 => return Some(at + 1),
            '}' => depth -= 1,
            _ => (),
        }
    }
    None
}

/// How long the balanced parentheses are that a text starts with.
fn balanced(text: &str) -> usize {
    let mut depth = 0_i32;
    for (at, char) in text.char_indices() {
        match char {
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            _ => (),
        }
    }
    text.len()
}

/// Template and generic arguments become `<>`; the receiver of a Rust trait's
/// method becomes its trait; a Rust type in `<...>` alone is itself.
fn collapsed(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len());
    let mut at = 0;
    while let Some(&char) = chars.get(at) {
        let begins = |text: &str| text.chars().eq(chars.iter().skip(at).take(text.len()).copied());
        let after_operator = out.ends_with("operator");
        if after_operator && char != ' ' {
            let known = ["<=>", "<<=", ">>=", "->*", "<<", ">>", "<=", ">=", "->", "<", ">"];
            if let Some(symbol) = known.iter().find(|symbol| begins(symbol)) {
                // `operator< <int>` keeps its symbol, not its arguments.
                out.push_str(symbol);
                at += symbol.len();
                continue;
            }
        }
        if begins("->") {
            out.push_str("->");
            at += 2;
            continue;
        }
        if char != '<' {
            out.push(char);
            at += 1;
            continue;
        }
        let end = matching(&chars, at);
        let inner: String = chars.get(at + 1..end).unwrap_or_default().iter().collect();
        let is_receiver = out.is_empty() || out.ends_with("::");
        at = end + 1;
        match split_as(&inner).filter(|_| is_receiver) {
            Some(of_trait) => out.push_str(&format!("<{}>", collapsed(of_trait))),
            // `<alloc::vec::Vec<u8>>::push` is a method of the type, but
            // `Vec::<u8>::push` has arguments.
            None if is_receiver && out.is_empty() && inner.contains("::") => {
                out.push_str(&collapsed(&inner));
            }
            None => {
                if out.ends_with("::") {
                    out.truncate(out.len() - 2);
                }
                out.push_str("<>");
            }
        }
    }
    out
}

/// The trait in `T as Trait`.
fn split_as(inner: &str) -> Option<&str> {
    let mut depth = 0_i32;
    for (at, char) in inner.char_indices() {
        match char {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth -= 1,
            ' ' if depth == 0 => {
                if let Some(of_trait) = inner.get(at..).and_then(|it| it.strip_prefix(" as ")) {
                    return Some(of_trait);
                }
            }
            _ => (),
        }
    }
    None
}

/// The index of the `>` that closes the `<` at `start`, or the last one.
fn matching(chars: &[char], start: usize) -> usize {
    let mut depth = 0_i32;
    let mut before = ' ';
    for (at, char) in chars.iter().enumerate().skip(start) {
        match char {
            '<' => depth += 1,
            '>' if before != '-' => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => (),
        }
        before = *char;
    }
    chars.len()
}

/// Without all parentheses, and the qualifiers behind them.
fn without_parameters(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut depth = 0_i32;
    for char in name.chars() {
        match char {
            '(' => depth += 1,
            ')' => depth = (depth - 1).max(0),
            char if depth == 0 => out.push(char),
            _ => (),
        }
    }
    let mut out = out.as_str();
    for _ in 0..4 {
        for word in [" const", " volatile", " noexcept", "&"] {
            out = out.strip_suffix(word).filter(|it| !it.ends_with("operator")).unwrap_or(out);
        }
    }
    out.to_owned()
}

/// `void f<>` is `f<>`; `operator new` and `operator bool` stay.
fn without_return_type(name: &str) -> String {
    let operator = name.find("operator").unwrap_or(name.len());
    let head = name.get(..operator).unwrap_or_default();
    match head.rfind(' ') {
        Some(at) => name.get(at + 1..).unwrap_or_default().to_owned(),
        None => name.to_owned(),
    }
}

/// A closure's call operator is the closure.
fn joined(name: &str) -> String {
    let name = name.replace('\u{1}', "()");
    let name = name.replace("{lambda}::operator()", "{lambda}");
    name.replace("{lambda}<>", "{lambda}").replace("{closure}<>", "{closure}")
}

fn without_prefixes(name: &str) -> &str {
    let plain = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix));
    plain.filter(|plain| !plain.is_empty()).unwrap_or(name)
}

/// `__memmove_avx_unaligned_erms` is memmove.
fn base_variant(name: &str) -> String {
    let mut plain = name;
    while let Some((rest, word)) = plain.rsplit_once('_') {
        if !VARIANTS.contains(&word) || rest.trim_matches('_').is_empty() {
            break;
        }
        plain = rest;
    }
    match plain.len() < name.len() {
        true => plain.trim_start_matches('_').to_owned(),
        false => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_function_in_many_spellings() {
        let cases = [
            ("plain", "node_set", "node_set"),
            ("parameters", "ns::f(int, std::vector<int> const&) const", "ns::f"),
            ("a return type", "void ns::f<int>(int)", "ns::f<>"),
            (
                "template arguments",
                "std::vector<int, std::allocator<int> >::at",
                "std::vector<>::at",
            ),
            ("less than", "ns::operator< <int>", "ns::operator< <>"),
            ("shift", "std::operator<<<char>", "std::operator<<<>"),
            ("arrow", "Ptr<int>::operator->", "Ptr<>::operator->"),
            ("new", "operator new(unsigned long)", "operator new"),
            ("a call operator", "Task::operator()(int)", "Task::operator()"),
            ("an anonymous namespace", "(anonymous namespace)::hidden(int)", "hidden"),
            ("a thunk", "non-virtual thunk to B::f()", "B::f"),
            (
                "gcc's lambda",
                "outer::use(int)::{lambda()#1}::operator()() const",
                "outer::use::{lambda}",
            ),
            ("clang's lambda", "outer::use(int)::$_0::operator()() const", "outer::use::{lambda}"),
            (
                "llvm's lambda",
                "outer::use(int)::'lambda'(int)::operator()(int) const",
                "outer::use::{lambda}",
            ),
            ("an outlined part", "parse.part.0.cold", "parse"),
            ("a clone", "parse(int) [clone .isra.0]", "parse"),
            ("an ABI tag", "ns::name[abi:cxx11](int)", "ns::name"),
            ("a symbol's version", "memcpy@@GLIBC_2.14", "memcpy"),
            ("Rust's hash", "core::panicking::panic::h0123456789abcdef", "core::panicking::panic"),
            ("Rust's closures", "app::run::{{closure}}", "app::run::{closure}"),
            ("and as v0 has them", "app::run::{closure#3}", "app::run::{closure}"),
            (
                "a trait's method",
                "<app::Job as core::ops::Fn<()>>::call",
                "<core::ops::Fn<>>::call",
            ),
            (
                "a method of a generic type",
                "<alloc::vec::Vec<u8>>::push",
                "alloc::vec::Vec<>::push",
            ),
            ("the same, older", "alloc::vec::Vec<T,A>::push", "alloc::vec::Vec<>::push"),
            ("a turbofish", "app::parse::<u8>", "app::parse<>"),
            ("an internal name", "__GI_raise", "raise"),
            ("a processor's variant", "__memmove_avx_unaligned_erms", "memmove"),
            ("another", "__strlen_avx2", "strlen"),
            ("a function's own words", "set_avx", "set"),
        ];
        for (name, text, want) in cases {
            assert_eq!(normalized(text), want, "{name}");
        }
    }

    #[test]
    fn functions_of_go() {
        let cases = [
            ("main.(*Server).Run.func1", "main.(*Server).Run"),
            ("main.main.func2.1", "main.main"),
            ("slices.Sort[...]", "slices.Sort"),
        ];
        for (text, want) in cases {
            assert_eq!(normalized_go(text), want);
        }
    }

    #[test]
    fn hostile_names_are_no_trouble() {
        for text in [
            "<", ">", "((((", "operator", "{lambda", "'lambda", "$_", "<<<<<>", "::", "[abi:",
            "<a as",
        ] {
            let _bounded = normalized(text);
        }
        assert!(normalized(&"<(".repeat(100_000)).len() <= 2 * LONGEST);
    }
}
