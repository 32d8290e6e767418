//! Compares a report with what its fixture expects.

use coretool::report::model::{Frame, Report, Thread, Value, ValueKind, Variable};

use crate::support::builds::Build;
use crate::support::expectation::{Fact, FrameFacts, ValueFacts, ValueTest};
use crate::support::fixture::Fixture;

/// What in the report is not as expected, one line each.
pub(crate) fn complaints(fixture: &Fixture, build: Build, report: &Report) -> Vec<String> {
    complaints_about(fixture, build, report, |_| true)
}

/// As [`complaints`], about some of the facts.
pub(crate) fn complaints_about(
    fixture: &Fixture,
    build: Build,
    report: &Report,
    is_asked: impl Fn(&Fact) -> bool,
) -> Vec<String> {
    let expectations = fixture.expectations.iter().filter(|it| it.holds_for(build));
    expectations
        .filter(|expectation| is_asked(&expectation.fact))
        .filter_map(|expectation| {
            let wrong = check(&expectation.fact, report, build).err()?;
            Some(format!("{} {build}, line {}: {wrong}", fixture.name, expectation.line))
        })
        .collect()
}

/// Whether a function of a report has this name: all of its path, or the end of
/// it. Parameters do not count.
pub(crate) fn is_named(shown: &str, wanted: &str) -> bool {
    let bare = without_parameters(shown);
    let template = bare.split_once('<').filter(|_| bare.ends_with('>'));
    let is_template = template.is_some_and(|(name, _)| name == wanted);
    is_template
        || bare == wanted
        || bare.strip_suffix(wanted).is_some_and(|path| path.ends_with("::"))
}

/// A function without its list of parameters.
pub(crate) fn without_parameters(name: &str) -> &str {
    let name = name.strip_suffix(" const").unwrap_or(name);
    if !name.ends_with(')') {
        return name;
    }
    let mut depth = 0_usize;
    for (at, letter) in name.char_indices().rev() {
        match letter {
            ')' => depth += 1,
            '(' if depth == 1 => return &name[..at],
            '(' => depth -= 1,
            _ => (),
        }
    }
    name
}

