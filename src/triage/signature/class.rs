//! What kind of code a frame is: told by where it lives, not by its spelling.

use crate::report::model::Frame;

/// Kinds of code, for a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// The program's own.
    #[default]
    App,
    /// A library that is not the system's.
    #[serde(rename = "dep")]
    Dependency,
    /// Containers, smart pointers, wrappers of calls: skipped.
    Support,
    /// The C library, the loader, a language's runtime.
    Runtime,
    /// What ends a program: it and all that it called are cut off.
    Death,
}

impl Class {
    /// Its name, as rules have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Dependency => "dep",
            Self::Support => "support",
            Self::Runtime => "runtime",
            Self::Death => "death",
        }
    }

    /// Why such a frame may be the one to blame.
    pub(super) fn why_blamed(self) -> &'static str {
        match self {
            Self::App => "the first function of the program's own",
            Self::Dependency => "the first function of a library; the program has none here",
            _ => "nothing else is left",
        }
    }
}

/// Beginnings of file names of modules that are the system's.
const RUNTIME_MODULES: [&str; 16] = [
    "libc.so",
    "libc-",
    "libm.so",
    "libm-",
    "libpthread",
    "libdl",
    "librt",
    "ld-linux",
    "ld-musl",
    "ld-",
    "libgcc_s",
    "libc.musl",
    "[vdso]",
    "linux-vdso",
    "libasan",
    "libclang_rt",
];

/// Those of sanitizers.
const SANITIZERS: [&str; 6] =
    ["libasan", "libubsan", "libtsan", "liblsan", "libmsan", "libclang_rt"];

/// Those of C++ runtimes: containers, wrappers, exceptions.
const CXX_MODULES: [&str; 4] = ["libstdc++", "libc++.so", "libc++abi", "libunwind"];

/// Functions that end a program, in the C library and the C++ runtimes.
const DEATHS: &[&str] = &[
    "abort",
    "raise",
    "pthread_kill",
    "__pthread_kill",
    "__pthread_kill_implementation",
    "__pthread_kill_internal",
    "gsignal",
    "kill",
    "tgkill",
    "__assert_fail",
    "__assert_fail_base",
    "assert_fail",
    "assert_fail_base",
    "__assert_perror_fail",
    "__assert",
    "__fortify_fail",
    "fortify_fail",
    "__chk_fail",
    "chk_fail",
    "__stack_chk_fail",
    "stack_chk_fail",
    "__libc_message",
    "message",
    "malloc_printerr",
    "__libc_fatal",
    "fatal",
    "std::terminate",
    "std::__terminate",
    "__cxxabiv1::__terminate",
    "__verbose_terminate_handler",
    "__gnu_cxx::__verbose_terminate_handler",
    "__cxa_throw",
    "__cxa_rethrow",
    "__cxa_pure_virtual",
    "__cxa_call_terminate",
    "__cxa_bad_cast",
    "__gxx_personality_v0",
    "abort_message",
    "demangling_terminate_handler",
    "g_logv",
    "g_log",
    "g_assertion_message",
    "g_assertion_message_expr",
];

/// Beginnings of functions of Rust's panics.
const PANICS: &[&str] = &[
    "core::panicking",
    "std::panicking::begin_panic",
    "std::panicking::panic_handler",
    "std::panicking::rust_panic",
    "std::panicking::default_hook",
    "std::sys::backtrace::__rust_end_short_backtrace",
    "std::sys_common::backtrace::__rust_end_short_backtrace",
    "rust_begin_unwind",
    "__rustc::rust_begin_unwind",
    "rust_panic",
    "__rust_start_panic",
    "__rust_abort",
    "panic_abort",
    "__rustc::__rust_start_panic",
    "__rustc::__rust_abort",
    "core::option::unwrap_failed",
    "core::option::expect_failed",
    "core::result::unwrap_failed",
    "core::slice::index::slice_",
    "core::cell::panic_already",
    "core::str::slice_error_fail",
    "alloc::alloc::handle_alloc_error",
    "alloc::raw_vec::handle_error",
    "alloc::raw_vec::capacity_overflow",
    // In two parts, since this file itself must not end the process.
    concat!("std::process", "::abort"),
    "std::sys::pal::unix::abort_internal",
    "core::intrinsics::abort",
];

/// Functions that belong to the C library in a static program, where no module
/// tells.
const STATIC_RUNTIME: &[&str] = &[
    "_start",
    "start_main",
    "__libc_start_main",
    "__libc_start_call_main",
    "start_call_main",
    "start_thread",
    "clone",
    "clone3",
    "__clone",
    "__clone3",
    "rt_sigreturn",
    "__restore_rt",
    "memcpy",
    "memmove",
    "memset",
    "memcmp",
    "memchr",
    "strlen",
    "strcpy",
    "strncpy",
    "strcmp",
    "strncmp",
    "strchr",
    "strrchr",
    "strcat",
    "strdup",
    "malloc",
    "free",
    "calloc",
    "realloc",
    "_int_malloc",
    "_int_free",
    "unlink_chunk",
    "printf",
    "vfprintf_internal",
    "qsort",
    "__cxa_finalize",
    "__run_exit_handlers",
    "exit",
];

