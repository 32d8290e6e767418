//! Names of C++ types as people write them: without the template arguments that
//! the standard library adds by itself.

/// Arguments that stand for themselves when left out, at the end of a list.
const DEFAULTS: &[&str] = &[
    "std::allocator<",
    "std::char_traits<",
    "std::default_delete<",
    "std::equal_to<",
    "std::hash<",
    "std::less<",
    "std::__1::allocator<",
    "std::__1::char_traits<",
    "std::__1::default_delete<",
    "std::__1::equal_to<",
    "std::__1::hash<",
    "std::__1::less<",
];

/// What the library itself calls some instances.
const ALIASES: &[(&str, &str)] = &[
    ("std::__cxx11::basic_string<char>", "std::string"),
    ("std::__cxx11::basic_string<wchar_t>", "std::wstring"),
    ("std::basic_string_view<char>", "std::string_view"),
    ("std::__1::basic_string<char>", "std::string"),
    ("std::__1::basic_string<wchar_t>", "std::wstring"),
    ("std::__1::basic_string_view<char>", "std::string_view"),
];

/// How deep template arguments nest.
const MOST_NESTED: usize = 24;

/// The name without default arguments: `std::vector<std::string>`. A name that
/// is not understood is left as it is.
pub(super) fn simplified(name: &str) -> String {
    if !name.contains("std::") {
        return name.to_owned();
    }
    simplify(name, MOST_NESTED).unwrap_or_else(|| name.to_owned())
}

fn simplify(name: &str, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    let Some(open) = name.find('<') else { return Some(name.to_owned()) };
    let (head, rest) = name.split_at(open);
    let (arguments, after) = arguments(rest)?;
    let mut kept = Vec::new();
    for argument in &arguments {
        kept.push(simplify(argument, depth)?);
    }
    let is_std = head.rsplit([' ', '(', ',']).next()?.starts_with("std::");
    while is_std
        && kept.len() > 1
        && let Some(last) = arguments.get(kept.len().checked_sub(1)?)
        && is_default(arguments.first()?, last)
    {
        kept.pop();
    }
    let list = kept.join(", ");
    let mut simple = format!("{head}<{list}>");
    for (long, short) in ALIASES {
        if let Some(before) = simple.strip_suffix(long) {
            simple = format!("{before}{short}");
        }
    }
    Some(simple + &simplify(after, depth)?)
}

/// Whether `argument` is what the library adds for `first`. `std::less<void>`,
/// say, is another comparison than `std::less<int>`; allocators have to fit.
fn is_default(first: &str, argument: &str) -> bool {
    DEFAULTS.iter().any(|default| {
        argument.starts_with(default)
            && (default.ends_with("allocator<") || is_of(first, argument, default))
    })
}

/// Whether `argument` is the template `default` of `first`, and nothing more.
fn is_of(first: &str, argument: &str, default: &str) -> bool {
    let rest = default.len().checked_sub(1).and_then(|open| argument.get(open..));
    rest.and_then(arguments).is_some_and(|(list, after)| list == [first] && after.is_empty())
}

/// The arguments of the first template in a name: `int`, `app::Order` in
/// `std::set<int, app::Order>`. `None`: it has none, or its brackets do not
/// match.
pub fn template_arguments(name: &str) -> Option<Vec<&str>> {
    Some(arguments(name.get(name.find('<')?..)?)?.0)
}

/// The template arguments at the start of `text`, and what follows them.
fn arguments(text: &str) -> Option<(Vec<&str>, &str)> {
    let mut depth = 0_usize;
    let mut start = 1;
    let mut found = Vec::new();
    for (at, letter) in text.char_indices() {
        match letter {
            '<' | '(' | '[' | '{' => depth = depth.checked_add(1)?,
            '>' | ')' | ']' | '}' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    let last = text.get(start..at)?.trim();
                    found.extend((!last.is_empty()).then_some(last));
                    return Some((found, text.get(at.checked_add(1)?..)?));
                }
            }
            ',' if depth == 1 => {
                found.push(text.get(start..at)?.trim());
                start = at.checked_add(1)?;
            }
            _ => (),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        const STRING: &str =
            "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >";
        let cases: &[(&str, &str)] = &[
            (STRING, "std::string"),
            (&format!("const {STRING} &"), "const std::string &"),
            (
                &format!("std::vector<{STRING}, std::allocator<{STRING} > >"),
                "std::vector<std::string>",
            ),
            (
                "std::map<int, int, std::less<int>, std::allocator<std::pair<int const, int> > >",
                "std::map<int, int>",
            ),
            (
                "std::map<int, int, app::Order, std::allocator<std::pair<int const, int> > > *",
                "std::map<int, int, app::Order> *",
            ),
            ("std::unique_ptr<int, std::default_delete<int> >", "std::unique_ptr<int>"),
            ("app::Box<int, std::allocator<int> >", "app::Box<int, std::allocator<int>>"),
            (
                "std::set<int, std::less<void>, std::allocator<int> >",
                "std::set<int, std::less<void>>",
            ),
            (
                "std::unique_ptr<A, std::default_delete<B> >",
                "std::unique_ptr<A, std::default_delete<B>>",
            ),
            (
                "std::set<std::pair<int, int>, std::less<std::pair<int, int> > >",
                "std::set<std::pair<int, int>>",
            ),
            ("std::allocator<int>", "std::allocator<int>"),
            ("std::vector<int", "std::vector<int"),
            ("std::vector<int, std::allocator<int> >::iterator", "std::vector<int>::iterator"),
            ("int [3]", "int [3]"),
        ];
        for (name, want) in cases {
            assert_eq!(simplified(name), *want);
        }
    }
}