fn check(fact: &Fact, report: &Report, build: Build) -> Result<(), String> {
    match fact {
        Fact::Signal(name) => {
            let signal = report.signal.as_ref().map(|signal| signal.name.as_str());
            demand(signal == Some(name), || format!("died of {name}, not {signal:?}"))
        }
        Fact::Cause(id) => {
            let best = report.findings.first().map(|finding| finding.id.as_str());
            demand(best == Some(id), || format!("the cause is {id}, not {best:?}"))
        }
        Fact::Finding(id) => {
            let ids: Vec<&str> = report.findings.iter().map(|it| it.id.as_str()).collect();
            demand(ids.contains(&id.as_str()), || format!("no finding is {id}: {ids:?}"))
        }
        Fact::Verdict(texts) => demand(contains_any(&report.verdict, texts), || {
            format!("the verdict contains {texts:?}, but is: {}", report.verdict)
        }),
        Fact::NoVerdict(texts) => demand(!contains_any(&report.verdict, texts), || {
            format!("the verdict contains none of {texts:?}, but is: {}", report.verdict)
        }),
        Fact::Names(_) => Ok(()),
        Fact::Wait(texts) => {
            let waits = report.threads.iter().filter_map(|it| it.waits_for.as_ref());
            let waits: Vec<&str> = waits.map(|it| it.text.as_str()).collect();
            let found = waits.iter().any(|text| contains_any(text, texts));
            demand(found, || format!("a thread waits for {texts:?}, but they wait for {waits:#?}"))
        }
        Fact::Evidence(texts) => {
            let evidence = report.findings.first().map(|best| best.evidence.as_slice());
            let evidence = evidence.unwrap_or_default();
            let found = evidence.iter().any(|text| contains_any(text, texts));
            demand(found, || format!("the evidence contains {texts:?}, but is {evidence:#?}"))
        }
        Fact::Circle(count) => {
            let cycles = report.wait_graph.as_ref().map(|graph| graph.cycles.as_slice());
            let cycles = cycles.unwrap_or_default();
            let found = cycles.iter().any(|cycle| cycle.len() == *count);
            demand(found, || format!("{count} threads wait for each other, not {cycles:?}"))
        }
        Fact::Threads(count) => {
            let found = report.threads.len();
            demand(found == *count, || format!("there are {count} threads, not {found}"))
        }
        Fact::Cycle(functions) => {
            let folded = crashed(report)?.folded.as_ref();
            let cycle = folded.map(|folded| folded.cycle.as_slice()).unwrap_or_default();
            let is_it = (0..cycle.len()).any(|start| {
                let rotated = cycle.iter().cycle().skip(start).take(cycle.len());
                rotated.zip(functions).all(|(shown, wanted)| is_named(shown, wanted))
            });
            demand(is_it && cycle.len() == functions.len(), || {
                format!("{functions:?} repeat, not {cycle:?}")
            })
        }
        Fact::SameStack(count) => {
            let same = largest_group(&report.threads);
            demand(same == *count, || format!("{count} threads share a stack, not {same}"))
        }
        Fact::Frame(index, facts) => {
            let thread = crashed(report)?;
            let found = thread
                .frames
                .iter()
                .any(|frame| index.is_none_or(|index| frame.index == index) && fits(frame, facts));
            demand(found, || format!("frame {index:?} is {facts:?}\n{}", outline(thread)))
        }
        Fact::Thread(facts) => {
            let others = report.threads.iter().skip(1);
            let found = others.flat_map(|thread| &thread.frames).any(|frame| fits(frame, facts));
            demand(found, || {
                let outlines: Vec<_> = report.threads.iter().skip(1).map(outline).collect();
                format!("another thread has {facts:?}\n{}", outlines.join("    --\n"))
            })
        }
        Fact::Value(facts) => check_value(facts, report, build),
        Fact::NoValue { function, name } => {
            let frame = frame_of(report, function)?;
            let shown = variables(frame).any(|variable| variable.name == *name);
            demand(!shown, || format!("`{name}` is out of scope in {function}"))
        }
    }
}

fn check_value(facts: &ValueFacts, report: &Report, build: Build) -> Result<(), String> {
    let ValueFacts { function, name, nth, test, .. } = facts;
    let may_be_unknown = build.is_optimized() && facts.may_be_unknown;
    let frame = match frame_of(report, function) {
        Err(_) if may_be_unknown => return Ok(()),
        found => found?,
    };
    let Some(variable) = variables(frame).filter(|variable| variable.name == *name).nth(*nth)
    else {
        return demand(may_be_unknown, || format!("{function} shows no `{name}` ({nth})"));
    };
    match judged(test, &variable.value) {
        Answer::True => Ok(()),
        Answer::Unknown(_) if may_be_unknown => Ok(()),
        Answer::Unknown(text) | Answer::Other(text) => {
            Err(format!("{function}.{name} {test:?}, but is `{text}`"))
        }
    }
}

/// What a tool says of a variable, judged by what the source states.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    /// The value that the source states.
    True,
    /// Said to be unknown, in these words.
    Unknown(String),
    /// Something else: false, or the same in other words.
    Other(String),
}

/// What a report says of a variable of which all these facts are stated.
pub(crate) fn answer(facts: &[&ValueFacts], report: &Report) -> Answer {
    let one = |facts: &&ValueFacts| {
        let found = frame_of(report, &facts.function).ok();
        let mut found = found.into_iter().flat_map(variables);
        let variable = found.by_ref().filter(|it| it.name == facts.name).nth(facts.nth);
        match variable {
            Some(variable) => judged(&facts.test, &variable.value),
            None => Answer::Unknown("not there in this build".to_owned()),
        }
    };
    facts.iter().map(one).max().unwrap_or(Answer::True)
}

