//! Modules of a core that names no mapped files, as QEMU writes it.
//!
//! An ELF header at the start of a mapping shows a module; `AT_EXECFN` names
//! the program, and the loader's list the others.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use crate::base::addr::{FileOff, RunAddr, RunRange};
use crate::base::limits::Limits;
use crate::base::memory::Memory;
use crate::dump::modules::Image;
use crate::dump::process::{Mapping, Module};

/// `AT_PHDR`: where the main program's headers lie.
const AT_PHDR: u64 = 3;
/// `AT_EXECFN`: the path of the program, as text.
const AT_EXECFN: u64 = 31;
/// `AT_SYSINFO_EHDR`: the ELF header of the vdso.
const AT_SYSINFO_EHDR: u64 = 33;

/// Bytes of a path that are read.
const LONGEST_PATH: usize = 4096;

/// Finds the modules, sorted by address, and names the mappings that belong to
/// them.
pub(super) fn unnamed_modules(
    mappings: &mut [Mapping],
    auxv: &[(u64, u64)],
    memory: &dyn Memory,
    limits: &Limits,
) -> Vec<Module> {
    let aux = |kind| auxv.iter().find(|(found, _)| *found == kind).map(|(_, value)| *value);
    let mut found: Vec<Module> = Vec::new();
    let starts: Vec<RunAddr> = mappings.iter().map(|mapping| mapping.range.start).collect();
    for at in starts {
        if found.len() >= limits.modules {
            break;
        }
        if found.last().is_some_and(|last| last.range.contains(at)) {
            continue;
        }
        let Some(image) = Image::read(at, memory).filter(|image| image.has_code) else { continue };
        let mut module = image.module(Vec::new(), at);
        module.is_main = aux(AT_PHDR).is_some_and(|at| module.range.contains(RunAddr(at)));
        module.path = if aux(AT_SYSINFO_EHDR) == Some(at.0) {
            b"[vdso]".to_vec()
        } else if module.is_main {
            let path = aux(AT_EXECFN).and_then(|at| memory.text(RunAddr(at), LONGEST_PATH).ok());
            path.map(|(path, _)| path).unwrap_or_else(|| b"[program]".to_vec())
        } else {
            format!("[module at {at}]").into_bytes()
        };
        name_mappings(mappings, &module, &image.loads);
        found.push(module);
    }
    if !found.iter().any(|module| module.is_main)
        && let Some(at) = aux(AT_PHDR)
    {
        let path = aux(AT_EXECFN).and_then(|at| memory.text(RunAddr(at), LONGEST_PATH).ok());
        let path = path.map(|(path, _)| path).filter(|path| !path.is_empty());
        found.extend(path.and_then(|path| headless_program(mappings, RunAddr(at), path)));
        found.sort_by_key(|module| module.range.start);
    }
    found
}

/// The program, when its ELF header was not dumped: the mapping in which its
/// program headers are, and those that follow without a hole. Its file has to
/// tell the rest.
fn headless_program(mappings: &mut [Mapping], at: RunAddr, path: Vec<u8>) -> Option<Module> {
    let first = mappings.iter().position(|mapping| mapping.range.contains(at))?;
    let own = mappings.get_mut(first..)?;
    let start = own.first()?.range.start;
    let mut end = start;
    for mapping in own.iter_mut() {
        if mapping.range.start != end {
            break;
        }
        end = mapping.range.end;
        // Linkers put what is not written at one distance from its place in
        // the file; whether that is so here, the file's headers tell.
        if !mapping.permissions.write {
            mapping.path = Some(path.clone());
            mapping.offset = FileOff(mapping.range.start.0.saturating_sub(start.0));
        }
    }
    let range = RunRange { start, end };
    Some(Module { path, range, bias: None, build_id: None, is_main: true })
}

/// Says of each mapping in the module which part of its file it maps.
fn name_mappings(mappings: &mut [Mapping], module: &Module, loads: &[(RunRange, FileOff)]) {
    if module.path.first() == Some(&b'[') {
        return;
    }
    let inside = mappings.iter_mut().filter(|mapping| module.range.contains(mapping.range.start));
    for mapping in inside {
        let start = mapping.range.start.0;
        // Of a segment the loader maps whole pages.
        let load = loads.iter().rfind(|(range, offset)| {
            let below = offset.0.min(range.start.0 & 0xffff);
            let page = range.start.0.saturating_sub(below);
            page <= start && start < range.end.0
        });
        let Some((range, offset)) = load else { continue };
        let distance = start.wrapping_sub(range.start.0);
        mapping.path = Some(module.path.clone());
        mapping.offset = FileOff(offset.0.wrapping_add(distance));
    }
}

/// Names the modules that only the loader's list names: `names` has where each
/// of them has its dynamic section, and its path.
pub(super) fn name_by_loader(
    modules: &mut [Module],
    mappings: &mut [Mapping],
    names: &[(RunAddr, Vec<u8>)],
    memory: &dyn Memory,
) {
    for module in modules.iter_mut().filter(|module| module.path.starts_with(b"[module at")) {
        let own = names
            .iter()
            .find(|(dynamic, path)| module.range.contains(*dynamic) && !path.is_empty());
        let Some((_, path)) = own else { continue };
        module.path.clone_from(path);
        if let Some(image) = Image::read(module.range.start, memory) {
            name_mappings(mappings, module, &image.loads);
        }
    }
}
