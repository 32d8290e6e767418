//! `coretool export ID TO`: a kept crash, to be opened elsewhere.
//!
//! `TO` is a directory that is made, with the core unpacked, so that every
//! debugger reads it; or a file that ends in `.tar`, with the core compressed,
//! as `coretool analyze` reads it. Nothing that exists is replaced.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::NamedTempFile;

use crate::cli::choices::Format;
use crate::cli::cmd::show;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::new_file::{self, Existing};
use crate::cli::options::StoreArgs;
use crate::cli::store_place;
use crate::cli::tar::Archive;
use crate::cli::ui::Ui;
use crate::report::model::Exported;
use crate::report::render::json::{self, Layout};
use crate::triage::store::{Entry, Store};

/// `coretool export`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "JSON is as docs/export-schema.json has it.")]
pub struct ExportArgs {
    /// The crash: its id, the beginning of it, or `latest`
    pub id: String,

    /// A directory to make, or a file that ends in .tar
    #[arg(value_name = "DIR|FILE.tar")]
    pub to: PathBuf,

    /// Text for people, or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,

    /// Where crashes are kept.
    #[command(flatten)]
    pub store: StoreArgs,
}

/// Does it.
///
/// # Errors
///
/// When there is no such crash, or `TO` exists or cannot be written.
pub fn export(args: &ExportArgs, ui: &Ui) -> Result<Exit> {
    if args.to.symlink_metadata().is_ok() {
        let what = format!("`{}` exists", args.to.display());
        return Err(Failure::new(what, "choose another name: nothing is replaced").into());
    }
    let store = store_place::with_crashes(args.store.store.as_deref())?;
    let entry = store.find(&args.id)?;
    let is_tar = args.to.extension().is_some_and(|extension| extension == "tar");
    let core = match is_tar {
        true => tar(&store, &entry, &args.to)?,
        false => directory(&store, &entry, &args.to)?,
    };
    let to = args.to.display();
    ui.say(&format!("wrote {to}"));
    if args.format == Format::Json {
        let exported = Exported {
            schema: "coretool.export/1".to_owned(),
            id: entry.id.clone(),
            path: to.to_string(),
            core: core.clone(),
        };
        let mut text = String::new();
        json::render(&exported, Layout::Indented, &mut text).context("cannot render the result")?;
        ui.data(&text)?;
    }
    match core {
        Some(name) if !is_tar => ui.say(&format!("open it: coretool analyze {to}/{name}")),
        Some(name) => ui.say(&format!("open it: tar xf {to} && coretool analyze {name}")),
        None => ui.say("without a core: none is kept"),
    }
    Ok(Exit::Done)
}

/// The report as it leaves: it says nothing of places on this machine's disk.
fn report(entry: &Entry) -> Result<String> {
    let mut report = show::report(entry)?;
    report.saved = None;
    let mut text = String::new();
    json::render(&report, Layout::Indented, &mut text).context("cannot render the report")?;
    Ok(text)
}

fn directory(store: &Store, entry: &Entry, to: &Path) -> Result<Option<String>> {
    let cannot = || format!("cannot make the directory `{}`", to.display());
    let next = tempfile::Builder::new()
        .prefix(".coretool-")
        .permissions(<fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o700))
        .tempdir_in(new_file::directory_of(to))
        .with_context(cannot)?;
    let new = |name: &str| {
        let path = next.path().join(name);
        let file =
            OpenOptions::new().write(true).read(true).create_new(true).mode(0o600).open(&path);
        file.with_context(|| format!("cannot write `{}`", path.display()))
    };
    new("report.json")?.write_all(report(entry)?.as_bytes()).with_context(cannot)?;
    let mut core = None;
    if entry.core.is_some() {
        store.unpack_core(entry, &new("core")?)?;
        core = Some("core".to_owned());
    }
    if let Some(sidecar) = sidecar(entry)? {
        new("core.sidecar.json")?.write_all(&sidecar).with_context(cannot)?;
    }
    // Made here and now: nobody can come between a check and a rename.
    DirBuilder::new().mode(0o700).create(to).with_context(cannot)?;
    if let Err(error) = fs::rename(next.path(), to) {
        let _empty = fs::remove_dir(to);
        return Err(error).with_context(cannot);
    }
    // It is no longer there.
    let _moved = next.keep();
    Ok(core)
}

fn tar(store: &Store, entry: &Entry, to: &Path) -> Result<Option<String>> {
    let cannot = || format!("cannot write `{}`", to.display());
    let file = NamedTempFile::new_in(new_file::directory_of(to)).with_context(cannot)?;
    let at = entry.at.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut archive = Archive::new(file.as_file(), at);
    let folder = format!("coretool-{}", entry.id);
    let text = report(entry)?;
    archive
        .add(&format!("{folder}/report.json"), text.len() as u64, &mut text.as_bytes())
        .with_context(cannot)?;
    let mut core = None;
    if entry.core.is_some() {
        let name = format!("{folder}/core.zst");
        let mut packed = tempfile::tempfile_in(new_file::directory_of(to)).with_context(cannot)?;
        store.packed_core(entry, &packed)?;
        let length = packed.seek(SeekFrom::End(0)).with_context(cannot)?;
        packed.seek(SeekFrom::Start(0)).with_context(cannot)?;
        archive.add(&name, length, &mut packed).with_context(cannot)?;
        core = Some(name);
    }
    if let Some(sidecar) = sidecar(entry)? {
        let name = format!("{folder}/core.zst.sidecar.json");
        archive.add(&name, sidecar.len() as u64, &mut sidecar.as_slice()).with_context(cannot)?;
    }
    archive.end().with_context(cannot)?;
    new_file::persist(file, to, Existing::Keep)?;
    Ok(core)
}

fn sidecar(entry: &Entry) -> Result<Option<Vec<u8>>> {
    let path = entry.directory.join("sidecar.json");
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}
