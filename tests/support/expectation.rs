//! The facts that a fixture states about its own death, as comments. The grammar
//! is described in `fixtures/README.md`.

use std::collections::BTreeMap;

use crate::support::builds::Build;

/// One line that begins with `// expect:`.
#[derive(Clone, Debug)]
pub(crate) struct Expectation {
    /// Its line in the source, from 1.
    pub(crate) line: usize,
    /// The builds for which it holds: all words must fit. Empty: all builds.
    conditions: Vec<Condition>,
    /// What must be so.
    pub(crate) fact: Fact,
}

/// A word in `[...]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    O0,
    O2,
    Gcc,
    Clang,
    /// Not stripped.
    Symbols,
    /// Without symbols and debug information.
    Stripped,
}

/// What must be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    /// The fatal signal's name.
    Signal(String),
    /// The id of the best finding.
    Cause(String),
    /// Some finding has this id.
    Finding(String),
    /// The verdict contains one of these.
    Verdict(Vec<String>),
    /// The verdict contains none of these.
    NoVerdict(Vec<String>),
    /// The verdict should contain one of these: the variable or member at
    /// fault. It is counted by `tests/it/causes.rs`, and no single one is wrong.
    Names(Vec<String>),
    /// The crashed thread has such a frame: at this index, or somewhere.
    Frame(Option<u64>, FrameFacts),
    /// Some other thread has such a frame.
    Thread(FrameFacts),
    /// There are this many threads.
    Threads(usize),
    /// The crashed thread's stack is folded, and these functions repeat, in any
    /// rotation.
    Cycle(Vec<String>),
    /// What some thread waits for, in words, contains one of these.
    Wait(Vec<String>),
    /// The evidence of the best finding contains one of these.
    Evidence(Vec<String>),
    /// So many threads wait for each other.
    Circle(usize),
    /// So many threads besides the crashed one share one stack.
    SameStack(usize),
    /// A variable has this value, or may be unknown.
    Value(ValueFacts),
    /// The function's frame shows no variable of this name.
    NoValue { function: String, name: String },
}

/// What is known of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FrameFacts {
    pub(crate) function: Option<String>,
    pub(crate) line: Option<u32>,
    pub(crate) inlined: Option<bool>,
    pub(crate) signal_frame: Option<bool>,
}

/// What is known of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValueFacts {
    /// The function in whose frame it is; the innermost such frame counts.
    pub(crate) function: String,
    /// Its name.
    pub(crate) name: String,
    /// Which of several variables of that name: 0 is the innermost scope.
    pub(crate) nth: usize,
    /// Whether `<unknown: ...>`, or its absence, is right as well.
    pub(crate) may_be_unknown: bool,
    /// Its value.
    pub(crate) test: ValueTest,
}

/// How a value is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ValueTest {
    /// Its text is one of these.
    Is(Vec<String>),
    /// Its text, or that of one of its parts, contains one of these.
    Contains(Vec<String>),
}

impl Expectation {
    /// Reads the rest of the comment in this line of the source.
    pub(crate) fn parse(
        text: &str,
        line: usize,
        markers: &BTreeMap<String, u32>,
    ) -> Result<Self, String> {
        let (conditions, text) = conditions(text.trim())?;
        let (kind, rest) = text.split_once(' ').ok_or("nothing is expected")?;
        let rest = rest.trim();
        let fact = match kind {
            "signal" => Fact::Signal(rest.to_owned()),
            "cause" => Fact::Cause(rest.to_owned()),
            "finding" => Fact::Finding(rest.to_owned()),
            "verdict" => Fact::Verdict(contained(rest)?),
            "noverdict" => Fact::NoVerdict(contained(&format!("contains {rest}"))?),
            "names" => Fact::Names(contained(&format!("contains {rest}"))?),
            "frame" => {
                let (index, facts) = rest.split_once(' ').ok_or("a frame needs facts")?;
                let index = match index {
                    "*" => None,
                    number => Some(number.parse().map_err(|_| "a frame is a number or `*`")?),
                };
                Fact::Frame(index, FrameFacts::parse(facts, markers)?)
            }
            "thread" => {
                let facts = rest.strip_prefix("* ").ok_or("a thread is always `*`")?;
                Fact::Thread(FrameFacts::parse(facts, markers)?)
            }
            "threads" => Fact::Threads(rest.parse().map_err(|_| "a number of threads")?),
            "cycle" => Fact::Cycle(rest.split_whitespace().map(str::to_owned).collect()),
            "wait" => Fact::Wait(contained(rest)?),
            "evidence" => Fact::Evidence(contained(rest)?),
            "circle" => Fact::Circle(rest.parse().map_err(|_| "a number of threads")?),
            "same_stack" => Fact::SameStack(rest.parse().map_err(|_| "a number of threads")?),
            "value" => Fact::Value(ValueFacts::parse(rest, conditions.contains(&Condition::O2))?),
            "novalue" => {
                let (function, name) = rest.split_once('.').ok_or("`function.name`")?;
                Fact::NoValue { function: function.to_owned(), name: name.to_owned() }
            }
            other => return Err(format!("`{other}` is nothing that can be expected")),
        };
        Ok(Self { line, conditions, fact })
    }

