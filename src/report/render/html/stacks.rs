//! Stacks, with values and source below each frame.

use std::fmt::{self, Write};

use super::{text, values};
use crate::report::model::{Excerpt, Frame, Report, Thread};

/// Threads that are shown; a report has them all.
const MOST_THREADS: usize = 500;

/// The crashed thread's stack, then the others', folded.
pub(super) fn threads(
    report: &Report,
    crashed: &Thread,
    id: &str,
    out: &mut String,
) -> fmt::Result {
    writeln!(out, "<h2>Stack of {}</h2>", name(crashed))?;
    writeln!(
        out,
        "<div class=\"tools\" data-for=\"{id}-stacks\" hidden><input type=\"search\" \
         placeholder=\"filter frames\" aria-label=\"filter frames\">\
         <button type=\"button\" data-open=\"1\">unfold all</button>\
         <button type=\"button\" data-open=\"0\">fold all</button></div>\n\
         <div id=\"{id}-stacks\">"
    )?;
    frames(report, crashed, out)?;
    let others = report.threads.iter().filter(|thread| thread.tid != crashed.tid);
    for thread in others.take(MOST_THREADS) {
        let state = thread.waits_for.as_ref().map(|waits| waits.text.as_str());
        let state = state.or(thread.state.as_deref()).unwrap_or_default();
        writeln!(
            out,
            "<details><summary>Thread {} <span class=\"dim\">{}</span></summary><div>",
            name(thread),
            text(state)
        )?;
        match thread.same_stack_as {
            Some(same) => writeln!(out, "<p class=\"dim\">stands where thread {same} stands</p>")?,
            None => frames(report, thread, out)?,
        }
        writeln!(out, "</div></details>")?;
    }
    writeln!(out, "</div>")
}

fn name(thread: &Thread) -> String {
    match &thread.name {
        Some(name) => format!("{} &quot;{}&quot;", thread.tid, text(name)),
        None => thread.tid.to_string(),
    }
}

fn frames(report: &Report, thread: &Thread, out: &mut String) -> fmt::Result {
    writeln!(out, "<ol class=\"frames\">")?;
    for frame in &thread.frames {
        self::frame(report, frame, out)?;
        let folded = thread.folded.as_ref().filter(|folded| folded.after_index == frame.index);
        if let Some(folded) = folded {
            let cycle = text(&folded.cycle.join(", "));
            writeln!(out, "<li class=\"dim\">{} more frames: {cycle}</li>", folded.count)?;
        }
    }
    writeln!(out, "</ol>")?;
    match &thread.why_it_ends {
        Some(why) => writeln!(out, "<p class=\"dim\">The stack ends here: {}</p>", text(why)),
        None => Ok(()),
    }
}

fn frame(report: &Report, frame: &Frame, out: &mut String) -> fmt::Result {
    let function = frame.function.as_deref().unwrap_or("?");
    let place = match (&frame.file, frame.line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        _ => frame.module.clone().unwrap_or_default(),
    };
    let is_own = report.process.executable.is_some() && frame.module == report.process.executable;
    let class = if is_own { "own" } else { "mono" };
    let head = format!(
        "<span class=\"dim\">#{}</span> <code class=\"{class}\">{}</code>{} \
         <span class=\"dim mono\">{}</span>",
        frame.index,
        text(function),
        if frame.inlined { " <span class=\"dim\">inlined</span>" } else { "" },
        text(&place)
    );
    write!(out, "<li data-text=\"{}\">", text(&format!("{function} {place}")))?;
    let has_more =
        !frame.arguments.is_empty() || !frame.locals.is_empty() || frame.source.is_some();
    if !has_more {
        return writeln!(out, "{head}</li>");
    }
    let open = if frame.index == 0 { " open" } else { "" };
    write!(out, "<details{open}><summary>{head}</summary><div>")?;
    for variable in frame.arguments.iter().chain(&frame.locals) {
        values::variable(variable, out)?;
    }
    if let Some(excerpt) = &frame.source {
        source(excerpt, out)?;
    }
    writeln!(out, "</div></details></li>")
}

/// Lines of source, the one of the frame marked.
pub(super) fn source(excerpt: &Excerpt, out: &mut String) -> fmt::Result {
    write!(out, "<pre>")?;
    for (at, line) in excerpt.lines.iter().enumerate() {
        let number = u64::from(excerpt.start) + at as u64;
        let shown = text(line.trim_end());
        match number == u64::from(excerpt.marked) {
            true => write!(out, "<span class=\"mark\">{number:5} {shown}</span>")?,
            false => writeln!(out, "{number:5} {shown}")?,
        }
    }
    writeln!(out, "</pre>")?;
    match excerpt.newer_than_program {
        true => {
            writeln!(out, "<p class=\"dim\">The file was changed after the program was linked.</p>")
        }
        false => Ok(()),
    }
}
