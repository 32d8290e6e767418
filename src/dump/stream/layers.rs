//! Takes off what is around a core: compression, a tar, a report of apport.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::io::{self, BufRead, Cursor, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use crate::base::count::counted;
use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::base::limits::Limits;
use crate::dump::compressed::Packed;
use crate::dump::contents::Contents;
use crate::dump::error::DumpError;
use crate::dump::stream::apport::{self, CoreDump};
use crate::dump::stream::codec::Codec;
use crate::dump::stream::decode_ahead::DecodeAhead;
use crate::dump::stream::intake::{self, Taken};
use crate::dump::stream::kept::Kept;
use crate::dump::stream::scratch::Scratch;
use crate::dump::stream::tar::{self, Member};

/// Bytes in order.
pub type Input<'i> = Box<dyn BufRead + Send + 'i>;

/// What tells one kind of file from another, in bytes: a block of a tar.
const HEAD: u64 = 512;
/// Layers in each other, as in a tar.gz with a core.zst.
const MOST_LAYERS: usize = 4;
/// Binaries in a compressed tar, without a scratch file, in bytes.
const MOST_FILES_IN_MEMORY: u64 = 32 << 20;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Compressed(Codec),
    Report,
    Tar,
    Plain,
}

impl Layer {
    fn of(head: &[u8]) -> Self {
        match Codec::of(head) {
            Some(codec) => Self::Compressed(codec),
            None if apport::is_report(head) => Self::Report,
            None if tar::is_tar(head) => Self::Tar,
            None => Self::Plain,
        }
    }
}

/// Whether `head` begins an ELF file, and whether that is a core.
fn elf_kind(head: &[u8]) -> Option<bool> {
    let kind = head.get(16..18).filter(|_| head.starts_with(b"\x7fELF"))?;
    let is_big = head.get(5) == Some(&2);
    Some(if is_big { kind == [0, 4] } else { kind == [4, 0] })
}

/// The core in `bytes`, a whole file of `store`.
///
/// # Errors
///
/// When it holds none, or nothing of it can be unpacked.
pub(in crate::dump) fn contents<'f>(
    bytes: &'f [u8],
    path: &Path,
    store: &'f FileStore,
    limits: &Limits,
    gaps: &Gaps,
) -> Result<Contents<'f>, DumpError> {
    if let Some(packed) = Packed::open(bytes, store) {
        return Ok(Contents::Packed(Arc::new(packed)));
    }
    match Layer::of(bytes.get(..512).unwrap_or(bytes)) {
        Layer::Plain => Ok(Contents::Mapped(bytes)),
        Layer::Tar => contents_of_tar(bytes, path, store, limits, gaps),
        Layer::Compressed(_) | Layer::Report => {
            let input = Box::new(store.sequential(bytes));
            contents_of_stream(input, path, store, limits, gaps)
        }
    }
}

/// A tar that lies there unpacked: its members are read in place.
fn contents_of_tar<'f>(
    bytes: &'f [u8],
    path: &Path,
    store: &'f FileStore,
    limits: &Limits,
    gaps: &Gaps,
) -> Result<Contents<'f>, DumpError> {
    let mut core = None;
    let mut input = bytes;
    let done = tar::members(&mut input, |member, _| {
        let start = usize::try_from(member.offset).unwrap_or(usize::MAX);
        let size = usize::try_from(member.size).unwrap_or(usize::MAX);
        let rest = bytes.get(start..).unwrap_or_default();
        let part = rest.get(..size.min(rest.len())).unwrap_or_default();
        let head = part.get(..512).unwrap_or(part);
        match elf_kind(head) {
            Some(false) => store.attach(member.name.clone(), part),
            Some(true) if core.is_none() => core = Some(Ok(Contents::Mapped(part))),
            None if core.is_none() && matches!(Layer::of(head), Layer::Compressed(_)) => {
                core = compressed_member(part, path, store, limits, gaps);
            }
            _ => (),
        }
        true
    });
    if let (Err(error), Some(_)) = (&done, &core) {
        note_cut_tar(error, gaps);
    }
    core.unwrap_or_else(|| Err(no_core(path, done.err())))
}

