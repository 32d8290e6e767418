//! `docs/VALUES.md`: for each variable whose value a program under `tests/values`
//! states, what coretool, gdb and lldb say of it.
//!
//! `UPDATE_VALUES=1 cargo test --test it values_table` asks all three, for every
//! build, and writes the page; lldb is needed only then. Otherwise the page is
//! compared with the programs: no variable is missing, and none is left over.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use coretool::analyze::{Locals, Options};

use crate::support::builds::{Build, Level};
use crate::support::core_maker::gdb_core;
use crate::support::examination::report_of;
use crate::support::expectation::{Fact, ValueFacts, ValueTest};
use crate::support::fixture::{self, Fixture};
use crate::support::peers::{self, Question};
use crate::support::report_check::{Answer, answer};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/VALUES.md");

#[test]
fn the_page_has_every_variable() {
    let programs = fixture::of_values();
    if std::env::var_os("UPDATE_VALUES").is_some() {
        fs::write(PAGE, page(programs)).expect("docs is writable");
    }
    let page = fs::read_to_string(PAGE).expect("the page is there");
    let heads: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## `")).collect();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows: Vec<&str> = rows.filter_map(|row| row.split("` | ").next()).collect();
    let wanted: Vec<String> =
        programs.iter().flat_map(questions).map(|(question, _)| title(&question)).collect();
    let remedy = "UPDATE_VALUES=1 cargo test --test it values_table";
    assert_eq!(heads.len(), programs.len(), "{remedy}");
    assert_eq!(rows, wanted, "{remedy}");
}

/// The variables of which a program states a value, each once.
fn questions(program: &Fixture) -> Vec<(Question, Vec<&ValueFacts>)> {
    let mut found: Vec<(Question, Vec<&ValueFacts>)> = Vec::new();
    for expectation in &program.expectations {
        let Fact::Value(facts) = &expectation.fact else { continue };
        let question =
            Question { function: facts.function.clone(), name: facts.name.clone(), nth: facts.nth };
        match found.iter_mut().find(|(known, _)| *known == question) {
            Some((_, all)) => all.push(facts),
            None => found.push((question, vec![facts])),
        }
    }
    found
}

fn title(question: &Question) -> String {
    let which = match question.nth {
        0 => String::new(),
        nth => format!(" ({nth} scopes out)"),
    };
    format!("{}.{}{which}", question.function, question.name)
}

/// What one tool said of one variable, over all builds: each answer with the
/// builds that got it.
type Said = BTreeMap<Answer, Vec<Build>>;

#[derive(Default)]
struct Row {
    ours: Said,
    gdb: Said,
    lldb: Said,
}

#[derive(Default)]
struct Totals {
    asked: usize,
    ours: [usize; 3],
    gdb: [usize; 3],
    lldb: [usize; 3],
    /// Variables that we know in a build in which gdb does not, or is wrong, with
    /// what gdb says and in how many builds.
    only_ours: BTreeMap<String, BTreeMap<String, usize>>,
    /// Variables that gdb knows, in a build in which we do not.
    only_gdb: Vec<String>,
}

impl Totals {
    fn only_ours(&mut self, question: &Question, program: &Fixture, gdb: &Answer) {
        let name = format!("`{}` of `{}`", title(question), program.name);
        *self.only_ours.entry(name).or_default().entry(gdb.shown()).or_default() += 1;
    }
}

/// Whether other words for a stated number are another number.
fn is_false(facts: &[&ValueFacts], words: &str) -> bool {
    let number = |text: &str| text.split_whitespace().next()?.parse::<f64>().ok();
    let stated = facts.iter().filter_map(|facts| match &facts.test {
        ValueTest::Is(texts) => texts.iter().find_map(|text| number(text)),
        ValueTest::Contains(_) => None,
    });
    stated
        .into_iter()
        .any(|stated| number(words).is_some_and(|said| (said - stated).abs() > stated.abs() * 1e-6))
}

/// The builds that the page is about: each compiler without optimization and with
/// what most programs are shipped with. The tests of values check the others.
fn builds(program: &Fixture) -> Vec<Build> {
    let is_usual = |build: &Build| matches!(build.level, Level::O0 | Level::O2) && !build.is_dwarf4;
    Build::all(program).into_iter().filter(is_usual).collect()
}

fn page(programs: &[Fixture]) -> String {
    let mut tables = String::new();
    let mut totals = Totals::default();
    for program in programs {
        let mut rows: Vec<(Question, Row)> = Vec::new();
        for build in builds(program) {
            ask(program, build, &mut rows, &mut totals);
        }
        table(program, &rows, &mut tables);
    }
    summary(&totals) + &tables
}

