//! One crash among many: what is remembered of its report.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};

use crate::report::model::{Place, Report, Severity};
use crate::triage::cluster::Rarity;
use crate::triage::signature::rules::Rules;
use crate::triage::signature::{cause, crashed_thread, explained};

/// A crash as the journal of a run has it: one line of JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Crash {
    /// The file that it was read from, with `#N` behind it for the Nth crash of
    /// a file with several.
    pub path: String,
    /// The keys.
    pub key: String,
    /// See [`Signature`](crate::report::model::Signature).
    pub label: String,
    /// What the key says.
    pub text: String,
    /// The fine key.
    pub fine_key: String,
    /// The stable id of the cause.
    pub cause: String,
    /// The functions to blame.
    pub blame: Vec<String>,
    /// The functions that stacks are compared by.
    pub stack: Vec<String>,
    /// How bad it may be.
    pub severity: Severity,
    /// Seconds since the epoch, where that is known.
    #[serde(default)]
    pub at: Option<i64>,
    /// The host, where that is known.
    #[serde(default)]
    pub host: Option<String>,
    /// The build-id of the program.
    #[serde(default)]
    pub build: Option<String>,
}

impl Crash {
    /// What is remembered of a report.
    pub fn of(report: &Report, path: String, rules: &Rules) -> Self {
        let explained = explained(report, rules);
        let signature = explained.signature;
        let finding = report.findings.first();
        let main = report.process.executable.as_deref();
        let main = report.modules.iter().find(|module| Some(module.path.as_str()) == main);
        Self {
            path,
            key: signature.key,
            label: signature.label,
            text: signature.text,
            fine_key: signature.fine_key,
            cause: signature.cause,
            blame: signature.blame,
            stack: explained.compared,
            severity: finding.map(|finding| finding.severity).unwrap_or_default(),
            at: None,
            host: None,
            build: main.and_then(|module| module.build_id.clone()),
        }
    }
}

/// The place to show for a crash: where the function to blame stood.
pub fn place(report: &Report, rules: &Rules) -> Place {
    let blamed = explained(report, rules).blamed;
    let frame = crashed_thread(report).and_then(|thread| thread.frames.get(blamed?));
    let location = report.findings.first().and_then(|finding| finding.location.as_ref());
    match (frame, location) {
        (Some(frame), _) => Place {
            function: frame.function.clone(),
            file: frame.file.clone(),
            line: frame.line,
            column: frame.column,
            repository_file: None,
        },
        (None, Some(location)) => Place {
            function: location.function.clone(),
            file: location.file.clone(),
            line: location.line,
            ..Place::default()
        },
        (None, None) => Place::default(),
    }
}

/// What crashes of one place share; thousands of them cost one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shape {
    /// The bucket key.
    pub key: Arc<str>,
    /// The name to show.
    pub label: Arc<str>,
    /// What the key says.
    pub text: Arc<str>,
    /// The fine key.
    pub fine_key: Arc<str>,
    /// The cause's id.
    pub cause: Arc<str>,
    /// The cause's family.
    pub family: &'static str,
    /// The functions to blame.
    pub blame: Vec<Arc<str>>,
    /// The functions that stacks are compared by, as numbers.
    pub stack: Vec<u32>,
    /// How bad it may be.
    pub severity: Severity,
    /// The program's build.
    pub build: Option<Arc<str>>,
}

/// One crash, small.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Member {
    /// Where it was read from.
    pub path: Box<str>,
    /// Which shape it has.
    pub shape: u32,
    /// Seconds since the epoch.
    pub at: Option<i64>,
    /// Which host, as a number.
    pub host: Option<u32>,
}

/// Crashes with their common parts kept once.
#[derive(Clone, Debug, Default)]
pub struct Crashes {
    /// What is common.
    pub shapes: Vec<Shape>,
    /// The crashes themselves.
    pub members: Vec<Member>,
    by_shape: FxHashMap<Shape, u32>,
    texts: FxHashSet<Arc<str>>,
    functions: FxHashMap<Arc<str>, u32>,
    hosts: FxHashMap<String, u32>,
}

impl Crashes {
    /// Takes one more.
    pub fn push(&mut self, crash: Crash) {
        let stack = crash.stack.iter().map(|name| self.function(name)).collect();
        let shape = Shape {
            key: self.text(&crash.key),
            label: self.text(&crash.label),
            text: self.text(&crash.text),
            fine_key: self.text(&crash.fine_key),
            cause: self.text(&crash.cause),
            family: cause::family(&crash.cause).0,
            blame: crash.blame.iter().map(|name| self.text(name)).collect(),
            stack,
            severity: crash.severity,
            build: crash.build.as_deref().map(|build| self.text(build)),
        };
        let next = self.shapes.len() as u32;
        let number = match self.by_shape.get(&shape) {
            Some(number) => *number,
            None => {
                self.shapes.push(shape.clone());
                self.by_shape.insert(shape, next);
                next
            }
        };
        let next = self.hosts.len() as u32;
        let host = crash.host.map(|host| *self.hosts.entry(host).or_insert(next));
        let path = crash.path.into_boxed_str();
        self.members.push(Member { path, shape: number, at: crash.at, host });
    }

    /// In an order, and with numbers, that do not depend on who was read first:
    /// by time, then by path.
    pub fn sort(&mut self) {
        self.members.sort_by(|one, other| (one.at, &one.path).cmp(&(other.at, &other.path)));
        let mut names: Vec<(&Arc<str>, &mut u32)> = self.functions.iter_mut().collect();
        names.sort();
        let mut functions = vec![0; names.len()];
        for (next, (_, number)) in names.into_iter().enumerate() {
            functions[*number as usize] = next as u32;
            *number = next as u32;
        }
        for shape in &mut self.shapes {
            shape.stack.iter_mut().for_each(|number| *number = functions[*number as usize]);
        }
        let mut places: Vec<Option<u32>> = vec![None; self.shapes.len()];
        let mut order = Vec::with_capacity(self.shapes.len());
        for member in &mut self.members {
            let old = member.shape as usize;
            let new = *places[old].get_or_insert_with(|| {
                order.push(old);
                (order.len() - 1) as u32
            });
            member.shape = new;
        }
        self.shapes = order.into_iter().map(|old| std::mem::take(&mut self.shapes[old])).collect();
        self.by_shape =
            self.shapes.iter().enumerate().map(|(at, it)| (it.clone(), at as u32)).collect();
    }

    /// How common each function is, counting each crash.
    pub fn rarity(&self) -> Rarity {
        let mut rarity = Rarity::default();
        for member in &self.members {
            rarity.count(&self.shapes[member.shape as usize].stack);
        }
        rarity
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text));
        text
    }

    fn function(&mut self, name: &str) -> u32 {
        if let Some(number) = self.functions.get(name) {
            return *number;
        }
        let number = self.functions.len() as u32;
        let name = self.text(name);
        self.functions.insert(name, number);
        number
    }
}
