//! What an executable's file says about how it was built.

use object::elf::{ET_DYN, PT_INTERP};
use object::read::elf::{ElfFile64, FileHeader as _, ProgramHeader as _};
use object::{LittleEndian, Object as _, ObjectSection as _, ObjectSymbol as _};

/// How a program was built, as far as its file tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traits {
    /// It is loaded anywhere: a position-independent executable.
    pub is_pie: bool,
    /// It names no dynamic loader.
    pub is_static: bool,
    /// Bytes of the GNU build ID, if there is one.
    pub build_id: Option<Vec<u8>>,
    /// It has DWARF of its own.
    pub has_debug_info: bool,
    /// It has a table of all of its symbols, and not only of those that others
    /// may use.
    pub has_symbols: bool,
    /// The sanitizers that it was built with: `AddressSanitizer`.
    pub sanitizers: Vec<&'static str>,
    /// It is a Go program.
    pub is_go: bool,
    /// A Rust program: whether a panic aborts it. `None`: no Rust is seen, or
    /// its symbols do not tell.
    pub aborts_at_panic: Option<bool>,
}

/// A function that each sanitizer's runtime has or its code calls.
const SANITIZERS: [(&str, &str); 5] = [
    ("__asan_init", "AddressSanitizer"),
    ("__tsan_init", "ThreadSanitizer"),
    ("__msan_init", "MemorySanitizer"),
    ("__lsan_init", "LeakSanitizer"),
    ("__ubsan_handle_", "UndefinedBehaviorSanitizer"),
];

/// Reads them. `None`: not an ELF file of 64 bits, or a damaged one.
pub fn traits(bytes: &[u8]) -> Option<Traits> {
    let file = ElfFile64::<LittleEndian>::parse(bytes).ok()?;
    let endian = file.endian();
    let has = |name: &str| file.section_by_name(name).is_some_and(|section| section.size() > 0);
    let mut traits = Traits {
        is_pie: file.elf_header().e_type(endian) == ET_DYN,
        is_static: !file
            .elf_program_headers()
            .iter()
            .any(|header| header.p_type(endian) == PT_INTERP),
        build_id: file.build_id().ok().flatten().map(<[u8]>::to_vec),
        has_debug_info: has(".debug_info") || has(".zdebug_info"),
        has_symbols: has(".symtab"),
        is_go: has(".go.buildinfo"),
        ..Traits::default()
    };
    let (mut unwinds, mut aborts) = (false, false);
    for symbol in file.symbols().chain(file.dynamic_symbols()) {
        let Ok(name) = symbol.name() else { continue };
        // The crates of the standard library that do the one or the other.
        unwinds |= name.contains("12panic_unwind");
        aborts |= name.contains("11panic_abort");
        for (function, sanitizer) in SANITIZERS {
            if name.starts_with(function) && !traits.sanitizers.contains(&sanitizer) {
                traits.sanitizers.push(sanitizer);
            }
        }
    }
    // A runtime brings those of the others along.
    if traits.sanitizers.contains(&"AddressSanitizer") {
        traits.sanitizers.retain(|name| *name != "LeakSanitizer");
    }
    traits.aborts_at_panic = (unwinds || aborts).then_some(!unwinds);
    Some(traits)
}