/// Asks all three of one build.
fn ask(program: &Fixture, build: Build, rows: &mut Vec<(Question, Row)>, totals: &mut Totals) {
    let (core, _) = gdb_core(program, build);
    let options = Options { locals: Locals::All, ..Options::default() };
    let report = report_of(&core.path, &options).expect("a whole core");
    let all = questions(program);
    let asked: Vec<Question> = all.iter().map(|(question, _)| question.clone()).collect();
    let gdb = peers::gdb(&core.program, &core.path, &asked);
    let lldb = peers::lldb(&core.program, &core.path, &asked);
    for (index, (question, _)) in all.iter().enumerate() {
        let held = program.expectations.iter().filter(|it| it.holds_for(build));
        let facts: Vec<&ValueFacts> = held
            .filter_map(|it| match &it.fact {
                Fact::Value(facts)
                    if (&facts.function, &facts.name, facts.nth)
                        == (&question.function, &question.name, question.nth) =>
                {
                    Some(facts)
                }
                _ => None,
            })
            .collect();
        let position = rows.iter().position(|(known, _)| known == question);
        let position = position.unwrap_or_else(|| {
            rows.push((question.clone(), Row::default()));
            rows.len() - 1
        });
        // Nothing is stated for this build.
        if facts.is_empty() {
            continue;
        }
        let ours = answer(&facts, &report).without_addresses();
        let [gdb, lldb] =
            [&gdb, &lldb].map(|said| peer_answer(&facts, &said[index]).without_addresses());
        totals.asked += 1;
        for (counts, said) in
            [(&mut totals.ours, &ours), (&mut totals.gdb, &gdb), (&mut totals.lldb, &lldb)]
        {
            counts[said.class()] += 1;
        }
        let name = || format!("`{}` of `{}` ({build})", title(question), program.name);
        match (&ours, &gdb) {
            (Answer::True, Answer::True) => (),
            (Answer::True, Answer::Unknown(_)) => totals.only_ours(question, program, &gdb),
            (Answer::True, Answer::Other(words)) if is_false(&facts, words) => {
                totals.only_ours(question, program, &gdb);
            }
            (_, Answer::True) => {
                totals.only_gdb.push(format!("{}: we say {}", name(), ours.shown()));
            }
            _ => (),
        }
        let row = &mut rows[position].1;
        row.ours.entry(ours).or_default().push(build);
        row.gdb.entry(gdb).or_default().push(build);
        row.lldb.entry(lldb).or_default().push(build);
    }
}

/// Another debugger's words, judged by what the source states.
fn peer_answer(facts: &[&ValueFacts], said: &str) -> Answer {
    let unknown = [
        "optimized out",
        "<error",
        "<no such",
        "<cannot be",
        "not available",
        "no location",
        "<nothing>",
        "synthetic pointer",
        "unavailable",
        "incomplete type",
        "<error:",
    ];
    let plain = plain(said);
    let is_true = facts.iter().all(|facts| match &facts.test {
        ValueTest::Is(texts) => texts.iter().any(|text| self::plain(text) == plain),
        ValueTest::Contains(texts) => texts.iter().any(|text| plain.contains(&self::plain(text))),
    });
    match unknown.iter().any(|word| said.contains(word)) {
        _ if is_true => Answer::True,
        true => Answer::Unknown(said.to_owned()),
        false => Answer::Other(said.to_owned()),
    }
}

/// A value without what differs from tool to tool: spaces, brackets' shapes, the
/// address and the length before a container's elements, a character's code.
fn plain(text: &str) -> String {
    let mut text: String = text.split_whitespace().collect();
    // `std::vectoroflength3,capacity3={1,2,3}`
    for head in ["std::", "alloc::", "Vec(", "size="] {
        if text.starts_with(head)
            && let Some((_, rest)) = text.split_once('{')
        {
            text = format!("{{{rest}");
        }
    }
    // `0x55d47f7d1004"hey"`: the text counts.
    let mut from = 0;
    while let Some(at) = text[from..].find("0x").map(|at| from + at) {
        let end = text[at + 2..].find(|letter: char| !letter.is_ascii_hexdigit());
        let end = end.map_or(text.len(), |end| at + 2 + end);
        match text[end..].starts_with(['"', 'L', 'u', 'U', '{']) {
            true => drop(text.drain(at..end)),
            false => from = end,
        }
    }
    text.retain(|letter| !matches!(letter, '(' | ')' | '{' | '}' | '[' | ']'));
    // `=` of named and numbered parts.
    text.replace(": ", "=").replace(':', "=")
}