    /// Whether it is said of stripped programs only.
    pub(crate) fn is_for_stripped(&self) -> bool {
        self.conditions.contains(&Condition::Stripped)
    }

    /// Whether it is said of this build.
    pub(crate) fn holds_for(&self, build: Build) -> bool {
        self.conditions.iter().all(|condition| build.meets(*condition))
    }
}

impl FrameFacts {
    fn parse(text: &str, markers: &BTreeMap<String, u32>) -> Result<Self, String> {
        let mut facts = Self::default();
        for word in text.split_whitespace() {
            let (key, value) = word.split_once('=').ok_or(format!("`{word}` is not key=value"))?;
            match key {
                "function" => facts.function = Some(value.to_owned()),
                "line" => facts.line = Some(line_number(value, markers)?),
                "inlined" => facts.inlined = Some(value.parse().map_err(|_| "true or false")?),
                "signal_frame" => {
                    facts.signal_frame = Some(value.parse().map_err(|_| "true or false")?);
                }
                _ => return Err(format!("a frame has no `{key}`")),
            }
        }
        Ok(facts)
    }
}

impl ValueFacts {
    fn parse(text: &str, is_for_optimized: bool) -> Result<Self, String> {
        let end = text.find([' ', '=']).ok_or("a value needs `=` or `contains`")?;
        let (subject, rest) = text.split_at(end);
        let (function, name) = subject.rsplit_once('.').ok_or("`function.name`")?;
        let (name, nth) = match name.split_once('@') {
            Some((name, nth)) => (name, nth.parse().map_err(|_| "`name@number`")?),
            None => (name, 0),
        };
        let test = match rest.strip_prefix('=') {
            Some(value) => ValueTest::Is(value.split('|').map(str::to_owned).collect()),
            None => ValueTest::Contains(contained(rest.trim())?),
        };
        Ok(Self {
            function: function.to_owned(),
            name: name.to_owned(),
            nth,
            // An expectation that names -O2 asks for the value there, too.
            may_be_unknown: !is_for_optimized,
            test,
        })
    }
}

fn conditions(text: &str) -> Result<(Vec<Condition>, &str), String> {
    let Some((words, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) else {
        return Ok((Vec::new(), text));
    };
    let conditions = words.split_whitespace().map(|word| match word {
        "O0" => Ok(Condition::O0),
        "O2" => Ok(Condition::O2),
        "gcc" => Ok(Condition::Gcc),
        "clang" => Ok(Condition::Clang),
        "symbols" => Ok(Condition::Symbols),
        "stripped" => Ok(Condition::Stripped),
        _ => Err(format!("`{word}` is no condition")),
    });
    Ok((conditions.collect::<Result<_, _>>()?, rest.trim()))
}

/// `contains "a|b"`: what lies between the first and the last quote.
fn contained(text: &str) -> Result<Vec<String>, String> {
    text.strip_prefix("contains \"")
        .and_then(|text| text.strip_suffix('"'))
        .map(|text| text.split('|').map(str::to_owned).collect())
        .ok_or(format!("`contains \"text\"` was expected, not `{text}`"))
}

fn line_number(text: &str, markers: &BTreeMap<String, u32>) -> Result<u32, String> {
    match text.strip_prefix('@') {
        Some(marker) => {
            markers.get(marker).copied().ok_or(format!("no line has `/* @{marker} */`"))
        }
        None => text.parse().map_err(|_| format!("`{text}` is no line")),
    }
}
