//! The environment, without what looks like a secret.

use crate::base::facts::{Environment, EnvironmentVariable};
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

/// Whether a variable looks like a secret: by its name, or by its value.
pub(super) fn is_secret(name: &str, value: &str) -> bool {
    !value.is_empty() && (has_secret_name(name) || has_secret_value(value))
}

fn has_secret_name(name: &str) -> bool {
    /// Parts of names, between underscores or anywhere.
    const ANYWHERE: [&str; 9] = [
        "SECRET",
        "PASSW",
        "TOKEN",
        "CREDENTIAL",
        "COOKIE",
        "APIKEY",
        "PRIVATE",
        "SIGNATURE",
        "CONNECTIONSTRING",
    ];
    const WORDS: [&str; 12] = [
        "KEY", "KEYS", "PASS", "PWD", "PW", "AUTH", "DSN", "JWT", "SALT", "SESSION", "CERT", "PIN",
    ];
    /// Names that have such a word, and tell where a thing is.
    const PLAIN: [&str; 6] =
        ["PWD", "OLDPWD", "SSH_AUTH_SOCK", "XAUTHORITY", "DESKTOP_SESSION", "XDG_SESSION_ID"];
    let upper = name.to_ascii_uppercase();
    if PLAIN.contains(&upper.as_str()) || upper.starts_with("XDG_SESSION_") {
        return false;
    }
    ANYWHERE.iter().any(|part| upper.contains(part))
        || upper.split(|char: char| !char.is_alphanumeric()).any(|word| WORDS.contains(&word))
}

fn has_secret_value(value: &str) -> bool {
    /// How tokens of well-known services begin.
    const PREFIXES: [&str; 16] = [
        "ghp_",
        "gho_",
        "ghs_",
        "ghu_",
        "github_pat_",
        "glpat-",
        "xoxb-",
        "xoxp-",
        "xoxa-",
        "AKIA",
        "ASIA",
        "AIza",
        "sk-",
        "sk_live_",
        "eyJ",
        "npm_",
    ];
    if value.contains("-----BEGIN") || has_password_in_url(value) {
        return true;
    }
    let is_part = |char: char| char.is_ascii_alphanumeric() || "+-_=.~".contains(char);
    value.split(|char| !is_part(char)).any(|word| {
        let is_known = PREFIXES.iter().any(|prefix| word.starts_with(prefix));
        (is_known && word.len() >= 16) || is_random(word)
    })
}

/// `scheme://user:password@host`.
fn has_password_in_url(value: &str) -> bool {
    value.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    })
}

/// Whether a word looks as if it had been drawn by lot: long, with letters and
/// digits mixed, and of many different characters. Words and version numbers
/// change between letters and digits seldom.
fn is_random(word: &str) -> bool {
    /// As long as 16 random bytes in base 64.
    const SHORTEST: usize = 22;
    if word.len() < SHORTEST {
        return false;
    }
    let mut counts = [0u32; 128];
    let mut changes = 0u32;
    let mut before = None;
    for byte in word.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
        let is_digit = byte.is_ascii_digit();
        changes += u32::from(before.is_some_and(|before| before != is_digit));
        before = Some(is_digit);
    }
    let length = word.len() as f64;
    let entropy: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / length)
        .map(|share| -share * share.log2())
        .sum();
    // Hexadecimal digits have at most four bits.
    entropy > 2.9 && f64::from(changes) >= length / 6.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets() {
        let secret = [
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("DB_PASSWORD", "hunter2"),
            ("db_pass", "hunter2"),
            ("GITHUB_TOKEN", "x"),
            ("PGPASSWORD", "x"),
            ("SENTRY_DSN", "x"),
            ("HARMLESS", "ghp_0123456789abcdefghijklmnopqrstuvwxyz"),
            ("DATABASE_URL", "postgres://bob:secret@db/x"),
            ("BLOB", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
            ("BLOB", "q7Jk2Xv9Lm4Zt8Bw3Rn6Yc1P"),
            ("HEADER", "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc"),
            ("PEM", "-----BEGIN PRIVATE KEY-----"),
        ];
        for (name, value) in secret {
            assert!(is_secret(name, value), "{name}={value}");
        }
        let plain = [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("HOME", "/home/ann"),
            ("PWD", "/home/ann"),
            ("SSH_AUTH_SOCK", "/tmp/ssh-XX/agent.1"),
            ("LANG", "en_US.UTF-8"),
            ("KEYBOARD", "us"),
            ("MONKEY", "banana"),
            ("TERM", "xterm-256color"),
            ("LS_COLORS", "rs=0:di=01;34:ln=01;36:mh=00:pi=40;33:so=01;35"),
            ("CARGO_HOME", "/usr/local/cargo"),
            ("XDG_SESSION_ID", "3"),
            ("EMPTY_PASSWORD", ""),
            ("URL", "https://example.org/a@b:c"),
            ("JAVA_HOME", "/usr/lib/jvm/java-17-openjdk-amd64"),
            ("FLAGS", "-march=x86-64-v3 -fno-omit-frame-pointer"),
        ];
        for (name, value) in plain {
            assert!(!is_secret(name, value), "{name}={value}");
        }
    }

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
