//! What looks like a secret: in the environment, on a command line.

use std::ops::Range;

/// Whether a variable looks like a secret: by its name, or by its value.
pub fn is_secret(name: &str, value: &str) -> bool {
    !value.is_empty() && (has_secret_name(name) || has_secret_value(value))
}

fn has_secret_name(name: &str) -> bool {
    /// Parts of names, between underscores or anywhere.
    const ANYWHERE: [&str; 11] = [
        "SECRET",
        "AUTHORIZATION",
        "BEARER",
        "PASSW",
        "TOKEN",
        "CREDENTIAL",
        "COOKIE",
        "APIKEY",
        "PRIVATE",
        "SIGNATURE",
        "CONNECTIONSTRING",
    ];
    const WORDS: [&str; 13] = [
        "KEY", "KEYS", "PASS", "PWD", "PW", "AUTH", "DSN", "JWT", "SALT", "SESSION", "CERT", "PIN",
        "PAT",
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
    !spans(value).is_empty() || value.split(|char| !is_part(char)).any(is_random)
}

/// What stands for a secret.
const MASK: &str = "(masked)";

/// A command line without what looks like a secret: `--password=X`, `--token
/// X`, and what is one within a word. The first word, the program's name,
/// stays.
pub fn masked_words(words: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    // The option before tells what a word is.
    let mut is_awaited = false;
    for word in words {
        let is_first = kept.is_empty();
        let is_option = word.starts_with('-');
        let is_value = is_awaited && !is_option && !word.is_empty();
        is_awaited = is_option && !word.contains('=') && has_secret_name(&word);
        kept.push(match (is_first, is_value) {
            (true, _) => word,
            (false, true) => MASK.to_owned(),
            (false, false) => masked(&word),
        });
    }
    kept
}

/// A text with each secret in it masked: `https://ann:(masked)@host/`.
pub fn masked(text: &str) -> String {
    let mut out = String::new();
    let mut done = 0;
    for span in spans(text) {
        out.push_str(text.get(done..span.start).unwrap_or_default());
        out.push_str(MASK);
        done = span.end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

/// Where secrets are in a text, in order.
fn spans(text: &str) -> Vec<Range<usize>> {
    // Keys have no beginning and end that are worth finding.
    if text.contains("-----BEGIN") {
        return std::iter::once(0..text.len()).collect();
    }
    let mut found = Vec::new();
    url_passwords(text, &mut found);
    named_values(text, &mut found);
    after_schemes(text, &mut found);
    known_tokens(text, &mut found);
    found.retain(|span| !span.is_empty());
    found.sort_by_key(|span| (span.start, span.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for span in found {
        match merged.last_mut().filter(|last| span.start <= last.end) {
            Some(last) => last.end = last.end.max(span.end),
            None => merged.push(span),
        }
    }
    merged
}

/// `scheme://user:password@host`.
fn url_passwords(text: &str, found: &mut Vec<Range<usize>>) {
    for (at, scheme) in text.match_indices("://") {
        let start = at + scheme.len();
        let rest = text.get(start..).unwrap_or_default();
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        let Some((user, _host)) = authority.rsplit_once('@') else { continue };
        if let Some((name, _password)) = user.split_once(':') {
            found.push(start + name.len() + 1..start + user.len());
        }
    }
}

/// `password=X`, `?token=X&`, `Pwd=X;`, `{"password": "X"}`, `Authorization: X`.
fn named_values(text: &str, found: &mut Vec<Range<usize>>) {
    /// A longer name is none.
    const LONGEST: usize = 128;
    let mut done = 0;
    for (at, sign) in text.match_indices(['=', ':']) {
        let Some(before) = text.get(done..at) else { continue };
        let before = before.trim_end_matches(['"', '\'', '\\', ' ']);
        let is_name = |char: char| char.is_ascii_alphanumeric() || "_-.".contains(char);
        let name = before.rsplit(|char| !is_name(char)).next().unwrap_or_default();
        if name.is_empty() || name.len() > LONGEST {
            continue;
        }
        let rest = text.get(at + 1..).unwrap_or_default();
        let value = rest.trim_start_matches([' ', '\t', '\\']);
        let is_password = name.eq_ignore_ascii_case("pwd") && !value.starts_with('/');
        if !is_password && !has_secret_name(name) || value.starts_with("//") {
            continue;
        }
        // A colon separates directories, too.
        let is_apart = value.len() < rest.len() || value.starts_with(['"', '\'']);
        if sign == ":" && !is_apart && value.starts_with('/') {
            continue;
        }
        let quote = value.chars().next().filter(|char| ['"', '\''].contains(char));
        let value = quote.map_or(value, |_| value.get(1..).unwrap_or_default());
        let from = text.len() - value.len();
        let length = match quote {
            Some(quote) => value.find([quote, '\\']),
            None if name.eq_ignore_ascii_case("authorization") => value.find(['\n', '"', '\'']),
            None => value.find(|char: char| char.is_whitespace() || "&;,\"'}".contains(char)),
        };
        let end = from + length.unwrap_or(value.len());
        found.push(from..end);
        done = end;
    }
}

/// `Bearer X`, `Basic X`, as in a header of HTTP.
fn after_schemes(text: &str, found: &mut Vec<Range<usize>>) {
    /// A shorter word after `Basic` or `Bearer` may be one of a sentence.
    const SHORTEST: usize = 8;
    let mut is_scheme = false;
    let mut at = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end().trim_end_matches(['"', '\'']);
        if is_scheme && bare.len() >= SHORTEST {
            found.push(at..at + bare.len());
        }
        let name = bare.rsplit(['"', '\'', ':', '=']).next().unwrap_or_default();
        is_scheme = ["bearer", "basic"].iter().any(|scheme| name.eq_ignore_ascii_case(scheme));
        at += word.len();
    }
}

fn is_part(char: char) -> bool {
    char.is_ascii_alphanumeric() || "+-_=.~".contains(char)
}

/// Tokens of well-known services.
fn known_tokens(text: &str, found: &mut Vec<Range<usize>>) {
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
    /// A shorter one is a word.
    const SHORTEST: usize = 16;
    let mut at = 0;
    for word in text.split_inclusive(|char| !is_part(char)) {
        let bare = word.trim_end_matches(|char| !is_part(char));
        // `--key=TOKEN`: of the name nothing is known here.
        let token = bare.rsplit('=').find(|part| !part.is_empty()).unwrap_or_default();
        let from = bare.find(token).unwrap_or(0);
        for (start, token) in [(0, bare), (from, token)] {
            let is_known = PREFIXES.iter().any(|prefix| token.starts_with(prefix));
            if is_known && token.len() >= SHORTEST {
                found.push(at + start..at + bare.len());
            }
        }
        at += word.len();
    }
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
            ("BEARER", "Bearer abcdefgh"),
            ("HEADER", "Bearer abcdefgh"),
            ("HEADER", "Authorization: Basic dXNlcjpw"),
            ("CONFIG", r#"{"user":"ann","password":"hunter2"}"#),
            ("CONNECTION", "Server=db;Uid=ann;Pwd=hunter2;"),
            ("GH_PAT", "x"),
            ("URL", "https://example.org/?a=b&token=x"),
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
            ("TEXT", "a basic set of bearer bonds"),
            ("DIRECTORIES", "/usr/share/key:/usr/share/pass:/opt"),
            ("FLAGS", "-march=x86-64-v3 -fno-omit-frame-pointer"),
        ];
        for (name, value) in plain {
            assert!(!is_secret(name, value), "{name}={value}");
        }
    }

    #[test]
    fn secrets_within_a_command_line() {
        let line =
            |words: &[&str]| masked_words(words.iter().map(|word| (*word).to_owned())).join(" ");
        // (command line, want)
        let cases: [(&[&str], &str); 12] = [
            (&["db", "--password=X", "-v"], "db --password=(masked) -v"),
            (&["db", "--token", "X", "file"], "db --token (masked) file"),
            (&["db", "--token", "-v", "file"], "db --token -v file"),
            (
                &["curl", "https://u:X@h/?token=X&a=b"],
                "curl https://u:(masked)@h/?token=(masked)&a=b",
            ),
            (&["curl", "-H", "Authorization: Bearer X"], "curl -H Authorization: (masked)"),
            (&["curl", "-H", "X: Bearer 12345678"], "curl -H X: Bearer (masked)"),
            (
                &["java", "-Dapp.secret=X", "-Dapp.name=y"],
                "java -Dapp.secret=(masked) -Dapp.name=y",
            ),
            (&["x", r#"{"password": "X", "a": 1}"#], r#"x {"password": "(masked)", "a": 1}"#),
            (&["x", "ghp_0123456789abcdefghij"], "x (masked)"),
            (&["x", "env=ghp_0123456789abcdefghij"], "x env=(masked)"),
            (&["/opt/token=x/sh", "-c", "ls /a:/b"], "/opt/token=x/sh -c ls /a:/b"),
            (
                &["x", "\u{e9}=\u{e9}", "password=\u{e9}\u{fffd}", ""],
                "x \u{e9}=\u{e9} password=(masked) ",
            ),
        ];
        for (words, want) in cases {
            assert_eq!(line(words), want, "{words:?}");
        }
    }

    #[test]
    fn long_texts_take_no_time() {
        for unit in ["password=", "password:", "://a:@", "Bearer ", "\"=", "a ", "ghp_="] {
            let text = unit.repeat(100_000);
            assert!(masked(&text).len() <= text.len() * 3, "{unit}");
        }
    }
}
