//! Which variables a call has at the point where it stands.

use gimli::constants as dw;

use crate::base::addr::LinkAddr;
use crate::symbols::entries::{Attributes, Descend, Entry};

/// More variables than this of one call are left out. Generated code has
/// hundreds; nobody reads thousands.
const MOST_VARIABLES: usize = 500;

/// A variable that is in scope.
pub struct Declared<'a, 'f> {
    /// Its entry, as this call has it; what is missing there is said by its
    /// origin.
    pub attributes: Attributes<'a, 'f>,
    /// Its name. `None`: an argument without a name.
    pub name: Option<String>,
    /// Whether it is an argument.
    pub is_argument: bool,
    depth: usize,
}

/// The arguments, in the order of their declaration, then the locals, those of
/// the innermost block first: of two that share a name, the source means the
/// first.
///
/// `function` is the call's subprogram or inlined subroutine. Blocks that do
/// not contain `at`, and calls that are inlined into this one, are left out.
pub fn variables_at<'a, 'f>(function: Entry<'a, 'f>, at: LinkAddr) -> Vec<Declared<'a, 'f>> {
    let mut arguments = Vec::new();
    let mut locals = Vec::new();
    function.walk(|entry, depth| {
        if arguments.len().saturating_add(locals.len()) >= MOST_VARIABLES {
            return Descend::Stop;
        }
        match entry.tag() {
            dw::DW_TAG_formal_parameter => arguments.extend(declared(entry, depth)),
            dw::DW_TAG_variable => locals.extend(declared(entry, depth)),
            // `Args... args` of C++: each argument is an entry below, named by
            // its number where the pack has a name.
            dw::DW_TAG_GNU_formal_parameter_pack => {
                let name = entry.name();
                let parts = entry.entry.children();
                for (number, part) in parts.iter().enumerate() {
                    let part = declared(part, depth.saturating_add(1));
                    arguments.extend(part.map(|part| Declared {
                        name: part.name.or_else(|| Some(format!("{}#{number}", name.as_ref()?))),
                        ..part
                    }));
                }
            }
            dw::DW_TAG_lexical_block | dw::DW_TAG_try_block | dw::DW_TAG_catch_block => {
                // A block without addresses only groups.
                return match entry.covers(at) {
                    Some(false) => Descend::No,
                    Some(true) | None => Descend::Yes,
                };
            }
            _ => (),
        }
        Descend::No
    });
    add_removed(function, &mut arguments, &mut locals);
    locals.sort_by_key(|local: &Declared<'_, '_>| std::cmp::Reverse(local.depth));
    arguments.extend(locals);
    arguments.truncate(MOST_VARIABLES);
    arguments
}

fn declared<'a, 'f>(attributes: &Attributes<'a, 'f>, depth: usize) -> Option<Declared<'a, 'f>> {
    let is_argument = attributes.tag() == dw::DW_TAG_formal_parameter;
    // `extern int x;` in a function declares no variable of that function.
    if attributes.is_set(dw::DW_AT_declaration) {
        return None;
    }
    let name = attributes.name();
    let is_made = attributes.origins().iter().any(|origin| origin.is_set(dw::DW_AT_artificial));
    // Besides `this` and `self`, gcc makes a variable for each capture of a
    // lambda; what compilers make for themselves begins with `__`.
    let is_of_source = match name.as_deref() {
        Some("this" | "self") => true,
        Some(name) => !is_argument && !name.starts_with("__"),
        None => false,
    };
    if (is_made && !is_of_source) || (name.is_none() && !is_argument) {
        return None;
    }
    Some(Declared { attributes: attributes.clone(), name, is_argument, depth })
}

/// Adds what the function has in the source, and this copy of it has no more:
/// the compiler leaves out entries of variables that it removed.
fn add_removed<'a, 'f>(
    function: Entry<'a, 'f>,
    arguments: &mut Vec<Declared<'a, 'f>>,
    locals: &mut Vec<Declared<'a, 'f>>,
) {
    let origin = function.attributes().and_then(|own| own.reference(dw::DW_AT_abstract_origin));
    let Some(origin) = origin else { return };
    let is_copy_of = |copy: &Declared<'a, 'f>, source: Entry<'a, 'f>| {
        copy.attributes.reference(dw::DW_AT_abstract_origin) == Some(source)
    };
    let mut ordered = Vec::new();
    for source in origin.children() {
        match source.tag() {
            dw::DW_TAG_formal_parameter => {
                let copy = arguments.iter().position(|copy| is_copy_of(copy, source.entry));
                match copy {
                    Some(index) => ordered.push(arguments.remove(index)),
                    None => ordered.extend(declared(&source, 1)),
                }
            }
            dw::DW_TAG_variable if !locals.iter().any(|copy| is_copy_of(copy, source.entry)) => {
                locals.extend(declared(&source, 1));
            }
            _ => (),
        }
        if ordered.len().saturating_add(locals.len()) >= MOST_VARIABLES {
            break;
        }
    }
    ordered.append(arguments);
    *arguments = ordered;
}
