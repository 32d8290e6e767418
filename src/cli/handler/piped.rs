//! `coretool handler pipe`: started by the kernel for one crash.

use std::fs::File;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};

use crate::capture::handler::daemon::hide;
use crate::capture::handler::piped::Piped;
use crate::capture::handler::rate_limit::{Rate, RateLimit};
use crate::capture::handler::{Access, Rung, dump};
use crate::cli::exit::Exit;
use crate::cli::handler::captured::{Captured, take_up};
use crate::cli::handler::keep::{BUDGET, Kept, keep};
use crate::cli::handler::place::HandlerPlace;
use crate::cli::handler::rates::Rates;
use crate::triage::store::{Budget, Store};

/// Its arguments, as the pattern has them.
#[derive(Clone, Debug, clap::Args)]
pub struct PipeArgs {
    /// %P: the process, as the first pid namespace sees it
    pub pid: u32,
    /// %I: the crashed thread, likewise
    pub tid: u32,
    /// %s: the signal
    pub signal: i32,
    /// %d: 1 when the process may be dumped by its user
    pub dumpable: u32,
    /// %F: a pidfd of the process
    pub pidfd: Option<RawFd>,
    /// Where crashes are kept
    #[arg(long)]
    pub store: Option<PathBuf>,
    /// Crashes at one place that are kept at once
    #[arg(long, default_value_t = Rate::default().burst)]
    pub burst: u32,
}

/// Does it. Whatever goes wrong is in the log, since nobody listens.
pub fn pipe(args: &PipeArgs) -> Result<Exit> {
    // Before any file is opened: the kernel gave us descriptors by number.
    let piped = Piped::new(args.pid, args.pidfd);
    let place = HandlerPlace::of(args.store.as_deref())?;
    place.make()?;
    let done =
        piped.context("cannot pin the process").and_then(|piped| handle(args, piped, &place));
    if let Err(error) = &done {
        place.say(&format!("the crash of process {} was lost: {error:#}", args.pid));
    }
    done
}

fn handle(args: &PipeArgs, piped: Piped, place: &HandlerPlace) -> Result<Exit> {
    let at = SystemTime::now();
    hide().context("cannot make the handler undumpable")?;
    let store = Store::open(&place.store, Budget::default())?;
    let Piped { mut stream, process, is_certain } = piped;
    let mut staged = None;
    let mut admit = |key: &str| {
        if !is_admitted(args, place, &RateLimit::plain_key(key), at) {
            return None;
        }
        let new = store.stage().map_err(|error| error.to_string());
        let new = new.and_then(|new| {
            let file = new.core().try_clone().map_err(|error| error.to_string())?;
            Ok((new, file))
        });
        let (new, file) = match new {
            Ok(new) => new,
            Err(error) => {
                place.say(&format!("cannot make a file for the core, so only counted: {error}"));
                return None;
            }
        };
        staged = Some(new);
        Some((file, BUDGET))
    };
    let done = dump(&mut stream, &process, Rung::Pipe, Some(args.dumpable), &mut admit);
    let mut done = done.context("cannot dump the process")?;
    if !is_certain {
        let why = "this kernel gives no pidfd (%F), so that its identity is not certain";
        done.access = Access::RootOnly(why.to_owned());
        // Nor is it certain whose root directory that was.
        done.root = None;
    }
    let key = RateLimit::plain_key(&done.key);
    let crash = Captured::new(done, at);
    // Whoever sees that the process has ended finds its report, even when we
    // are killed now.
    if let Some(staged) = &mut staged {
        crash.wait(staged, place);
    }
    // This lets the process go.
    drop(stream);
    drop(process);
    // One analysis at a time: the kernel may start hundreds of us.
    let _turn = turn(place)?;
    match staged {
        Some(staged) => {
            let Kept { id, delivered } = keep(&store, crash, staged, None)?;
            if let Err(error) = delivered {
                place.say(&format!("{id}: {error:#}"));
            }
            store.compress(&id)?;
        }
        None => {
            store.count(&key, &crash.command, at)?;
        }
    }
    take_up(place, &store)?;
    Ok(Exit::Done)
}

fn turn(place: &HandlerPlace) -> Result<File> {
    let path = place.turn();
    let open = || {
        let file = File::options().create(true).truncate(false).write(true).open(&path)?;
        file.lock()?;
        Ok::<_, std::io::Error>(file)
    };
    open().with_context(|| format!("cannot lock `{}`", path.display()))
}

/// Asks the rate limit, which lives in a file.
fn is_admitted(args: &PipeArgs, place: &HandlerPlace, key: &str, at: SystemTime) -> bool {
    let now = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let rates = Rates::lock(&place.rates());
    let mut limit = rates.read(Rate { burst: args.burst, ..Rate::default() });
    let admitted = limit.admit(key, now);
    rates.write(&limit);
    admitted
}
