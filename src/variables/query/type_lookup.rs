//! From the name of a type to the type.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use gimli::DwAte;
use gimli::constants as dw;

use crate::symbols::module::ModuleSymbols;
use crate::symbols::types::Dialect;
use crate::variables::query::evaluate::{Evaluator, Found};
use crate::variables::query::fault::Fault;
use crate::variables::query::names::{is_of_file, last_part, unit_file};
use crate::variables::query::result_type::ResultType;
use crate::variables::query::syntax::{Expression, Kind, Made, Name, TypeName};

/// Types that every program has, whether its debug information names them or
/// not: names, size, encoding. System V psABI for AMD64, figure 3.1; Rust
/// reference, "Numeric types".
const BUILT_IN: &[(&[&str], u64, DwAte)] = &[
    (&["char"], 1, dw::DW_ATE_signed_char),
    (&["signed char", "int8_t", "i8"], 1, dw::DW_ATE_signed_char),
    (&["unsigned char", "uint8_t", "u8"], 1, dw::DW_ATE_unsigned_char),
    (&["short", "int16_t", "i16"], 2, dw::DW_ATE_signed),
    (&["unsigned short", "uint16_t", "u16"], 2, dw::DW_ATE_unsigned),
    (&["int", "int32_t", "i32"], 4, dw::DW_ATE_signed),
    (&["unsigned int", "uint32_t", "u32"], 4, dw::DW_ATE_unsigned),
    (
        &["long", "int64_t", "i64", "ssize_t", "ptrdiff_t", "intptr_t", "isize"],
        8,
        dw::DW_ATE_signed,
    ),
    (&["unsigned long", "uint64_t", "u64", "size_t", "uintptr_t", "usize"], 8, dw::DW_ATE_unsigned),
    (&["long long"], 8, dw::DW_ATE_signed),
    (&["unsigned long long"], 8, dw::DW_ATE_unsigned),
    (&["__int128", "i128"], 16, dw::DW_ATE_signed),
    (&["unsigned __int128", "u128"], 16, dw::DW_ATE_unsigned),
    (&["float", "f32"], 4, dw::DW_ATE_float),
    (&["double", "f64"], 8, dw::DW_ATE_float),
    (&["long double"], 16, dw::DW_ATE_float),
    (&["bool", "_Bool"], 1, dw::DW_ATE_boolean),
];

impl<'a, 'f> Evaluator<'_, '_, 'a, 'f> {
    /// The type that was written.
    pub(super) fn type_named(&self, name: &TypeName) -> Found<ResultType<'a, 'f>> {
        let base = self.base_type(name).ok_or_else(|| {
            if let Some(fault) = self.ambiguous(name) {
                return fault;
            }
            let keyword = name.keyword.map(|keyword| format!("{keyword} ")).unwrap_or_default();
            let what = format!("there is no type `{keyword}{}` here", name.base);
            Fault::new(name.at, what)
                .with_hint("types are looked for in the program and in all of its libraries")
        })?;
        self.note_module(&base);
        Ok(name.made.iter().fold(base, |of, made| match made {
            Made::Pointer => of.pointer(self.dialect),
            Made::Array(count) => of.array(*count, self.dialect),
        }))
    }

    /// What is wrong with the name of several types that differ.
    fn ambiguous(&self, name: &TypeName) -> Option<Fault> {
        let types = &self.view.context.types;
        let rivals = self.scopes().into_iter().find_map(|scope| {
            let found = types.rivals_named(&format!("{scope}{}", name.base), self.function);
            (found.len() > 1).then_some(found)
        })?;
        let mut files: Vec<String> = rivals.iter().filter_map(|of| unit_file(*of)).collect();
        files.dedup();
        let what = format!("there are {} types named `{}`, which differ", rivals.len(), name.base);
        let choices: Vec<String> =
            files.iter().map(|file| format!("'{}'::{}", last_part(file), name.base)).collect();
        let hint = format!("say which one: {}", choices.join(", "));
        Some(Fault::new(name.at, what).with_hint(hint))
    }

    /// Says from which module a type is, when it is not the frame's.
    fn note_module(&self, of: &ResultType<'a, 'f>) {
        let Some(entry) = of.entry() else { return };
        let owner = |module: &&ModuleSymbols<'f>| module.has_debug(entry.debug);
        let here = self.near_modules().next();
        if here.as_ref().is_some_and(owner) {
            return;
        }
        if let Some(module) = self.near_modules().find(owner) {
            self.note(format!("the type `{}` is that of {}", self.name_of(of), module.name()));
        }
    }

