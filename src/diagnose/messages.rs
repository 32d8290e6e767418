//! Last words: what the C library wrote before it aborted.

use crate::base::addr::RunAddr;
use crate::diagnose::crash::Crash;
use crate::symbols::module::ModuleSymbols;

/// Bytes of one message. Assertions print whole expressions, macros expanded.
const LONGEST: u64 = 16 << 10;

/// The text that the C library printed before it called `abort`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbortMessage {
    /// The text, without the line break at its end. Not escaped.
    pub text: String,
    /// The variable that it was found through: `__abort_msg`.
    pub variable: &'static str,
}

/// A failed assertion, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// What should have been true.
    pub expression: String,
    /// The source file.
    pub file: Option<String>,
    /// Its line.
    pub line: Option<u32>,
    /// The function, as the compiler writes it.
    pub function: Option<String>,
}

/// The message of the C library, or else of GLib.
pub fn abort_message(crash: &Crash<'_, '_>) -> Option<AbortMessage> {
    let found = glibc(crash).map(|text| (text, "__abort_msg"));
    let found = found.or_else(|| glib(crash).map(|text| (text, "__glib_assert_msg")));
    let (text, variable) = found?;
    let text = String::from_utf8_lossy(&text).trim_end().to_owned();
    (!text.is_empty()).then_some(AbortMessage { text, variable })
}

/// glibc: `__abort_msg`, a `struct abort_msg_s *` in `.dynsym` under
/// `GLIBC_PRIVATE`. Layout: `u32 size; char msg[]`, where `size` counts whole
/// pages. Source: glibc `include/stdlib.h`, `sysdeps/posix/libc_fatal.c`.
fn glibc(crash: &Crash<'_, '_>) -> Option<Vec<u8>> {
    let variable = exported(crash, &["libc.so", "libc-2"], b"__abort_msg")?;
    let message = RunAddr(crash.memory.word(variable).ok()?);
    if message.0 == 0 {
        return None;
    }
    let size = u64::from(crash.memory.u32(message).ok()?).min(LONGEST);
    let size = usize::try_from(size.checked_sub(4)?).ok()?;
    crash.memory.text(message.checked_add(4)?, size).ok().map(|(text, _)| text)
}

/// GLib: `__glib_assert_msg`, a `char *`. Source: GLib `glib/gtestutils.c`.
fn glib(crash: &Crash<'_, '_>) -> Option<Vec<u8>> {
    let variable = exported(crash, &["libglib-2"], b"__glib_assert_msg")?;
    let message = RunAddr(crash.memory.word(variable).ok()?);
    if message.0 == 0 {
        return None;
    }
    crash.memory.text(message, usize::try_from(LONGEST).ok()?).ok().map(|(text, _)| text)
}

/// Where a variable is that a library of one of these names exports; or the
/// program itself, when that library is linked into it.
pub(super) fn exported(crash: &Crash<'_, '_>, files: &[&str], name: &[u8]) -> Option<RunAddr> {
    let is_named = |module: &ModuleSymbols<'_>| {
        let path = module.path();
        let file = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        files.iter().any(|start| file.starts_with(start.as_bytes()))
    };
    let modules = || crash.symbols.modules().iter().zip(&crash.process.modules);
    let library = modules().find(|(symbols, _)| is_named(symbols));
    let (symbols, _) = library.or_else(|| modules().find(|(_, module)| module.is_main))?;
    let symbol = symbols.symbol_named(name)?;
    Some(symbol.start.to_run(symbols.bias()))
}

/// Takes glibc's words for a failed assertion apart:
/// ``prog: file.c:17: function: Assertion `expression' failed.``
///
/// Source: glibc `assert/assert.c`, format `"%s%s%s:%u: %s%sAssertion `%s'
/// failed.\n"`: program and function may be missing.
pub fn assertion(text: &str) -> Option<Assertion> {
    const MARK: &str = "Assertion `";
    // The expression may contain anything; file and function do not contain
    // the mark.
    let (before, after) = text.trim_end().split_once(MARK)?;
    let expression = after.strip_suffix("' failed.")?;
    let mut assertion =
        Assertion { expression: expression.to_owned(), file: None, line: None, function: None };
    let parts: Vec<&str> = before.split(": ").filter(|part| !part.is_empty()).collect();
    let place = parts.iter().position(|part| line_of(part).is_some());
    if let Some((at, (file, line))) = place.and_then(|at| Some((at, line_of(parts.get(at)?)?))) {
        assertion.file = Some(file.to_owned());
        assertion.line = Some(line);
        let function = parts.get(at.saturating_add(1)..).unwrap_or_default().join(": ");
        assertion.function = (!function.is_empty()).then_some(function);
    }
    Some(assertion)
}

/// `file.c:17`, taken apart.
fn line_of(part: &str) -> Option<(&str, u32)> {
    let (file, line) = part.rsplit_once(':')?;
    Some((file, line.parse().ok()?)).filter(|(file, _)| !file.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assertions() {
        let cases = [
            (
                "prog: src/bank.c:17: withdraw: Assertion `balance >= 0' failed.\n",
                Some(("balance >= 0", Some("src/bank.c"), Some(17), Some("withdraw"))),
            ),
            (
                "prog: a.cc:3: int ns::f(const T&) [with T = int]: Assertion `x' failed.",
                Some(("x", Some("a.cc"), Some(3), Some("int ns::f(const T&) [with T = int]"))),
            ),
            // The expression holds a quote that looks like the end.
            (
                "p: f.c:1: g: Assertion `strcmp(s, \"' failed.\") == 0' failed.",
                Some(("strcmp(s, \"' failed.\") == 0", Some("f.c"), Some(1), Some("g"))),
            ),
            // A program whose name has a colon and a blank.
            (
                "my: prog: f.c:9: g: Assertion `0' failed.",
                Some(("0", Some("f.c"), Some(9), Some("g"))),
            ),
            ("f.c:9: Assertion `0' failed.", Some(("0", Some("f.c"), Some(9), None))),
            ("double free or corruption (fasttop)", None),
            ("Assertion `cut", None),
            ("", None),
        ];
        for (text, want) in cases {
            let found = assertion(text);
            let found = found.as_ref().map(|it| {
                (it.expression.as_str(), it.file.as_deref(), it.line, it.function.as_deref())
            });
            assert_eq!(found, want, "{text}");
        }
    }
}
