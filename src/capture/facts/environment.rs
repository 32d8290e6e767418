//! The environment, without what looks like a secret.

use crate::base::facts::{Environment, EnvironmentVariable};
use crate::base::secret::is_secret;
use crate::base::text::text;
use crate::capture::facts::EnvironmentScope;
use crate::capture::facts::proc_file::ProcDir;

/// Variables that are kept, and bytes of one value.
const MOST: usize = 1024;
const LONGEST: usize = 4096;

/// What is kept of the environment that the process was started with.
pub(super) fn environment(process: &ProcDir<'_>, scope: EnvironmentScope) -> Option<Environment> {
    if scope == EnvironmentScope::None {
        return None;
    }
    Some(parse(&process.read("environ")?, scope))
}

fn parse(bytes: &[u8], scope: EnvironmentScope) -> Environment {
    let mut found = Environment::default();
    let mut omitted = 0u64;
    for word in bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty()) {
        if found.variables.len() >= MOST {
            omitted = omitted.saturating_add(1);
            continue;
        }
        let equals = word.iter().position(|byte| *byte == b'=').unwrap_or(word.len());
        let (name, value) = word.split_at(equals);
        let value = value.strip_prefix(b"=").unwrap_or(value);
        let (name, value) = (text(name), text(value));
        let is_masked = scope == EnvironmentScope::Redacted && is_secret(&name, &value);
        if is_masked {
            found.masked = found.masked.saturating_add(1);
        } else if value.len() > LONGEST {
            omitted = omitted.saturating_add(1);
        }
        let value = (!is_masked).then(|| cut(value));
        found.variables.push(EnvironmentVariable { name, value });
    }
    found.omitted = (omitted > 0).then_some(omitted);
    found
}

fn cut(mut value: String) -> String {
    let end = value.floor_char_boundary(LONGEST);
    value.truncate(end);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay() {
        let bytes = b"A=1\0API_KEY=abc\0EMPTY=\0odd\0B=x=y\0";
        let found = parse(bytes, EnvironmentScope::Redacted);
        let pairs: Vec<_> =
            found.variables.iter().map(|it| (it.name.as_str(), it.value.as_deref())).collect();
        let want = [
            ("A", Some("1")),
            ("API_KEY", None),
            ("EMPTY", Some("")),
            ("odd", Some("")),
            ("B", Some("x=y")),
        ];
        assert_eq!((pairs.as_slice(), found.masked), (&want[..], 1));
        let full = parse(bytes, EnvironmentScope::Full);
        assert_eq!((full.variables[1].value.as_deref(), full.masked), (Some("abc"), 0));
    }

    #[test]
    fn too_many() {
        let bytes =
            [b"A=".to_vec(), b"x".repeat(LONGEST + 1), b"\0".to_vec()].concat().repeat(MOST + 2);
        let found = parse(&bytes, EnvironmentScope::Full);
        assert_eq!((found.variables.len(), found.omitted), (MOST, Some(MOST as u64 + 2)));
    }
}