/// A compressed core in a tar; `None`: it is something else.
fn compressed_member<'f>(
    part: &'f [u8],
    path: &Path,
    store: &'f FileStore,
    limits: &Limits,
    gaps: &Gaps,
) -> Option<Result<Contents<'f>, DumpError>> {
    if let Some(packed) = Packed::open(part, store) {
        let packed = Contents::Packed(Arc::new(packed));
        return (elf_kind(packed.part(0, HEAD)) == Some(true)).then_some(Ok(packed));
    }
    let mut sink = Sink::new(store, limits);
    sink.take(Box::new(store.sequential(part)), 1, Accept::Cores);
    sink.core.is_some().then(|| sink.contents(path, gaps))
}

/// The core in what `input` reads, in one pass.
///
/// # Errors
///
/// When it holds none, or nothing of it can be unpacked.
pub(in crate::dump) fn contents_of_stream<'f>(
    input: Input<'_>,
    path: &Path,
    store: &'f FileStore,
    limits: &Limits,
    gaps: &Gaps,
) -> Result<Contents<'f>, DumpError> {
    let mut sink = Sink::new(store, limits);
    sink.take(input, 0, Accept::All);
    sink.contents(path, gaps)
}

/// Which plain data is taken for a core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Accept {
    /// Whatever it is: the user says that it is one.
    All,
    /// Only what is one: a tar has other files, too.
    Cores,
}

/// Where all ends up.
struct Sink<'s, 'f> {
    store: &'f FileStore,
    limits: &'s Limits,
    scratch: Scratch<'f>,
    core: Option<Taken>,
    codec: Option<Codec>,
    /// Names of binaries, where in the scratch file each begins, and its size.
    files: Vec<(PathBuf, u64, u64)>,
    /// Why what is around the core could not be read on.
    failure: Option<io::Error>,
}

impl<'s, 'f> Sink<'s, 'f> {
    fn new(store: &'f FileStore, limits: &'s Limits) -> Self {
        let scratch = Scratch::new(store);
        Self { store, limits, scratch, core: None, codec: None, files: Vec::new(), failure: None }
    }

    fn take(&mut self, mut input: Input<'_>, layer: usize, accept: Accept) {
        let mut head = Vec::new();
        let read = (&mut input).take(HEAD).read_to_end(&mut head);
        let kind = Layer::of(&head);
        let is_core = elf_kind(&head) == Some(true);
        if let Err(error) = read {
            // What came is all there is.
            self.failure = Some(error);
            if accept == Accept::All || is_core {
                let taken = intake::take(&mut head.as_slice(), &mut self.scratch, self.limits);
                self.core = Some(Taken { failure: self.failure.take(), ..taken });
            }
            return;
        }
        let mut input: Input<'_> = Box::new(Cursor::new(head).chain(input));
        let inner = layer.saturating_add(1);
        let may_unpack = layer < MOST_LAYERS;
        match kind {
            Layer::Compressed(codec) if may_unpack => {
                let before = self.codec.replace(codec);
                self.unpack(codec, input, inner, accept);
                if self.core.is_none() {
                    self.codec = before;
                }
            }
            Layer::Report if may_unpack => {
                self.take(Box::new(CoreDump::new(input)), inner, accept);
            }
            Layer::Tar if may_unpack && accept == Accept::All => {
                let done = tar::members(&mut *input, |member, bytes| {
                    self.member(member, bytes, inner);
                    true
                });
                self.failure = done.err();
            }
            _ if accept == Accept::All || is_core => {
                self.core = Some(intake::take(&mut *input, &mut self.scratch, self.limits));
            }
            _ => (),
        }
    }