/// The class of a frame, and the fact that tells. `name` is normalized.
pub fn class(frame: &Frame, name: Option<&str>, executable: Option<&str>) -> (Class, String) {
    let module = frame.module.as_deref();
    let base = module.map(file_name).unwrap_or_default();
    let file = frame.file.as_deref().unwrap_or_default();
    let is_exe = module.is_none() || module == executable;
    if frame.signal_frame {
        return (Class::Runtime, "the kernel's trampoline".to_owned());
    }
    if SANITIZERS.iter().any(|begin| base.starts_with(begin)) {
        return (Class::Death, format!("module {base}, a sanitizer's"));
    }
    if let Some(found) = of_language(frame, name, file) {
        return found;
    }
    if let Some(name) = name
        && let Some(found) = of_name(name, base, file, is_exe)
    {
        return found;
    }
    if RUNTIME_MODULES.iter().any(|begin| base.starts_with(begin)) {
        return (Class::Runtime, format!("module {base}"));
    }
    if CXX_MODULES.iter().any(|begin| base.starts_with(begin)) {
        return (Class::Support, format!("module {base}"));
    }
    if let Some((class, why)) = of_file(file) {
        return (class, format!("file below {why}"));
    }
    if is_exe {
        return (Class::App, "module of the program".to_owned());
    }
    let path = module.unwrap_or_default();
    let is_system = ["/usr/lib", "/lib", "/usr/local/lib", "/nix/store", "/snap/", "/opt/"]
        .iter()
        .any(|root| path.starts_with(root));
    match is_system && frame.line.is_none() {
        true => (Class::Dependency, format!("module {base}, a library of the system")),
        false => (Class::App, format!("module {base}, beside the program")),
    }
}

/// What a managed language's own names tell.
fn of_language(frame: &Frame, name: Option<&str>, file: &str) -> Option<(Class, String)> {
    let name = name?;
    let why = |what: &str| Some(what.to_owned());
    let class = match frame.language.as_deref()? {
        "Java" => {
            const OWN: [&str; 4] = ["java.", "javax.", "jdk.", "sun."];
            OWN.iter().any(|begin| name.starts_with(begin)).then_some(Class::Runtime)
        }
        "JavaScript" => file.starts_with("node:").then_some(Class::Runtime),
        language if language.starts_with("Go") => match name {
            "panic"
            | "runtime.gopanic"
            | "runtime.throw"
            | "runtime.fatalthrow"
            | "runtime.sigpanic"
            | "runtime.panicmem"
            | "runtime.fatalpanic"
            | "runtime.dieFromSignal"
            | "runtime.raise"
            | "runtime.crash" => Some(Class::Death),
            name if name.starts_with("runtime.panic") || name.starts_with("runtime.goPanic") => {
                Some(Class::Death)
            }
            name if name.starts_with("runtime.") => Some(Class::Runtime),
            _ => None,
        },
        _ => None,
    }?;
    Some((class, why("a name of the language's runtime")?))
}

/// Directories of the C library's sources, as its debug information has them.
const LIBC_SOURCES: [&str; 14] = [
    "../sysdeps/",
    "./nptl/",
    "./stdlib/",
    "./csu/",
    "./string/",
    "./malloc/",
    "./libio/",
    "./assert/",
    "./signal/",
    "./debug/",
    "./stdio-common/",
    "./misc/",
    "./elf/",
    "./posix/",
];