fn summary(totals: &Totals) -> String {
    let mut text = String::from(
        "# Values: what coretool, gdb and lldb say\n\n\
         For each variable whose value a program under `tests/values` states: the answers for cores of the same deaths,\n\
         in each compiler's builds without optimization and with `-O2`. `true`: the value that the\n\
         source states. `unknown`: said to be unknown, optimized out or unreadable. Anything else is quoted: of gdb and lldb it\n\
         may be the same value in other words (an address alone, raw members of a container), or a false one. The page is\n\
         made by `UPDATE_VALUES=1 cargo test --test it values_table`, which runs all three.\n\n",
    );
    let asked = totals.asked;
    let _ =
        writeln!(text, "| {asked} questions | true | unknown | other words |\n|---|---|---|---|");
    let tools = [("coretool", totals.ours), ("gdb", totals.gdb), ("lldb", totals.lldb)];
    for (tool, [right, unknown, other]) in tools {
        let _ = writeln!(text, "| {tool} | {right} | {unknown} | {other} |");
    }
    let kinds = totals.only_ours.len();
    let _ = writeln!(
        text,
        "\n## Known to coretool; unknown to gdb, or wrong there\n\n{kinds} variables, in at least one build.\n"
    );
    for (name, said) in &totals.only_ours {
        let said: Vec<_> = said.iter().map(|(words, count)| format!("{words} x{count}")).collect();
        let _ = writeln!(text, "- {name}: gdb says {}", said.join(", "));
    }
    let _ = writeln!(text, "\n## Known to gdb, unknown to coretool\n");
    if totals.only_gdb.is_empty() {
        text.push_str("None.\n");
    }
    for line in &totals.only_gdb {
        let _ = writeln!(text, "- {line}");
    }
    text
}

fn table(program: &Fixture, rows: &[(Question, Row)], page: &mut String) {
    let name = program.source.file_name().unwrap_or_default().to_string_lossy();
    let about = program.about.trim_end_matches('.');
    let _ = writeln!(page, "\n## `{name}`\n\n{about}. {} builds.\n", builds(program).len());
    page.push_str(
        "| variable | the source says | coretool | gdb | lldb |\n|---|---|---|---|---|\n",
    );
    for (question, row) in rows {
        let stated = questions(program);
        let facts = stated.iter().find(|(known, _)| known == question);
        let stated = facts.map(|(_, facts)| self::stated(facts)).unwrap_or_default();
        let title = title(question);
        let [ours, gdb, lldb] = [&row.ours, &row.gdb, &row.lldb].map(cell);
        let _ = writeln!(page, "| `{title}` | {stated} | {ours} | {gdb} | {lldb} |");
    }
}

/// What the source says, in a cell.
fn stated(facts: &[&ValueFacts]) -> String {
    let text = |facts: &&ValueFacts| match &facts.test {
        ValueTest::Is(texts) => {
            texts.iter().map(|text| code(text)).collect::<Vec<_>>().join(" or ")
        }
        ValueTest::Contains(texts) => {
            let texts: Vec<_> = texts.iter().map(|text| code(text)).collect();
            format!("... {} ...", texts.join(" or "))
        }
    };
    let mut texts: Vec<String> = facts.iter().map(text).collect();
    texts.dedup();
    texts.join("; ")
}

/// Different answers shown of one tool for one variable.
const ANSWERS: usize = 3;

fn cell(said: &Said) -> String {
    let mut said: Vec<(&Answer, usize)> =
        said.iter().map(|(answer, builds)| (answer, builds.len())).collect();
    said.sort_by_key(|(answer, count)| (answer.class(), std::cmp::Reverse(*count)));
    let all = said.len();
    let alone = all == 1;
    let mut texts: Vec<String> = said
        .into_iter()
        .take(ANSWERS)
        .map(|(answer, count)| match alone {
            true => answer.shown(),
            false => format!("{} x{count}", answer.shown()),
        })
        .collect();
    if all > ANSWERS {
        texts.push("...".to_owned());
    }
    texts.join(", ")
}

impl Answer {
    /// 0: true, 1: unknown, 2: other words.
    fn class(&self) -> usize {
        match self {
            Self::True => 0,
            Self::Unknown(_) => 1,
            Self::Other(_) => 2,
        }
    }

    fn without_addresses(self) -> Self {
        match self {
            Self::True => Self::True,
            Self::Unknown(words) => Self::Unknown(without_addresses(&words)),
            Self::Other(words) => Self::Other(without_addresses(&words)),
        }
    }

    /// In a cell.
    fn shown(&self) -> String {
        match self {
            Self::True => "true".to_owned(),
            Self::Unknown(words) => {
                let words = words.trim_start_matches("<unknown: ").trim_matches(['<', '>']);
                format!("unknown ({})", code(words))
            }
            Self::Other(words) => code(words),
        }
    }
}

/// Characters of an answer that are shown.
const SHOWN: usize = 60;

/// Text as code in a cell of a table.
fn code(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if text.chars().count() > SHOWN {
        shown.push_str("...");
    }
    let shown = shown.replace('|', "\\|").replace('`', "'").replace('\n', " ");
    format!("`{shown}`")
}

/// Text in which addresses, which differ from run to run, are `0x...`.
fn without_addresses(text: &str) -> String {
    let mut parts = text.split("0x");
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|letter: char| !letter.is_ascii_hexdigit()).unwrap_or(part.len());
        let (digits, rest) = part.split_at(end);
        shown.push_str("0x");
        shown.push_str(if digits.len() >= 9 { "..." } else { digits });
        shown.push_str(rest);
    }
    shown
}
