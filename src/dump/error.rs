//! Why a dump could not be read at all.
//!
//! Damage that leaves something to report is not an error but a gap.

use std::io;
use std::path::PathBuf;

use crate::base::addr::FileOff;
use crate::base::bytes::Truncated;

/// A dump that cannot be used. Each message says what was wrong and where; the
/// variants are what a caller can act on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DumpError {
    /// The file could not be opened or mapped.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// As the user gave it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// A file of zero bytes.
    #[error("`{}` is empty", path.display())]
    Empty {
        /// As the user gave it.
        path: PathBuf,
    },

    /// A compressed file whose beginning cannot be unpacked.
    #[error("`{}` is damaged: its first zstd frame cannot be unpacked", path.display())]
    DamagedFrame {
        /// As the user gave it.
        path: PathBuf,
    },

    /// Compressed data of which not one byte of a core can be had.
    #[error("cannot unpack `{}`: {}damaged or cut before the first byte of a core", path.display(),
        kind.map_or("it is ".to_owned(), |kind| format!("its {kind} data is ")))]
    Unpack {
        /// As the user gave it.
        path: PathBuf,
        /// "zstd", "gzip", where it is compressed.
        kind: Option<&'static str>,
        /// What the decoder said.
        source: io::Error,
    },

    /// A tar, but without a core.
    #[error("there is no core file in `{}`", path.display())]
    NoCoreInside {
        /// As the user gave it.
        path: PathBuf,
    },

    /// What is unpacked has to lie somewhere.
    #[error("cannot keep what is unpacked of `{}`", path.display())]
    Scratch {
        /// As the user gave it.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// Not an ELF file at all.
    #[error("`{}` is not a core file: it is {what}", path.display())]
    NotElf {
        /// As the user gave it.
        path: PathBuf,
        /// What its first bytes look like: "text", "gzip-compressed data".
        what: &'static str,
        /// The command that would unpack it, for compressed data.
        unpack: Option<&'static str>,
    },

    /// An ELF file, but of another type: an executable, say.
    #[error("`{}` is not a core file but {what} (e_type is {e_type}, a core has 4)", path.display())]
    NotACore {
        /// As the user gave it.
        path: PathBuf,
        /// The ELF header's `e_type`.
        e_type: u16,
        /// What that type is: "an executable or shared library".
        what: &'static str,
    },

    /// A minidump of a system or processor that is not analyzed.
    #[error("`{}` is a minidump of {what}; those of Linux on x86-64 are analyzed", path.display())]
    OtherMinidump {
        /// As the user gave it.
        path: PathBuf,
        /// Numbers of both, as the minidump has them.
        what: String,
    },

    /// The ELF header or the program headers are not there.
    #[error("`{}` is cut within its {what}: it has {len} bytes", path.display())]
    Cut {
        /// As the user gave it.
        path: PathBuf,
        /// "ELF header", "program headers".
        what: &'static str,
        /// The file's length in bytes.
        len: u64,
    },

    /// An ELF header of which the first bytes are ones, and the next are not.
    #[error("the ELF header of `{}` is damaged: {what}", path.display())]
    BadHeader {
        /// As the user gave it.
        path: PathBuf,
        /// The field, and what it has.
        what: String,
    },

    /// A note runs past the end of its segment.
    #[error("the note at {note} is cut short")]
    NoteCutShort {
        /// Where the note's header begins.
        note: FileOff,
        /// Which read failed.
        source: Truncated,
    },

    /// A count that the bytes present cannot hold: damage, or an attack.
    #[error("the note at {note} claims {claimed} entries, but has room for {room}")]
    ImpossibleCount {
        /// Where the note's header begins.
        note: FileOff,
        /// What the note says.
        claimed: u64,
        /// How many could fit.
        room: u64,
    },
}

impl DumpError {
    /// What the user may try instead.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotACore { path, e_type: 2 | 3, .. } => {
                let path = path.display();
                Some(format!("to run a program and explain its crash: coretool run {path}"))
            }
            Self::NotElf { unpack: Some(command), path, .. } => {
                Some(format!("unpack it first: {command} {}", path.display()))
            }
            Self::Empty { .. } | Self::Cut { .. } => Some(
                "the disk was full, or the core limit too small (ulimit -c), when it was written"
                    .to_owned(),
            ),
            Self::DamagedFrame { .. } => Some(
                "the headers of the core are lost; the kept report is not: coretool show"
                    .to_owned(),
            ),
            Self::Unpack { kind: Some(kind), path, .. } => {
                let path = path.display();
                Some(format!("copy the file again; `{kind} -t {path}` says whether it is whole"))
            }
            Self::Unpack { .. } => Some("copy the file again".to_owned()),
            Self::NoCoreInside { .. } => {
                Some("list it with `tar -t`; a core is an ELF file, compressed or not".to_owned())
            }
            Self::Scratch { .. } => {
                Some("is the disk full? TMPDIR names another place for it".to_owned())
            }
            _ => None,
        }
    }
}