fn judged(test: &ValueTest, value: &Value) -> Answer {
    let is_right = match test {
        ValueTest::Is(texts) => texts.contains(&value.text),
        ValueTest::Contains(texts) => {
            let mut lines = Vec::new();
            text_lines(value, &mut lines);
            lines.iter().any(|line| contains_any(line, texts))
        }
    };
    let is_unknown = value.kind == ValueKind::Unknown
        // Of a pair, one half may be lost.
        || matches!(test, ValueTest::Contains(_)) && has_unknown_part(value);
    match (is_right, is_unknown) {
        (true, _) => Answer::True,
        (false, true) => Answer::Unknown(value.text.clone()),
        (false, false) => Answer::Other(value.text.clone()),
    }
}

/// The text of a value, and of each part as `name = text`.
fn text_lines(value: &Value, lines: &mut Vec<String>) {
    lines.push(value.text.clone());
    for field in &value.fields {
        lines.push(format!("{} = {}", field.name, field.value.text));
        text_lines(&field.value, lines);
    }
    for element in &value.elements {
        text_lines(element, lines);
    }
}

fn has_unknown_part(value: &Value) -> bool {
    value.kind == ValueKind::Unknown
        || value.fields.iter().any(|field| has_unknown_part(&field.value))
        || value.elements.iter().any(has_unknown_part)
}

fn variables(frame: &Frame) -> impl Iterator<Item = &Variable> {
    frame.arguments.iter().chain(&frame.locals)
}

fn frame_of<'r>(report: &'r Report, function: &str) -> Result<&'r Frame, String> {
    let thread = crashed(report)?;
    let is_it =
        |frame: &&Frame| frame.function.as_ref().is_some_and(|shown| is_named(shown, function));
    let others = report.threads.iter().filter(|thread| !thread.crashed);
    let others = others.flat_map(|thread| &thread.frames);
    thread
        .frames
        .iter()
        .chain(others)
        .find(is_it)
        .ok_or_else(|| format!("no frame of {function}\n{}", outline(thread)))
}

fn crashed(report: &Report) -> Result<&Thread, String> {
    report
        .threads
        .iter()
        .find(|thread| thread.crashed)
        .ok_or_else(|| "no thread crashed".to_owned())
}

fn fits(frame: &Frame, facts: &FrameFacts) -> bool {
    let function = facts
        .function
        .as_ref()
        .is_none_or(|wanted| frame.function.as_ref().is_some_and(|shown| is_named(shown, wanted)));
    function
        && facts.line.is_none_or(|line| frame.line == Some(line))
        && facts.inlined.is_none_or(|inlined| frame.inlined == inlined)
        && facts.signal_frame.is_none_or(|signal_frame| frame.signal_frame == signal_frame)
}

/// How many threads besides the crashed one are said to stand at one place.
fn largest_group(threads: &[Thread]) -> usize {
    let size =
        |tid: u32| 1 + threads.iter().filter(|thread| thread.same_stack_as == Some(tid)).count();
    let others = threads.iter().skip(1).filter(|thread| thread.same_stack_as.is_none());
    others.map(|thread| size(thread.tid)).max().unwrap_or(0)
}

fn outline(thread: &Thread) -> String {
    let lines = thread.frames.iter().take(24).map(|frame| {
        let function = frame.function.as_deref().unwrap_or("?");
        let line = frame.line.unwrap_or(0);
        let kind = if frame.inlined { " [inlined]" } else { "" };
        format!("    #{} {function}:{line}{kind} ({:?})\n", frame.index, frame.trust)
    });
    lines.collect()
}

pub(crate) fn contains_any(text: &str, wanted: &[String]) -> bool {
    wanted.iter().any(|wanted| text.contains(wanted.as_str()))
}

fn demand(holds: bool, complaint: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(complaint()) }
}
