//! What several rules ask, found once.

use std::cell::OnceCell;

use crate::base::addr::{FrameAddr, RunAddr};
use crate::base::signal::Signal;
use crate::diagnose::crash::Crash;
use crate::diagnose::fault::{Fault, fatal_fault, handled_fault, raised_again};
use crate::diagnose::messages::{AbortMessage, abort_message};
use crate::dump::siginfo::SignalCause;
use crate::heap::{Heaps, SOME_CHUNKS};
use crate::symbols::functions::{FunctionName, NameSource, Place};
use crate::unwind::frame::Frame;
use crate::variables::Context;
use crate::variables::calls::FrameCall;

/// Calls of one stack that are searched for telling names. What aborts a
/// program is near the top of its stack.
const MOST_CALLS: usize = 200;

/// A crash, and what is known of it as a whole.
pub struct Scene<'a, 'f> {
    /// The facts.
    pub crash: &'a Crash<'a, 'f>,
    /// The fault that is the cause: below a signal handler, if one ran for it,
    /// or else the fatal one.
    pub fault: Option<Fault>,
    /// The fatal fault, when a handler of the program failed itself, so that
    /// [`Scene::fault`] is an earlier one.
    pub later_fault: Option<Fault>,
    /// The last words that the C library left in memory.
    pub message: Option<AbortMessage>,
    /// The blocks of the allocator, once a rule asked.
    heaps: OnceCell<Heaps<'a>>,
}

/// Who sent the fatal signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The kernel, for a fault or on its own account.
    Kernel,
    /// The process itself: `raise`, `abort`, `pthread_kill`.
    Itself,
    /// Another process.
    Other {
        /// Its process id; 0 when it is outside of the pid namespace.
        pid: i32,
        /// Its user id.
        uid: u32,
    },
    /// The dump does not say.
    Unknown,
}

impl<'a, 'f> Scene<'a, 'f> {
    /// Looks at a crash.
    pub fn new(crash: &'a Crash<'a, 'f>) -> Self {
        let fatal = fatal_fault(crash);
        // Below a signal that came from outside there may be any handler.
        let is_own = !matches!(sender(crash), Sender::Other { .. });
        let handled = || handled_fault(crash).or_else(|| raised_again(crash));
        let handled = if is_own { handled() } else { None };
        let (fault, later_fault) = match handled {
            Some(handled) => (Some(handled), fatal),
            None => (fatal, None),
        };
        // The words of an earlier abort that did not come to pass say nothing of a
        // signal from outside.
        let is_abort = is_own && crash.died_of(Signal::ABRT);
        let message = is_abort.then(|| abort_message(crash)).flatten();
        Self { crash, fault, later_fault, message, heaps: OnceCell::new() }
    }