    fn unpack(&mut self, codec: Codec, input: Input<'_>, layer: usize, accept: Accept) {
        thread::scope(|scope| {
            let decoder = codec.decoder(input);
            match decoder.and_then(|decoder| DecodeAhead::start(scope, decoder)) {
                Ok(ahead) => self.take(Box::new(ahead), layer, accept),
                Err(error) => self.failure = Some(error),
            }
        });
    }

    /// A file of a tar: the core, a binary, or something else.
    fn member(&mut self, member: &Member, bytes: &mut (dyn BufRead + Send), layer: usize) {
        let mut head = Vec::new();
        if bytes.take(HEAD).read_to_end(&mut head).is_err() {
            return;
        }
        let kind = elf_kind(&head);
        let mut whole = Cursor::new(head).chain(bytes);
        if kind == Some(false) {
            self.binary(member, &mut whole);
        } else if self.core.is_none() {
            self.take(Box::new(whole), layer, Accept::Cores);
        }
    }

    fn binary(&mut self, member: &Member, bytes: &mut dyn BufRead) {
        let most = match self.scratch.is_file() {
            true => self.limits.attached,
            false => self.limits.attached.min(MOST_FILES_IN_MEMORY),
        };
        let before = self.files.iter().fold(0, |sum: u64, (.., size)| sum.saturating_add(*size));
        if before.saturating_add(member.size) > most || self.scratch.align().is_err() {
            return;
        }
        let start = self.scratch.len();
        loop {
            let used = match bytes.fill_buf() {
                Ok([]) => break,
                Ok(piece) if self.scratch.append(piece).is_ok() => piece.len(),
                _ => return,
            };
            bytes.consume(used);
        }
        let size = self.scratch.len().saturating_sub(start);
        self.files.push((member.name.clone(), start, size));
    }

    fn contents(self, path: &Path, gaps: &Gaps) -> Result<Contents<'f>, DumpError> {
        let Some(core) = self.core else { return Err(no_core(path, self.failure)) };
        let codec = self.codec;
        if let Some(source) = core.failure {
            if core.len == 0 {
                let kind = codec.map(Codec::name);
                return Err(DumpError::Unpack { path: path.to_owned(), kind, source });
            }
            let what = codec.map_or("stream", Codec::name);
            gaps.note(
                format!("the core behind its first {}", counted(core.len, "byte")),
                format!("the {what} data is damaged or cut there: {source}"),
                "copy the file again, or capture the crash again",
            );
        }
        if let Some(error) = self.failure {
            note_cut_tar(&error, gaps);
        }
        if core.dropped > 0 {
            let kept = core.len.saturating_sub(core.dropped);
            let why = match &core.full {
                Some(error) => format!("what is unpacked of it could not be written: {error}"),
                None => format!(
                    "the core is one compressed stream, of which {} were kept: stacks, data, and \
                     what they point to first",
                    counted(kept, "byte")
                ),
            };
            let hint = "unpack the file, and analyze the core that is in it";
            gaps.note(format!("{} of memory", counted(core.dropped, "byte")), why, hint);
        }
        let store = self.store;
        let bytes = self
            .scratch
            .finish()
            .map_err(|source| DumpError::Scratch { path: path.to_owned(), source })?;
        for (name, start, size) in self.files {
            let start = usize::try_from(start).unwrap_or(usize::MAX);
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            let part = bytes.get(start..).and_then(|rest| rest.get(..size));
            store.attach(name, part.unwrap_or_default());
        }
        let kept = Kept::new(store, bytes, core.extents, core.len, codec.is_some());
        Ok(Contents::Kept(Arc::new(kept)))
    }
}

fn no_core(path: &Path, failure: Option<io::Error>) -> DumpError {
    let path = path.to_owned();
    match failure {
        Some(source) => DumpError::Unpack { path, kind: None, source },
        None => DumpError::NoCoreInside { path },
    }
}

fn note_cut_tar(error: &io::Error, gaps: &Gaps) {
    gaps.note(
        "files behind the core in the tar",
        format!("the tar is damaged or cut: {error}"),
        "copy the file again",
    );
}
