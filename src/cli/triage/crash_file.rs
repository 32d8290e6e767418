//! One file of crashes: a core, reports as JSON, or a text.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;
use std::sync::{Arc, LazyLock};

use anyhow::{Context as _, Result, bail};

use crate::analyze;
use crate::base::file_store::FileStore;
use crate::base::gap::Gaps;
use crate::base::inflated::Inflated;
use crate::base::text::text;
use crate::cli::bundle;
use crate::dump;
use crate::report::model::{Report, SCHEMA};
use crate::triage::logs;
use crate::triage::signature::signature;

/// Larger texts are not read.
const LARGEST_TEXT: u64 = 256 << 20;

/// What a file is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A core, perhaps compressed.
    Core,
    /// JSON: perhaps reports.
    Json,
    /// Text: perhaps a log.
    Text,
    /// None of these.
    Other,
}

/// Beginnings of what may be a core: ELF with type 4 is checked apart.
const COMPRESSED: [&[u8]; 4] =
    [b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"\xfd7zXZ\0", b"\x1f\x8b"];

/// What a file is.
///
/// # Errors
///
/// When it cannot be read.
pub fn kind(path: &Path) -> Result<Kind> {
    let cannot = || format!("cannot read `{}`", path.display());
    let file = File::open(path).with_context(cannot)?;
    let mut head = Vec::with_capacity(4096);
    file.take(4096).read_to_end(&mut head).with_context(cannot)?;
    Ok(kind_of(&head))
}

fn kind_of(head: &[u8]) -> Kind {
    if head.starts_with(b"\x7fELF") {
        // `e_type` 4 is ET_CORE, in either byte order.
        let is_core = matches!(head.get(16..18), Some([4, 0] | [0, 4]));
        return if is_core { Kind::Core } else { Kind::Other };
    }
    // Formats of other crash reporters say so at their start, too.
    if COMPRESSED.iter().any(|magic| head.starts_with(magic)) || head.starts_with(b"MDMP") {
        return Kind::Core;
    }
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        Some(b'{' | b'[') => Kind::Json,
        Some(_) if !head.contains(&0) => Kind::Text,
        _ => Kind::Other,
    }
}

/// The reports of all crashes in a file. Those of cores are made now, those in
/// JSON are as they are, with a signature by today's rules.
///
/// # Errors
///
/// When it cannot be read, or is a core that cannot be used.
pub fn reports(path: &Path, options: &analyze::Options) -> Result<Vec<Report>> {
    let mut found = Vec::new();
    each(path, options, &mut |report| found.push(report))?;
    Ok(found)
}

/// As [`reports`], one after the other: a file may hold any number of them.
///
/// # Errors
///
/// As for [`reports`].
pub fn each(path: &Path, options: &analyze::Options, take: &mut dyn FnMut(Report)) -> Result<()> {
    match kind(path)? {
        Kind::Core => take(of_core(path, options)?),
        Kind::Json => each_of_json(path, options, take)?,
        Kind::Text => {
            let bytes = read(path)?;
            for mut report in logs::read(&text(&bytes)) {
                report.source.path = Some(path.display().to_string());
                report.signature = Some(signature(&report, &options.rules));
                take(report);
            }
        }
        Kind::Other => (),
    }
    Ok(())
}

fn of_core(path: &Path, options: &analyze::Options) -> Result<Report> {
    if bundle::is_bundle(path) {
        let bundle = bundle::open(path)?;
        let mut options = options.clone();
        options.symbols.sysroot = Some(bundle.root());
        let mut report = of_plain_core(&bundle.core(), &options)?;
        bundle.named(&mut report, path);
        return Ok(report);
    }
    of_plain_core(path, options)
}

/// What the cores of one run have in common, as the C library's debug file.
static SHARED: LazyLock<Arc<Inflated>> = LazyLock::new(Arc::default);

fn of_plain_core(path: &Path, options: &analyze::Options) -> Result<Report> {
    let store = FileStore::sharing(Arc::clone(&SHARED));
    let gaps = Gaps::new();
    let process = dump::open(path, &store, &options.limits, &gaps)?;
    Ok(analyze::analyze(&process, &store, options, &gaps))
}

/// Reports in JSON, one or several after one another.
fn each_of_json(
    path: &Path,
    options: &analyze::Options,
    take: &mut dyn FnMut(Report),
) -> Result<()> {
    let file = File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let reader = BufReader::with_capacity(1 << 16, file);
    for value in serde_json::Deserializer::from_reader(reader).into_iter::<Report>() {
        match value {
            Ok(mut report) if report.schema == SCHEMA => {
                report.signature = Some(signature(&report, &options.rules));
                take(report);
            }
            // Another program's JSON, or the end of a file that was cut.
            _ => break,
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let cannot = || format!("cannot read `{}`", path.display());
    let file = File::open(path).with_context(cannot)?;
    let length = file.metadata().with_context(cannot)?.len();
    if length > LARGEST_TEXT {
        bail!("`{}` has {length} bytes of text, and {LARGEST_TEXT} are the most", path.display());
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_TEXT).read_to_end(&mut bytes).with_context(cannot)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let mut core = b"\x7fELF".to_vec();
        core.resize(16, 0);
        let program = [core.clone(), vec![2, 0]].concat();
        core.extend([4, 0]);
        let cases: [(&[u8], Kind); 6] = [
            (&core, Kind::Core),
            (&program, Kind::Other),
            (b"\x28\xb5\x2f\xfd", Kind::Core),
            (b" {\"schema\"", Kind::Json),
            (b"panic: x", Kind::Text),
            (b"a\0b", Kind::Other),
        ];
        for (head, want) in cases {
            assert_eq!(kind_of(head), want, "{head:?}");
        }
    }
}