    /// The blocks of the allocator.
    pub fn heaps(&self) -> &Heaps<'a> {
        let read = || Heaps::read(self.crash.process, self.crash.memory, SOME_CHUNKS);
        self.heaps.get_or_init(read)
    }

    /// For reading variables.
    pub fn context(&self) -> Context<'a, 'f> {
        let crash = self.crash;
        Context::new(crash.process, crash.memory, crash.symbols, crash.limits)
    }

    /// The crashed thread's frames that are known in full, innermost first.
    pub fn frames(&self) -> Vec<&'a Frame> {
        self.crash.threads.first().into_iter().flat_map(|thread| thread.stack.frames()).collect()
    }

    /// Who sent the fatal signal.
    pub fn sender(&self) -> Sender {
        sender(self.crash)
    }

    /// The crashed thread's calls near the top of its stack, with their
    /// indices.
    pub fn calls(&self) -> impl Iterator<Item = (usize, &'a FrameCall)> {
        self.crash.calls().iter().enumerate().take(MOST_CALLS)
    }

    /// The first call whose function's name, as people or as the linker write
    /// it, passes `test`.
    pub fn call_of(&self, test: impl Fn(&str) -> bool) -> Option<(usize, &'a FrameCall)> {
        self.calls().find(|(_, call)| has_name(call, &test))
    }

    /// The innermost call of a frame.
    pub fn call_in_frame(&self, frame: usize) -> Option<(usize, &'a FrameCall)> {
        self.crash.calls().iter().enumerate().find(|(_, call)| call.frame == frame)
    }

    /// The first call, from index `from` on, that is the program's own and not
    /// one of the language's libraries.
    pub fn own_call(&self, from: usize) -> Option<(usize, &'a FrameCall)> {
        self.calls().skip(from).find(|(_, call)| !self.is_library(call))
    }

    /// Whether a call belongs to the language's libraries: who to blame comes
    /// after it.
    pub fn is_library(&self, call: &FrameCall) -> bool {
        match self.crash.frame(call.frame) {
            Some(frame) => self.is_library_at(frame.at, call),
            None => has_name(call, &is_library_function),
        }
    }

    /// As [`Scene::is_library`], for a call of any thread.
    pub fn is_library_at(&self, at: FrameAddr, call: &FrameCall) -> bool {
        is_library_at(self.crash, at, call)
    }

    /// " in `parse` at src/parse.c:41", or as much of it as is known: at least
    /// the place in its file.
    pub fn at(&self, call: Option<usize>) -> String {
        let call = call.and_then(|index| self.crash.calls().get(index));
        let Some(call) = call else { return String::new() };
        // A symbol that only lies nearest is not what it was in.
        let is_guess =
            call.call.function.as_ref().is_some_and(|it| it.source == NameSource::Nearest);
        if call.function().is_some() && !is_guess || call.call.place.is_some() {
            return format!(" in {}", described(call));
        }
        let at = self.crash.frame(call.frame).map(|frame| frame.at.lookup());
        let module = at.and_then(|at| Some((at, self.crash.process.module(at)?.1)));
        module.map_or_else(String::new, |(at, module)| {
            let name = module.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            let offset = at.0.saturating_sub(module.range.start.0);
            format!(" in {}+{offset:#x}", String::from_utf8_lossy(name))
        })
    }

    /// The function of a symbol or call around an address, for evidence.
    pub fn name_of(&self, at: RunAddr) -> Option<String> {
        let symbol = self.crash.symbols.symbol_at(at)?;
        Some(match symbol.offset {
            0 => symbol.name,
            offset => format!("{}+{offset:#x}", symbol.name),
        })
    }
}

/// Whether a call that stands at `at` belongs to the language's libraries.
pub fn is_library_at(crash: &Crash<'_, '_>, at: FrameAddr, call: &FrameCall) -> bool {
    let module = crash.process.module(at.lookup());
    // Programs have functions of these names, too, but with lines.
    let is_text_function = || call.call.place.is_none() && has_name(call, &is_memory_function);
    module.is_some_and(|(_, module)| is_library_file(&module.path))
        || has_name(call, &is_library_function)
        || is_text_function()
}

/// "`parse` at src/parse.c:41", or as much of it as is known.
pub fn described(call: &FrameCall) -> String {
    let name = match call.function() {
        Some(name) => format!("`{name}`"),
        None => "a function without a name".to_owned(),
    };
    match &call.call.place {
        Some(place) => format!("{name} at {}", short(place)),
        None => name,
    }
}

/// `parse.c:41`: the last component of the file, and the line.
fn short(place: &Place) -> String {
    let file = place.file.rsplit('/').next().unwrap_or_default();
    match place.line {
        Some(line) => format!("{file}:{line}"),
        None => file.to_owned(),
    }
}

fn sender(crash: &Crash<'_, '_>) -> Sender {
    let Some(info) = crash.signal() else { return Sender::Unknown };
    match info.cause {
        SignalCause::Sent { pid, uid } => {
            let own = crash.process.identity.pid.and_then(|own| i32::try_from(own).ok());
            match own {
                Some(own) if own == pid => Sender::Itself,
                Some(_) => Sender::Other { pid, uid },
                None => Sender::Unknown,
            }
        }
        SignalCause::Fault { .. } | SignalCause::Kernel | SignalCause::Syscall { .. } => {
            Sender::Kernel
        }
        SignalCause::None => Sender::Unknown,
    }
}

fn has_name(call: &FrameCall, test: &impl Fn(&str) -> bool) -> bool {
    let FunctionName { display, linkage, source, .. } = match &call.call.function {
        Some(function) => function,
        None => return false,
    };
    // A symbol that only lies nearest proves nothing.
    if *source == NameSource::Nearest {
        return false;
    }
    test(display) || linkage.as_deref().is_some_and(test)
}

