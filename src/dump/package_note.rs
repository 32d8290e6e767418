//! `.note.package`: which package of a distribution a program or library is
//! from.
//!
//! Layout: an ELF note of owner `FDO` and type `0xcafe1a7e`, whose description
//! is a JSON object of texts, padded with zeros. Source: the UAPI group's
//! "Package Metadata for Executable Files".

use std::collections::BTreeMap;

use crate::base::bytes::until_nul;

/// What a distribution wrote into a program or library.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageNote {
    /// `deb`, `rpm`, ...
    pub kind: String,
    /// The distribution, as `ID` of os-release has it: `debian`, `fedora`.
    pub distribution: Option<String>,
    /// The package's name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its architecture, in the distribution's words.
    pub architecture: Option<String>,
    /// A debuginfod server that has its debug information.
    pub server: Option<String>,
}

/// A description longer than this is none.
const LONGEST: usize = 64 << 10;

/// Reads the description of the note. `None`: it is damaged.
pub fn parse(description: &[u8]) -> Option<PackageNote> {
    let text = until_nul(description.get(..LONGEST.min(description.len()))?);
    let found: BTreeMap<String, serde_json::Value> = serde_json::from_slice(text).ok()?;
    // Words that become part of a command: nothing that a shell would heed.
    let word = |name: &str| {
        let value = found.get(name)?.as_str()?;
        let is_plain = |char: char| char.is_ascii_alphanumeric() || "+-._~:/@".contains(char);
        let is_word = !value.is_empty() && !value.starts_with('-') && value.chars().all(is_plain);
        is_word.then(|| value.to_owned())
    };
    Some(PackageNote {
        kind: word("type")?,
        distribution: word("os"),
        name: word("name")?,
        version: word("version"),
        architecture: word("architecture"),
        server: word("debugInfoUrl"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_packages() {
        let note = br#"{"type":"rpm","name":"hello","version":"0-1.fc35","architecture":"x86_64","os":"fedora"}"#;
        let found = parse(&[&note[..], &[0, 0]].concat()).unwrap();
        assert_eq!((found.kind.as_str(), found.name.as_str()), ("rpm", "hello"));
        assert_eq!(found.version.as_deref(), Some("0-1.fc35"));
        assert_eq!(found.distribution.as_deref(), Some("fedora"));
        assert_eq!(found.server, None);
    }

    #[test]
    fn what_is_no_note() {
        let cases: &[&[u8]] = &[
            b"",
            b"{",
            b"[1]",
            br#"{"type":"rpm"}"#,
            br#"{"type":"rpm","name":7}"#,
            br#"{"type":"rpm","name":"a; rm -rf /"}"#,
            br#"{"type":"rpm","name":"--root=/"}"#,
        ];
        for note in cases {
            assert_eq!(parse(note), None, "{}", String::from_utf8_lossy(note));
        }
    }
}
