//! `/proc/sys/kernel/core_pattern`: where the kernel puts a core.
//!
//! Source: Linux `fs/coredump.c`, `format_corename()`; `core(5)`.

/// A parsed pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorePattern {
    /// A file name, relative to the working directory of the process or
    /// absolute, in pieces.
    File(Vec<Piece>),
    /// A program that gets the core on its standard input.
    Pipe(String),
    /// A socket that gets the core.
    Socket(String),
    /// Empty: no core.
    Nothing,
}

/// A part of a file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// These very bytes.
    Text(Vec<u8>),
    /// What this letter of a `%` specifier stands for.
    Specifier(u8),
}

/// What is known of a process before its core is looked for. What is not
/// known may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameFacts {
    /// `%p`, and `%P` outside of pid namespaces.
    pub pid: Option<u32>,
    /// `%u`.
    pub uid: Option<u32>,
    /// `%g`.
    pub gid: Option<u32>,
    /// `%s`.
    pub signal: Option<u32>,
    /// `%f`: base name of the executable.
    pub executable_name: Option<Vec<u8>>,
    /// `%E`: path of the executable, with `!` for `/`.
    pub executable_path: Option<Vec<u8>>,
    /// `%h`.
    pub host: Option<Vec<u8>>,
}

impl CorePattern {
    /// Parses the text of `core_pattern`; `uses_pid` is `core_uses_pid`.
    pub fn parse(text: &[u8], uses_pid: bool) -> Self {
        let text = text.trim_ascii_end();
        let rest =
            |at: usize| String::from_utf8_lossy(text.get(at..).unwrap_or_default()).into_owned();
        match text.first() {
            None => return Self::Nothing,
            Some(b'|') => return Self::Pipe(rest(1).trim_start().to_owned()),
            Some(b'@') => return Self::Socket(rest(1)),
            Some(_) => (),
        }
        let mut pieces = Vec::new();
        let mut literal = Vec::new();
        let mut bytes = text.iter();
        while let Some(byte) = bytes.next() {
            if *byte != b'%' {
                literal.push(*byte);
                continue;
            }
            match bytes.next() {
                Some(b'%') => literal.push(b'%'),
                Some(letter) if KNOWN.contains(letter) => {
                    if !literal.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut literal)));
                    }
                    pieces.push(Piece::Specifier(*letter));
                }
                // Unknown specifiers and a last `%` leave nothing.
                Some(_) | None => (),
            }
        }
        let has_pid = pieces.contains(&Piece::Specifier(b'p'));
        if uses_pid && !has_pid {
            literal.push(b'.');
        }
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        if uses_pid && !has_pid {
            pieces.push(Piece::Specifier(b'p'));
        }
        Self::File(pieces)
    }
}

/// The specifiers of Linux 6.18, but for `%F`, which is empty for files.
const KNOWN: &[u8] = b"pPiIugstdhefEcC";

/// A name to look for, with gaps for what is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern {
    /// The known texts; between each two of them may stand anything.
    parts: Vec<Vec<u8>>,
}

impl NamePattern {
    /// Fills in what is known.
    pub fn new(pieces: &[Piece], facts: &NameFacts) -> Self {
        let mut parts = vec![Vec::new()];
        for piece in pieces {
            let known = match piece {
                Piece::Text(text) => Some(text.clone()),
                Piece::Specifier(letter) => facts.text(*letter),
            };
            match (known, parts.last_mut()) {
                (Some(text), Some(last)) => last.extend(text),
                _ => parts.push(Vec::new()),
            }
        }
        Self { parts }
    }

    /// The whole name, when all of it is known.
    pub fn exact(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [name] => Some(name),
            _ => None,
        }
    }

    /// The directory that the name begins with, up to and with the last `/`
    /// before the first gap.
    pub fn directory(&self) -> &[u8] {
        let first = self.parts.first().map(Vec::as_slice).unwrap_or_default();
        let end = first.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
        first.get(..end).unwrap_or_default()
    }

    /// Whether a name, with its directory, can be one of these.
    pub fn matches(&self, name: &[u8]) -> bool {
        let Some((first, others)) = self.parts.split_first() else { return false };
        let Some(mut rest) = name.strip_prefix(first.as_slice()) else { return false };
        let Some((last, middle)) = others.split_last() else { return rest.is_empty() };
        for part in middle {
            let found =
                rest.windows(part.len().max(1)).position(|window| window == part.as_slice());
            match found {
                Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
                None if part.is_empty() => (),
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

impl NameFacts {
    fn text(&self, letter: u8) -> Option<Vec<u8>> {
        let number = |value: Option<u32>| value.map(|value| value.to_string().into_bytes());
        match letter {
            b'p' => number(self.pid),
            b'u' => number(self.uid),
            b'g' => number(self.gid),
            b's' => number(self.signal),
            b'f' => self.executable_name.clone(),
            b'E' => self.executable_path.clone(),
            b'h' => self.host.clone(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> NameFacts {
        NameFacts {
            pid: Some(42),
            signal: Some(11),
            host: Some(b"h".to_vec()),
            ..NameFacts::default()
        }
    }

    #[test]
    fn names() {
        let cases: &[(&str, &str, bool, &str, bool)] = &[
            ("a plain name", "core", false, "core", true),
            ("core_uses_pid adds the pid", "core", true, "core.42", true),
            ("but only once", "core-%p", true, "core-42", true),
            ("an absolute path", "/var/cores/%h/%p.%s\n", false, "/var/cores/h/42.11", true),
            ("a percent sign", "100%%-%p", false, "100%-42", true),
            ("unknown specifiers leave nothing", "core%z-%p%", false, "core-42", true),
            ("the time may be anything", "core.%t.%p", false, "core.1700000000.42", true),
            ("but not the pid", "core.%t.%p", false, "core.1700000000.43", false),
            ("a name of the thread", "%e.%p", false, "worker.42", true),
            ("a suffix is no match", "core", false, "core.1", false),
        ];
        for (name, pattern, uses_pid, file, want) in cases {
            let CorePattern::File(pieces) = CorePattern::parse(pattern.as_bytes(), *uses_pid)
            else {
                panic!("{name}")
            };
            let found = NamePattern::new(&pieces, &facts()).matches(file.as_bytes());
            assert_eq!(found, *want, "{name}");
        }
    }

    #[test]
    fn other_kinds() {
        let pipe = CorePattern::parse(b"|/usr/lib/systemd/systemd-coredump %P", false);
        assert_eq!(pipe, CorePattern::Pipe("/usr/lib/systemd/systemd-coredump %P".to_owned()));
        assert_eq!(
            CorePattern::parse(b"@@/run/x\n", false),
            CorePattern::Socket("@/run/x".to_owned())
        );
        assert_eq!(CorePattern::parse(b"\n", false), CorePattern::Nothing);
    }

    #[test]
    fn directories_before_gaps() {
        let cases = [("/a/b/%t/c", "/a/b/"), ("core", ""), ("x/%p", "x/"), ("%e/core", "")];
        for (pattern, want) in cases {
            let CorePattern::File(pieces) = CorePattern::parse(pattern.as_bytes(), false) else {
                panic!("{pattern}")
            };
            assert_eq!(NamePattern::new(&pieces, &facts()).directory(), want.as_bytes());
        }
    }
}