/// Files whose code only carries out what others ask for.
fn is_library_file(path: &[u8]) -> bool {
    const STARTS: &[&str] = &[
        "libc.so",
        "libc-2",
        "libc.musl",
        "ld-linux",
        "ld-musl",
        "ld-2",
        "libpthread",
        "libm.so",
        "libm-2",
        "libstdc++",
        "libgcc_s",
        "libc++",
        "libasan",
        "libubsan",
        "libtsan",
        "liblsan",
        "libclang_rt",
        "libglib-2",
        "[vdso]",
    ];
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    STARTS.iter().any(|start| name.starts_with(start.as_bytes()))
}

/// Functions of the languages' libraries, wherever they are linked to.
fn is_library_function(name: &str) -> bool {
    const STARTS: &[&str] = &[
        "std::",
        "core::",
        "alloc::",
        "__rustc",
        "__rust_",
        "__cxxabiv1::",
        "__gnu_cxx::",
        "__cxa_",
        "operator new",
        "operator delete",
        "panic_abort::",
        "__asan",
        "__ubsan",
        "__tsan",
        "__msan",
        "__lsan",
        "__sanitizer",
        "__interceptor_",
        "___interceptor_",
    ];
    const NAMES: &[&str] = &[
        "rust_begin_unwind",
        "rust_panic",
        "rust_panic_with_hook",
        "abort",
        "raise",
        "gsignal",
        "pthread_kill",
        "__pthread_kill_implementation",
        "__pthread_kill_internal",
        "__assert_fail",
        "__assert_fail_base",
        "__libc_message",
        "__stack_chk_fail",
        "__fortify_fail",
        "__chk_fail",
    ];
    // `<&dyn core::ops::Fn() as core::ops::FnOnce>::call_once`
    let of = ["<&mut ", "<&", "<"].iter().find_map(|start| name.strip_prefix(start));
    let of = of.map_or(name, |of| of.strip_prefix("dyn ").unwrap_or(of));
    NAMES.contains(&name) || STARTS.iter().any(|start| of.starts_with(start))
}

/// Functions of the C library on memory and text, and those that it has of them
/// for one kind of processor (`__strlen_avx2`): in static programs only their
/// names tell.
fn is_memory_function(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "memchr",
        "memcmp",
        "memcpy",
        "memmove",
        "mempcpy",
        "memrchr",
        "memset",
        "rawmemchr",
        "stpcpy",
        "stpncpy",
        "strcasecmp",
        "strcat",
        "strchr",
        "strchrnul",
        "strcmp",
        "strcpy",
        "strcspn",
        "strlen",
        "strncasecmp",
        "strncat",
        "strncmp",
        "strncpy",
        "strnlen",
        "strpbrk",
        "strrchr",
        "strspn",
        "strstr",
    ];
    let own = name.strip_prefix("__").and_then(|name| name.split_once('_'));
    NAMES.contains(&own.map_or(name, |(name, _)| name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_on_memory_and_text() {
        let cases = [
            ("strlen", true),
            ("__strlen_avx2", true),
            ("__memcpy_generic", true),
            ("strlen_of", false),
            ("__strlens_avx2", false),
            ("my_strlen", false),
        ];
        for (name, want) in cases {
            assert_eq!(is_memory_function(name), want, "{name}");
        }
    }

    #[test]
    fn functions_of_the_libraries() {
        let cases = [
            ("core::panicking::panic_fmt", true),
            ("<&dyn core::ops::Fn() as core::ops::FnOnce>::call_once", true),
            ("<alloc::vec::Vec<T> as core::ops::Index>::index", true),
            ("rust_panic", true),
            ("rust_panic_abort::push", false),
            ("<my::Type as core::fmt::Display>::fmt", false),
            ("corelib_start", false),
            ("main", false),
        ];
        for (name, want) in cases {
            assert_eq!(is_library_function(name), want, "{name}");
        }
    }

    #[test]
    fn files_of_the_libraries() {
        let cases: [(&[u8], bool); 5] = [
            (b"/usr/lib/x86_64-linux-gnu/libc.so.6", true),
            (b"/lib/libstdc++.so.6.0.30", true),
            (b"[vdso]", true),
            (b"/opt/app/libcache.so", false),
            (b"/opt/app/server", false),
        ];
        for (path, want) in cases {
            assert_eq!(is_library_file(path), want);
        }
    }
}