/// What the name of a function tells, where its module or file agrees.
fn of_name(name: &str, base: &str, file: &str, is_exe: bool) -> Option<(Class, String)> {
    let is_libc = RUNTIME_MODULES.iter().chain(&CXX_MODULES).any(|it| base.starts_with(it));
    // Without a source file the program's code may be the C library's.
    let is_of_libc = LIBC_SOURCES.iter().any(|begin| file.starts_with(begin));
    // Without a module, as in texts of old debuggers, the file's name must do;
    // and names with two underscores are nobody else's.
    let is_bare = ["abort.c", "raise.c", "assert.c", "pthread_kill.c"].contains(&file);
    let is_reserved = base.is_empty() && (is_bare || name.starts_with("__"));
    let may_be_libc = is_libc
        || is_exe && file.is_empty()
        || is_of_libc
        || is_reserved
        || base.starts_with("libglib");
    if may_be_libc && DEATHS.contains(&name) {
        return Some((Class::Death, "it ends programs".to_owned()));
    }
    let is_rust_library = file.starts_with("/rustc/") || file.contains("/rustlib/src/");
    let is_rust = is_rust_library || file.is_empty() && name.contains("::") || base.is_empty();
    let is_rust = is_rust || name.starts_with("rust_") || name.starts_with("__rust");
    if is_rust && PANICS.iter().any(|begin| name.starts_with(begin)) {
        return Some((Class::Death, "Rust's panic".to_owned()));
    }
    if is_of_libc {
        return Some((Class::Runtime, "a source file of the C library".to_owned()));
    }
    if is_exe && file.is_empty() && STATIC_RUNTIME.contains(&name) {
        return Some((Class::Runtime, "a function of the C library".to_owned()));
    }
    if file.is_empty() && (name.starts_with("std::") || name.starts_with("__gnu_cxx::")) {
        return Some((Class::Support, "namespace std, no file".to_owned()));
    }
    let is_rust_std = ["core::", "alloc::", "<core::", "<alloc::", "<std::"];
    if file.is_empty() && is_rust_std.iter().any(|begin| name.starts_with(begin)) {
        return Some((Class::Support, "Rust's library, no file".to_owned()));
    }
    None
}

/// What the source file tells.
fn of_file(file: &str) -> Option<(Class, &'static str)> {
    const PLACES: [(&str, Class); 14] = [
        ("/compiler-rt/", Class::Death),
        ("/libsanitizer/", Class::Death),
        ("/.cargo/registry/", Class::Dependency),
        ("/.cargo/git/", Class::Dependency),
        ("/rustlib/src/", Class::Support),
        ("/usr/include/c++/", Class::Support),
        ("/include/c++/", Class::Support),
        ("/usr/lib/gcc/", Class::Support),
        ("/bits/stl_", Class::Support),
        ("/libstdc++-v3/", Class::Support),
        ("/src/runtime/", Class::Runtime),
        ("/node_modules/", Class::Dependency),
        ("/site-packages/", Class::Dependency),
        ("/lib/python3", Class::Support),
    ];
    if file.starts_with("/rustc/") {
        return Some((Class::Support, "/rustc"));
    }
    let begins = ["/usr/include/", "/usr/local/include/"];
    let place = PLACES.iter().find(|(part, _)| file.contains(part));
    if let Some((part, class)) = place {
        // `src/runtime` is Go's only below its own root.
        let is_go = *part != "/src/runtime/" || file.contains("/go");
        return is_go.then_some((*class, *part));
    }
    begins.iter().find(|begin| file.starts_with(*begin)).map(|begin| (Class::Support, *begin))
}

/// The last part of a path.
pub fn file_name(path: &str) -> &str {
    let path = path.strip_suffix(" (deleted)").unwrap_or(path);
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        let cases = [
            ("the program's", "node_set", "/bin/app", "/src/a.c", Class::App),
            (
                "a user's function named like a runtime's",
                "abort",
                "/bin/app",
                "/src/a.c",
                Class::App,
            ),
            ("libc's abort", "abort", "/lib/x86_64-linux-gnu/libc.so.6", "", Class::Death),
            ("libc's strlen", "strlen", "/lib/x86_64-linux-gnu/libc.so.6", "", Class::Runtime),
            ("a static program's abort", "abort", "/bin/app", "", Class::Death),
            (
                "a container",
                "std::vector<>::at",
                "/bin/app",
                "/usr/include/c++/12/bits/stl_vector.h",
                Class::Support,
            ),
            ("a user's function new_buffer", "new_buffer", "/bin/app", "/src/new.c", Class::App),
            (
                "a panic",
                "core::panicking::panic",
                "/bin/app",
                "/rustc/abc/library/core/src/panicking.rs",
                Class::Death,
            ),
            (
                "a catch of panics",
                "std::panicking::try",
                "/bin/app",
                "/rustc/abc/library/std/src/panicking.rs",
                Class::Support,
            ),
            (
                "a crate",
                "serde::de::f",
                "/bin/app",
                "/home/me/.cargo/registry/src/x/serde/de.rs",
                Class::Dependency,
            ),
            (
                "a library of the system",
                "g_free",
                "/usr/lib/x86_64-linux-gnu/libglib-2.0.so.0",
                "",
                Class::Dependency,
            ),
            (
                "a library of the program",
                "plug",
                "/home/me/app/libplug.so",
                "/src/plug.c",
                Class::App,
            ),
            ("a sanitizer", "__asan_report_load4", "/usr/lib/libasan.so.8", "", Class::Death),
        ];
        for (what, name, module, file, want) in cases {
            let frame = Frame {
                module: Some(module.to_owned()),
                file: (!file.is_empty()).then(|| file.to_owned()),
                ..Frame::default()
            };
            assert_eq!(class(&frame, Some(name), Some("/bin/app")).0, want, "{what}");
        }
    }
}
