//! `coretool list`: the crashes that are kept, the newest first.
//!
//! ```console
//! $ coretool list
//! ID            AGE  PROGRAM  SIGNAL   COUNT    CORE  WHAT HAPPENED
//! 3f9ac2d10b77  2 h  server   SIGSEGV     12  1.9 MB  read of 4 bytes at 0x18, ...
//! ```
//!
//! The count is of all crashes at the same place of the same program that were
//! ever seen, also of those that are no longer kept.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};

use crate::base::utc;
use crate::cli::amounts;
use crate::cli::choices::Format;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::options::StoreArgs;
use crate::cli::store_place;
use crate::cli::ui::{Stream, Ui};
use crate::report::model::{KeptCore, KeptCrash, KeptCrashes};
use crate::report::render::json::{self, Layout};
use crate::report::render::kept::{self, KeptOptions};
use crate::triage::store::{Entry, Wanted};

/// `coretool list`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "JSON is as docs/list-schema.json has it.")]
pub struct ListArgs {
    /// Only crashes of this program: its name, or its file
    #[arg(long, value_name = "NAME")]
    pub program: Option<String>,

    /// Only crashes since then: an age like 12h or 7d, or a day (UTC) like 2026-11-24
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,

    /// Only the newest N
    #[arg(short, long = "most", value_name = "N")]
    pub n: Option<usize>,

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
/// When the store cannot be read, or the list cannot be written.
pub fn list(args: &ListArgs, ui: &Ui) -> Result<Exit> {
    let now = SystemTime::now();
    let since = args.since.as_deref().map(|text| amounts::moment(text, now)).transpose();
    let since = since.map_err(|why| Failure::new(why, "say since when: --since 7d"))?;
    let wanted = Wanted { program: args.program.clone(), since, most: args.n };
    let choice = args.store.store.as_deref();
    let store = store_place::existing(choice)?;
    let entries = store.map(|store| store.list(&wanted)).transpose()?.unwrap_or_default();
    let list = listed(&entries, choice)?;
    let mut text = String::new();
    if args.format == Format::Json {
        return json(&list, ui);
    } else if list.crashes.is_empty() {
        let filtered = args.program.is_some() || args.since.is_some() || args.n == Some(0);
        let what = if filtered { "no such crash" } else { "no crash" };
        ui.say(&format!("{what} is kept in {}", list.store));
        if !filtered {
            ui.say("keep one: coretool run PROGRAM");
        }
    } else {
        let options = ui.text_options(Stream::Output);
        let width = ui.is_terminal(Stream::Output).then_some(options.width);
        let now = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let options = KeptOptions { theme: options.theme, width, now };
        kept::list(&list, options, &mut text).context("cannot render the list")?;
    }
    ui.data(&text)?;
    Ok(Exit::Done)
}

/// Kept crashes as others see them.
pub(super) fn listed(entries: &[Entry], choice: Option<&Path>) -> Result<KeptCrashes> {
    let crashes: Vec<KeptCrash> = entries.iter().map(crash).collect();
    Ok(KeptCrashes {
        schema: "coretool.list/1".to_owned(),
        store: store_place::chosen(choice)?.display().to_string(),
        bytes: crashes.iter().map(|crash| crash.bytes).sum(),
        crashes,
    })
}

/// Writes them as docs/list-schema.json has it.
pub(super) fn json(list: &KeptCrashes, ui: &Ui) -> Result<Exit> {
    let mut text = String::new();
    json::render(list, Layout::Indented, &mut text).context("cannot render the list")?;
    ui.data(&text)?;
    Ok(Exit::Done)
}

/// A kept crash as others see it.
fn crash(entry: &Entry) -> KeptCrash {
    let since = entry.at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    KeptCrash {
        id: entry.id.clone(),
        time: utc::rfc3339(entry.at),
        time_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        program: entry.program.clone(),
        executable: entry.executable.clone(),
        pid: entry.pid,
        signal: entry.signal.clone(),
        verdict: entry.verdict.clone(),
        key: entry.key.clone(),
        count: entry.count,
        captured_by: entry.captured_by.clone(),
        core: entry.core.as_ref().map(|core| KeptCore {
            path: core.path.display().to_string(),
            bytes: core.bytes,
            compressed: core.is_compressed,
        }),
        directory: entry.directory.display().to_string(),
        bytes: entry.bytes(),
    }
}