    /// Whether a name is that of a type, and of no variable.
    pub(super) fn is_type(&self, name: &str) -> bool {
        !self.is_variable(name) && self.plain_type(name).is_some()
    }

    /// The type, where an expression is no more than its name, and that of no
    /// variable: `sizeof(conn)`.
    pub(super) fn type_in_place(&self, expression: &Expression) -> Option<ResultType<'a, 'f>> {
        match &expression.kind {
            Kind::Name(Name { file: None, path }) if self.is_type(path) => self.plain_type(path),
            Kind::Name(Name { file: Some(file), path })
                if self.globals(path, Some(file), false).is_empty() =>
            {
                self.type_of_file(path, file)
            }
            _ => None,
        }
    }

    fn base_type(&self, name: &TypeName) -> Option<ResultType<'a, 'f>> {
        if name.keyword.is_none() {
            return self.plain_type(&name.base);
        }
        self.entry_named(&name.base)
    }

    fn plain_type(&self, name: &str) -> Option<ResultType<'a, 'f>> {
        if name == "void" {
            return Some(ResultType::Declared(None));
        }
        let canonical = canonical(name);
        let words = ["long", "short", "int", "char", "double", "unsigned", "signed", "float"];
        let is_of_c = canonical.split(' ').all(|word| words.contains(&word) || word == "__int128");
        if is_of_c {
            return built_in(&canonical, name, self.dialect);
        }
        self.entry_named(name).or_else(|| built_in(&canonical, name, self.dialect))
    }

    /// `'file.c'::name`.
    fn type_of_file(&self, name: &str, file: &str) -> Option<ResultType<'a, 'f>> {
        let types = &self.view.context.types;
        let is_wanted = |entry| is_of_file(entry, file);
        let found = types.types_of_units(name, self.function, &is_wanted);
        found.map(|of| ResultType::Declared(Some(of)))
    }

    fn entry_named(&self, name: &str) -> Option<ResultType<'a, 'f>> {
        if let Some((file, name)) = name.strip_prefix('\'').and_then(|rest| rest.split_once("'::"))
        {
            return self.type_of_file(name, file);
        }
        let context = self.view.context;
        // Compilers write the arguments of templates in one of these ways.
        let spaced = name.replace(", ", ",").replace(',', ", ");
        let spelled = [name.to_owned(), spaced.clone(), spaced.replace(">>", "> >")];
        let scopes = self.scopes();
        let found = scopes.iter().find_map(|scope| {
            spelled
                .iter()
                .find_map(|name| context.type_named(&format!("{scope}{name}"), self.function))
        });
        let found = found.or_else(|| self.template(name, &scopes));
        Some(ResultType::Declared(Some(found?)))
    }
}

fn built_in<'a, 'f>(
    canonical: &str,
    written: &str,
    dialect: Dialect,
) -> Option<ResultType<'a, 'f>> {
    let found = BUILT_IN.iter().find(|(names, ..)| names.contains(&canonical));
    found.map(|(_, size, encoding)| ResultType::number(written, *size, *encoding, dialect))
}

/// `long unsigned int` as `unsigned long`.
fn canonical(name: &str) -> String {
    let words: Vec<&str> = name.split(' ').collect();
    let has = |word: &str| words.contains(&word);
    let longs = words.iter().filter(|word| **word == "long").count();
    let kind = if has("char") {
        "char"
    } else if has("double") {
        if longs > 0 { "long double" } else { "double" }
    } else if has("short") {
        "short"
    } else if has("__int128") {
        "__int128"
    } else if longs > 1 {
        "long long"
    } else if longs == 1 {
        "long"
    } else if has("int") || has("unsigned") || has("signed") {
        "int"
    } else {
        return name.to_owned();
    };
    match (has("unsigned"), has("signed")) {
        (true, _) => format!("unsigned {kind}"),
        (_, true) if kind == "char" => "signed char".to_owned(),
        _ => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_c_in_any_order() {
        let cases = [
            ("unsigned", "unsigned int"),
            ("long unsigned int", "unsigned long"),
            ("unsigned long long", "unsigned long long"),
            ("long long int", "long long"),
            ("short int", "short"),
            ("signed char", "signed char"),
            ("signed", "int"),
            ("long double", "long double"),
            ("unsigned __int128", "unsigned __int128"),
            ("word_t", "word_t"),
        ];
        for (name, want) in cases {
            assert_eq!(canonical(name), want);
        }
    }

    #[test]
    fn every_name_is_of_one_type() {
        let mut names: Vec<&str> =
            BUILT_IN.iter().flat_map(|(names, ..)| names.iter().copied()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
