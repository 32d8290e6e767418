//! The report for a terminal, a log, a bug report.
//!
//! The order is fixed: the verdict, the crashed stack with its source and
//! variables, the other threads folded, registers when asked for, the evidence,
//! what is not known, where things are. It reads well at 80 columns and
//! without color: doubt is spelled out, never only colored.

mod capture;
mod disassembly;
mod evidence;
mod excerpt;
mod fold;
mod frames;
mod gaps;
mod globals;
mod ipc;
mod registers;
mod threads;
mod tree;
pub(super) mod values;
mod verdict;

#[cfg(test)]
mod tests;

use std::fmt::{self, Write};

use crate::report::model::{Frame, Report, Thread};
use crate::report::render::layout::Lines;
use crate::report::render::theme::Theme;

/// How a report is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextOptions {
    /// Columns of a line. Only paths, and names without a place to break, may
    /// be wider.
    pub width: usize,
    /// With or without color.
    pub theme: Theme,
    /// Whether the crashed thread's registers are shown.
    pub registers: bool,
    /// Which stacks of other threads are shown.
    pub threads: Threads,
    /// Whether all descriptors and shared objects are shown, not only those that
    /// bear on the verdict.
    pub ipc: bool,
    /// Whether the process tree is shown, even if it has nothing to do with it.
    pub tree: bool,
    /// Whether the environment is shown.
    pub environment: bool,
    /// How many parts of one large value are shown, one a line.
    pub parts: usize,
    /// The reader's home directory, shown as `~`.
    pub home: Option<String>,
    /// The reader's directory: source files below it are shown relative to it.
    pub directory: Option<String>,
}

/// Which stacks of other threads are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// One line for each different stack, unless the signal was SIGQUIT: who
    /// sends that wants to know what all threads were doing.
    #[default]
    Folded,
    /// Each different stack in full.
    Full,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self {
            width: 80,
            theme: Theme::Plain,
            registers: false,
            threads: Threads::Folded,
            ipc: false,
            tree: false,
            environment: false,
            parts: 12,
            home: None,
            directory: None,
        }
    }
}

/// The narrowest line that is laid out; a narrower terminal wraps by itself.
const NARROWEST: usize = 40;

/// Writes `report` as text that ends with a newline.
///
/// # Errors
///
/// Only those of `out`.
pub fn render(report: &Report, options: &TextOptions, out: &mut dyn Write) -> fmt::Result {
    let lines = Lines::new(out, options.theme, options.width.max(NARROWEST));
    let lines = &mut lines.relative_to(options.directory.as_deref());
    verdict::verdict(report, lines)?;
    if let Some(thread) = main_thread(report).filter(|thread| has_stack(thread)) {
        lines.end()?;
        frames::crashed_stack(report, thread, options.parts, lines)?;
    }
    disassembly::disassembly(report, lines)?;
    if let Some(globals) = &report.globals {
        globals::globals(globals, options.parts, lines)?;
    }
    threads::others(report, options.threads, lines)?;
    if options.registers {
        registers::registers(report, lines)?;
    }
    evidence::evidence(report, lines)?;
    ipc::ipc(report, options.ipc, lines)?;
    tree::tree(report, options.tree, lines)?;
    if options.environment {
        tree::environment(report, lines)?;
    }
    gaps::gaps(report, lines)?;
    capture::capture(report, lines)?;
    capture::recorded(report, lines)?;
    gaps::saved(report, options.home.as_deref(), lines)
}

/// The thread whose stack is the crashed one; the first one, if none crashed.
fn main_thread(report: &Report) -> Option<&Thread> {
    report.threads.iter().find(|thread| thread.crashed).or(report.threads.first())
}

/// Whether there is anything to say about a stack, be it why there is none.
fn has_stack(thread: &Thread) -> bool {
    !thread.frames.is_empty() || thread.why_it_ends.is_some()
}

/// Whether `frame` is code of the program itself, not of a library.
fn is_own(report: &Report, frame: &Frame) -> bool {
    report.process.executable.is_some() && frame.module == report.process.executable
}

/// Whether `frame` is known to be code of a library.
fn is_library(report: &Report, frame: &Frame) -> bool {
    let program = &report.process.executable;
    program.is_some() && frame.module.is_some() && frame.module != *program
}

/// The last part of a path.
fn file_name(path: &str) -> &str {
    path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(path)
}
