//! Where symbols are, and what is at an address, for people.

use std::fmt::{self, Write};

use crate::report::model::{
    AddressLines, ModuleFiles, SourceCall, SymbolFiles, SymbolTable, UsedFile,
};
use crate::report::render::escape::escaped;
use crate::report::render::layout::{Lines, span};
use crate::report::render::theme::{Role, Theme};

/// Columns of the labels below a module's name.
const INDENT: usize = 11;

/// Writes the modules one after the other, each with its files below.
///
/// # Errors
///
/// Only those of `out`.
pub fn modules(
    files: &SymbolFiles,
    theme: Theme,
    width: usize,
    out: &mut dyn Write,
) -> fmt::Result {
    let mut lines = Lines::new(out, theme, width);
    for (index, module) in files.modules.iter().enumerate() {
        if index > 0 {
            lines.line(0, Role::Plain, "")?;
        }
        one(&mut lines, module)?;
    }
    Ok(())
}

fn one(lines: &mut Lines<'_>, module: &ModuleFiles) -> fmt::Result {
    lines.begin(0, 2)?;
    lines.word(0, &[span(Role::Heading, &module.path)])?;
    if let Some(base) = module.base {
        lines.word(1, &[span(Role::Plain, &format!("at {base}"))])?;
    }
    lines.end()?;
    let id = module.build_id.as_deref().unwrap_or("none");
    row(lines, "build-id", Role::Plain, id)?;
    let used = |file: &Option<UsedFile>| {
        file.as_ref().map(|file| match file.found.as_str() {
            "" => file.path.clone(),
            found => format!("{} ({found})", file.path),
        })
    };
    row(lines, "file", Role::Plain, used(&module.file).as_deref().unwrap_or("none is used"))?;
    if let Some(file) = used(&module.debug_file) {
        row(lines, "debug", Role::Plain, &file)?;
    }
    if let Some(file) = &module.shared_file {
        row(lines, "shared", Role::Plain, &format!("{file} (pieces that dwz took out)"))?;
    }
    if let Some(file) = &module.package {
        row(lines, "package", Role::Plain, &format!("{file} (split debug information)"))?;
    }
    if module.split_units > 0 {
        let missing = module.missing.iter().filter(|gap| gap.why.contains("split file")).count();
        let found = module.split_units.saturating_sub(missing as u64);
        row(lines, "split", Role::Plain, &format!("{found} of {} units", module.split_units))?;
    }
    let tells = match module.symbols {
        SymbolTable::Dwarf => "functions, lines and variables",
        SymbolTable::GoTable => "functions and lines, by the table of Go's runtime",
        SymbolTable::Symtab => "functions",
        SymbolTable::Dynsym => "exported functions",
        SymbolTable::None => "nothing",
    };
    row(lines, "tell", Role::Plain, tells)?;
    if let Some(other) = &module.mismatch {
        row(lines, "not used", Role::Alarm, other)?;
    }
    for gap in &module.missing {
        let why = if gap.why.is_empty() { String::new() } else { format!(": {}", gap.why) };
        row(lines, "missing", Role::Unknown, &format!("{}{why}", gap.missing))?;
        if let Some(hint) = &gap.hint {
            row(lines, "get it", Role::Hint, hint)?;
        }
    }
    Ok(())
}

fn row(lines: &mut Lines<'_>, label: &str, role: Role, says: &str) -> fmt::Result {
    lines.begin(2, INDENT)?;
    lines.word(0, &[span(Role::Plain, label)])?;
    let gap = INDENT.saturating_sub(2).saturating_sub(label.len());
    lines.sentence(gap.max(1), role, says)?;
    lines.end()
}

/// Writes the calls at one address, innermost first, a line each.
///
/// # Errors
///
/// Only those of `out`.
pub fn address(found: &AddressLines, theme: Theme, out: &mut dyn Write) -> fmt::Result {
    theme.paint(Role::Plain, &escaped(&found.asked), out)?;
    if found.address.is_none() {
        return out.write_str(": no address or symbol of this module\n");
    }
    if found.calls.is_empty() {
        return out.write_str(": nothing is known of it\n");
    }
    for (index, call) in found.calls.iter().enumerate() {
        out.write_str(if index == 0 { ": " } else { "  inlined into " })?;
        self::call(call, theme, out)?;
        out.write_char('\n')?;
    }
    Ok(())
}

fn call(call: &SourceCall, theme: Theme, out: &mut dyn Write) -> fmt::Result {
    match &call.function {
        Some(name) => theme.paint(Role::Function, &escaped(name), out)?,
        None => out.write_str("??")?,
    }
    if let Some(offset) = call.offset.filter(|offset| *offset > 0) {
        write!(out, "+{offset:#x}")?;
    }
    let Some(file) = &call.file else { return Ok(()) };
    out.write_str(" at ")?;
    let mut place = escaped(file).into_owned();
    if let Some(line) = call.line {
        place.push_str(&format!(":{line}"));
    }
    theme.paint(Role::Path, &place, out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::model::{Gap, Hex, UsedFile};

    #[test]
    fn modules_are_told_with_what_is_missing() {
        let module = ModuleFiles {
            path: "/opt/bin/\u{1b}shop".to_owned(),
            base: Some(Hex(0x5555_0000)),
            build_id: Some("abcdef".to_owned()),
            file: Some(UsedFile {
                path: "/opt/bin/shop".to_owned(),
                found: "at its path".to_owned(),
            }),
            split_units: 3,
            symbols: SymbolTable::Symtab,
            missing: vec![Gap {
                missing: "variables of shop".to_owned(),
                why: "they are in the split file a.dwo".to_owned(),
                hint: Some("copy a.dwo".to_owned()),
            }],
            ..ModuleFiles::default()
        };
        let files = SymbolFiles { modules: vec![module], ..SymbolFiles::default() };
        let mut out = String::new();
        modules(&files, Theme::Plain, 60, &mut out).unwrap();
        insta::assert_snapshot!(out, @r"
        /opt/bin/\x1bshop at 0x55550000
          build-id abcdef
          file     /opt/bin/shop (at its path)
          split    2 of 3 units
          tell     functions
          missing  variables of shop: they are in the split file
                   a.dwo
          get it   copy a.dwo
        ");
    }

    #[test]
    fn addresses_are_told_with_what_was_inlined() {
        let call = |name: &str, line, inlined| SourceCall {
            function: Some(name.to_owned()),
            file: Some("a.c".to_owned()),
            line: Some(line),
            inlined,
            offset: (!inlined).then_some(4),
            ..SourceCall::default()
        };
        let mut found = AddressLines {
            asked: "1139".to_owned(),
            address: Some(Hex(0x1139)),
            calls: vec![call("inner", 3, true), call("outer", 9, false)],
            ..AddressLines::default()
        };
        let mut out = String::new();
        address(&found, Theme::Plain, &mut out).unwrap();
        found.calls.clear();
        address(&found, Theme::Plain, &mut out).unwrap();
        found.address = None;
        address(&found, Theme::Plain, &mut out).unwrap();
        insta::assert_snapshot!(out, @r"
        1139: inner at a.c:3
          inlined into outer+0x4 at a.c:9
        1139: nothing is known of it
        1139: no address or symbol of this module
        ");
    }
}
