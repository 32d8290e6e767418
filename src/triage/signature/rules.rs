//! A project's own rules: `.coretool/triage.toml`.
//!
//! ```toml
//! [[frame]]
//! match = { function = "log_*" }       # also: module, file; each a glob
//! class = "support"                    # app, dep, support, runtime or death
//!
//! [[frame]]
//! match = { file = "*/third_party/*" }
//! class = "dep"
//!
//! [[frame]]
//! match = { function = "list_at" }
//! utility = true                       # blame its caller, too
//!
//! [[frame]]
//! match = { function = "parse_v[0-9]*" }
//! group = "parse"                      # one name for all of them
//! ```
//!
//! The first rule that matches a frame counts. Functions are matched as keys
//! have them; `*` is any text, `?` one character, `[a-z]` one of a set.

use serde::Deserialize;

use crate::report::model::Frame;
use crate::triage::signature::class::{Class, file_name};
use crate::triage::signature::stack::Call;

/// More rules than this are a mistake.
const MOST: usize = 10_000;

/// The rules of a project; empty by default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// In the order of the file.
    #[serde(default, rename = "frame")]
    frames: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(rename = "match")]
    matches: Match,
    class: Option<Class>,
    group: Option<String>,
    cause: Option<String>,
    #[serde(default)]
    utility: bool,
}

/// Which frames a rule is for: all that is given must fit.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Match {
    function: Option<String>,
    module: Option<String>,
    file: Option<String>,
}

impl Rules {
    /// Reads the text of a `triage.toml`.
    ///
    /// # Errors
    ///
    /// A message with line, column and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rules: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        if rules.frames.len() > MOST {
            return Err(format!("it has {} rules, and {MOST} are the most", rules.frames.len()));
        }
        for (at, rule) in rules.frames.iter().enumerate() {
            rule.check().map_err(|why| format!("the {}. [[frame]] {why}", at + 1))?;
        }
        Ok(rules)
    }

    /// Applies the first rule that fits, and says which one it was.
    pub(super) fn apply(&self, frame: &Frame, call: &mut Call) -> Option<String> {
        let fits = |rule: &&Rule| rule.matches.fits(frame, &call.name);
        let (at, rule) = self.frames.iter().enumerate().find(|(_, rule)| fits(rule))?;
        call.class = rule.class.unwrap_or(call.class);
        call.is_utility = rule.utility;
        call.cause.clone_from(&rule.cause);
        if let Some(group) = &rule.group {
            call.name.clone_from(group);
        }
        Some(format!("rule {} of triage.toml", at + 1))
    }

    /// The name that the functions of a group share.
    pub(super) fn grouped(&self, name: String) -> String {
        let frame = Frame::default();
        let rule = self.frames.iter().find(|rule| rule.matches.fits(&frame, &name));
        rule.and_then(|rule| rule.group.clone()).unwrap_or(name)
    }
}

impl Rule {
    fn check(&self) -> Result<(), String> {
        if self.matches == Match::default() {
            return Err("matches nothing: give function, module or file".to_owned());
        }
        if self.class.is_none() && self.group.is_none() && self.cause.is_none() && !self.utility {
            return Err("does nothing: give class, group, cause or utility".to_owned());
        }
        for name in [&self.group, &self.cause].into_iter().flatten() {
            if name.is_empty() || name.contains([' ', '|', '<', '\n']) {
                return Err(format!("names `{name}`: one word is wanted, without spaces, | and <"));
            }
        }
        Ok(())
    }
}

impl Match {
    fn fits(&self, frame: &Frame, name: &str) -> bool {
        let module = frame.module.as_deref();
        let fits_module = |glob: &str| {
            module.is_some_and(|path| glob_fits(glob, path) || glob_fits(glob, file_name(path)))
        };
        self.function.as_deref().is_none_or(|glob| glob_fits(glob, name))
            && self.module.as_deref().is_none_or(fits_module)
            && self
                .file
                .as_deref()
                .is_none_or(|glob| frame.file.as_deref().is_some_and(|path| glob_fits(glob, path)))
    }
}

/// Whether a text is what a glob describes: `*` is any text, `?` one
/// character, `[a-z]` one of a set. It takes at most the product of both
/// lengths.
pub fn glob_fits(glob: &str, text: &str) -> bool {
    let glob: Vec<char> = glob.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut in_text) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while in_text < text.len() {
        let fits = one_fits(&glob, at, text[in_text]);
        if glob.get(at) == Some(&'*') {
            star = Some((at, in_text));
            at += 1;
        } else if let Some(length) = fits {
            at += length;
            in_text += 1;
        } else if let Some((of_star, from)) = star {
            at = of_star + 1;
            in_text = from + 1;
            star = Some((of_star, in_text));
        } else {
            return false;
        }
    }
    glob.iter().skip(at).all(|char| *char == '*')
}

/// How long the part of the glob is that fits this character.
fn one_fits(glob: &[char], at: usize, char: char) -> Option<usize> {
    match *glob.get(at)? {
        '?' => Some(1),
        '[' => {
            let rest = glob.get(at + 1..)?;
            let end = rest.iter().position(|char| *char == ']')?;
            let mut set = rest.get(..end)?;
            while let Some((first, others)) = set.split_first() {
                if let ['-', last, after @ ..] = others {
                    if (*first..=*last).contains(&char) {
                        return Some(end + 2);
                    }
                    set = after;
                } else {
                    if *first == char {
                        return Some(end + 2);
                    }
                    set = others;
                }
            }
            None
        }
        plain => (plain == char).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        let cases = [
            ("log_*", "log_error", true),
            ("log_*", "my_log_error", false),
            ("*/third_party/*", "/a/third_party/b.c", true),
            ("parse_v[0-9]", "parse_v7", true),
            ("parse_v[0-9]", "parse_vx", false),
            ("a?c", "abc", true),
            ("*a*b", "xxaxxbxb", true),
            ("", "", true),
            ("*", "", true),
            ("[", "[", false),
        ];
        for (glob, text, want) in cases {
            assert_eq!(glob_fits(glob, text), want, "{glob} {text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let cases = [
            ("[[frame]]\nclass = \"app\"", "missing field `match`"),
            ("[[frame]]\nmatch = {}\nclass = \"app\"", "matches nothing"),
            ("[[frame]]\nmatch = { function = \"f\" }", "does nothing"),
            ("[[frame]]\nmatch = { function = \"f\" }\nclass = \"mine\"", "unknown variant `mine`"),
            ("[[frame]]\nmatch = { name = \"f\" }", "unknown field `name`"),
            ("[[frame]]\nmatch = { function = \"f\" }\ngroup = \"a b\"", "one word"),
        ];
        for (text, want) in cases {
            let error = Rules::parse(text).unwrap_err();
            assert!(error.contains(want), "{text}: {error}");
        }
        assert_eq!(Rules::parse(""), Ok(Rules::default()));
    }
}
