//! `coretool handler install|status|uninstall|test`: catch all crashes of this
//! machine.
//!
//! The kernel gives each dump to a socket (Linux 6.17 and later) or a pipe.
//! Stacks are read first, then what is in memory; the program is let go, and
//! the report is made by a child without any rights. What was in
//! `core_pattern` before is saved, and comes back when the handler ends,
//! however it ends.

use std::io::{self, Read as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use clap::Subcommand;

use crate::capture::handler::pattern::{
    Settings, WANTED_PIPE_LIMIT, check_program, has_socket, pipe_pattern, socket_pattern,
};
use crate::capture::handler::rate_limit::Rate;
use crate::cli::choices::Format;
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::handler::captured::take_up;
use crate::cli::handler::daemon::serve;
use crate::cli::handler::deliver::{DeliverArgs, keep_for_user, place_of};
use crate::cli::handler::examine::{ExamineArgs, examine};
use crate::cli::handler::piped::{PipeArgs, pipe};
use crate::cli::handler::place::HandlerPlace;
use crate::cli::new_file::{self, Existing};
use crate::cli::store_place;
use crate::cli::ui::Ui;
use crate::report::model::HandlerStatus;
use crate::report::render::escape::escaped;
use crate::report::render::json::{self, Layout};
use crate::triage::store::{Budget, Store, Wanted};

/// Where the unit goes.
const UNIT: &str = "/etc/systemd/system/coretool-handler.service";
/// Where the kernel's settings go.
const SYSCTL: &str = "/etc/sysctl.d/60-coretool.conf";
/// How long starting, stopping and a test crash may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// `coretool handler`.
#[derive(Clone, Debug, clap::Args)]
pub struct HandlerArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: HandlerCommand,
}

/// One command of it.
#[derive(Clone, Debug, Subcommand)]
pub enum HandlerCommand {
    /// Register this program in core_pattern
    Install(InstallArgs),
    /// Say what is registered, and whether it works
    Status(StatusArgs),
    /// Put back what was there before
    Uninstall(StoreArg),
    /// Crash a child, and find the crash in the store
    Test(StoreArg),
    /// Listen on the kernel's socket until a signal comes
    #[command(hide = true)]
    Serve(ServeArgs),
    /// Started by the kernel
    #[command(hide = true)]
    Pipe(PipeArgs),
    /// Started by the handler to read a core
    #[command(hide = true)]
    Examine(ExamineArgs),
    /// Started by the handler to give a user a report
    #[command(hide = true)]
    Deliver(DeliverArgs),
    /// Started by the handler to outlive it
    #[command(hide = true)]
    Guard(StoreArg),
}

/// Where crashes are kept.
#[derive(Clone, Debug, clap::Args)]
pub struct StoreArg {
    /// The store [default: /var/lib/coretool]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
}

/// `coretool handler status`.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Exit status: 0 when a crash would be kept now, else 1. JSON is as \
                        docs/handler-status-schema.json has it.")]
pub struct StatusArgs {
    /// Where crashes are kept.
    #[command(flatten)]
    pub store: StoreArg,

    /// Text for people, or JSON for programs
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `coretool handler serve`.
#[derive(Clone, Debug, clap::Args)]
pub struct ServeArgs {
    /// Where crashes are kept.
    #[command(flatten)]
    pub store: StoreArg,

    /// Crashes at one place that are kept at once; of more only the number
    #[arg(long, value_name = "N", default_value_t = Rate::default().burst)]
    pub burst: u32,
}

/// `coretool handler install`.
#[derive(Clone, Debug, clap::Args)]
pub struct InstallArgs {
    /// Let the kernel start a program for each crash, even where it has the socket
    #[arg(long)]
    pub pipe: bool,

    /// Stay over restarts: write a systemd unit, or a sysctl.d file for --pipe
    #[arg(long)]
    pub persist: bool,

    /// Only show what would be written
    #[arg(long, conflicts_with = "persist")]
    pub print: bool,

    /// Where crashes are kept, and how many.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// Does it.
///
/// # Errors
///
/// When the user is not root, or the kernel's settings cannot be changed; they
/// are then as they were.
pub fn handler(args: &HandlerArgs, ui: &Ui) -> Result<Exit> {
    let place = |store: &StoreArg| HandlerPlace::of(store.store.as_deref());
    match &args.command {
        HandlerCommand::Install(args) => install(args, &place(&args.serve.store)?, ui),
        HandlerCommand::Status(args) => status(&place(&args.store)?, args.format, ui),
        HandlerCommand::Uninstall(args) => uninstall(&place(args)?, ui),
        HandlerCommand::Test(args) => test(&place(args)?, ui),
        HandlerCommand::Serve(args) => {
            serve(place(&args.store)?, Rate { burst: args.burst, ..Rate::default() })
        }
        HandlerCommand::Pipe(args) => pipe(args),
        HandlerCommand::Examine(args) => examine(args, ui),
        HandlerCommand::Deliver(args) => keep_for_user(args),
        HandlerCommand::Guard(args) => guard(&place(args)?),
    }
}

fn install(args: &InstallArgs, place: &HandlerPlace, ui: &Ui) -> Result<Exit> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let is_pipe = args.pipe || !has_socket();
    let store = args.serve.store.store.is_some().then_some(place.store.as_path());
    // The pattern has no room for what is the usual.
    let burst = Some(args.serve.burst).filter(|burst| *burst != Rate::default().burst);
    if args.print {
        let pattern = match is_pipe {
            true => Some(pipe_pattern(&program, store, burst)?),
            false => None,
        };
        ui.data(&texts(&program, store, args, pattern.as_deref()))?;
        return Ok(Exit::Done);
    }
    only_root()?;
    let found = Settings::read()?;
    if place.is_ours(&found.pattern)
        && (found.pattern.starts_with('|') || place.listener().is_some())
    {
        ui.say(&format!("installed already: {}", found.pattern));
        return Ok(Exit::Done);
    }
    check_program(&program)?;
    if is_pipe {
        let pattern = pipe_pattern(&program, store, burst)?;
        // The kernel says nothing when the store cannot be made later.
        drop(Store::open(&place.store, Budget::default())?);
        place.make()?;
        let former = place.remember()?;
        let limit = former.pipe_limit.parse::<u32>().unwrap_or(0).max(WANTED_PIPE_LIMIT);
        let ours = Settings { pattern, pipe_limit: limit.to_string() };
        if let Err(error) = ours.write() {
            let _gone = std::fs::remove_file(place.former());
            return Err(error).context("cannot set the kernel's core_pattern");
        }
        if args.persist {
            new_file::write(Path::new(SYSCTL), sysctl(&ours).as_bytes(), Existing::Replace)?;
            ui.say(&format!("written: {SYSCTL}"));
        }
    } else {
        let pattern = socket_pattern(&place.socket())?;
        if args.persist {
            let unit = unit(&program, store, args.serve.burst);
            new_file::write(Path::new(UNIT), unit.as_bytes(), Existing::Replace)?;
            ui.say(&format!("written: {UNIT}"));
            for words in [&["daemon-reload"][..], &["enable", "--now", "coretool-handler"][..]] {
                let status = Command::new("systemctl").args(words).stdout(Stdio::null()).status();
                let done = status.context("cannot run systemctl: start the unit by hand")?;
                if !done.success() {
                    let what = format!("`systemctl {}` ended with {done}", words.join(" "));
                    let hint = format!(
                        "without systemd: start `{} handler serve` at boot",
                        program.display()
                    );
                    return Err(Failure::new(what, hint).into());
                }
            }
        } else {
            start(&program, args, place)?;
        }
        wait_for(&pattern, place)?;
    }
    let now = Settings::read()?;
    ui.say(&format!("crashes go to {}, and are kept in {}", now.pattern, place.store.display()));
    ui.say("to see it work: coretool handler test");
    Ok(Exit::Done)
}

/// Starts the daemon, which outlives us.
fn start(program: &Path, args: &InstallArgs, place: &HandlerPlace) -> Result<()> {
    drop(Store::open(&place.store, Budget::default())?);
    place.make()?;
    let log = std::fs::File::options().create(true).append(true).open(place.log());
    let log = log.with_context(|| format!("cannot open `{}`", place.log().display()))?;
    let mut command = Command::new(program);
    command.args(["handler", "serve", "--burst", &args.serve.burst.to_string(), "--store"]);
    command.arg(&place.store).current_dir("/").process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn().context("cannot start the daemon").map(|_child| ())
}

/// Waits until the daemon has set the pattern.
fn wait_for(pattern: &str, place: &HandlerPlace) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if Settings::read()?.pattern == pattern && place.listener().is_some() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(10));
    }
    let what = "the daemon did not start";
    Err(Failure::new(what, format!("see the end of {}", place.log().display())).into())
}

fn status(place: &HandlerPlace, format: Format, ui: &Ui) -> Result<Exit> {
    let now = Settings::read()?;
    let is_ours = place.is_ours(&now.pattern);
    let is_pipe = now.pattern.starts_with('|');
    let daemon = place.listener().map(|daemon| daemon.pid);
    // A user sees the pattern only. It goes when nobody listens any more.
    let is_hidden = place.is_hidden();
    let former = if is_hidden { None } else { Settings::saved(&place.former())? };
    let mut found = HandlerStatus {
        schema: "coretool.handler-status/1".to_owned(),
        core_pattern: now.pattern,
        core_pipe_limit: now.pipe_limit,
        installed: is_ours,
        works: is_ours && (is_pipe || is_hidden || daemon.is_some()),
        daemon,
        former_pattern: former.map(|former| former.pattern),
        store: place.store.display().to_string(),
        ..HandlerStatus::default()
    };
    if !is_hidden && let Some(store) = store_place::existing(Some(&place.store))? {
        found.kept = Some(store.list(&Wanted::default())?.len() as u64);
        found.waiting = Some(store.waiting()? as u64);
        found.seen = Some(store.counts()?.iter().map(|count| count.count).sum());
    }
    match format {
        Format::Json => {
            let mut text = String::new();
            json::render(&found, Layout::Indented, &mut text)
                .context("cannot render the result")?;
            ui.data(&text)?;
        }
        Format::Text => {
            ui.data(&lines(&found))?;
            if is_hidden {
                let yours = place_of(&place.store, store_place::user());
                ui.say(&format!(
                    "more of it only root sees; your own crashes: {}",
                    yours.display()
                ));
            }
        }
    }
    Ok(if found.works { Exit::Done } else { Exit::Failed })
}

/// The status for people.
fn lines(found: &HandlerStatus) -> String {
    let installed = match (found.installed, found.works, found.daemon) {
        (false, ..) => "no".to_owned(),
        (true, true, Some(pid)) if !found.core_pattern.starts_with('|') => {
            format!("yes, process {pid} listens")
        }
        (true, true, _) if !found.core_pattern.starts_with('|') => "yes".to_owned(),
        (true, true, _) => "yes, started by the kernel for each crash".to_owned(),
        (true, false, _) => "yes, but nobody listens: all crashes are lost".to_owned(),
    };
    let mut text = format!(
        "core_pattern     {}\ncore_pipe_limit  {}\ninstalled        {installed}\n",
        escaped(&found.core_pattern),
        escaped(&found.core_pipe_limit)
    );
    if let Some(former) = &found.former_pattern {
        text.push_str(&format!("before           {}\n", escaped(former)));
    }
    if let (Some(kept), Some(seen)) = (found.kept, found.seen) {
        let store = escaped(&found.store);
        let waiting = found.waiting.filter(|waiting| *waiting > 0);
        let waiting = waiting.map(|waiting| format!(", {waiting} to be analyzed"));
        let waiting = waiting.unwrap_or_default();
        text.push_str(&format!("store            {store}: {kept} kept, {seen} seen{waiting}\n"));
    }
    text
}

fn uninstall(place: &HandlerPlace, ui: &Ui) -> Result<Exit> {
    only_root()?;
    // First the pattern: from now on no crash comes.
    let was_ours = place.restore()?;
    if let Some(daemon) = place.listener()
        && !daemon.stop(PATIENCE * 5)?
    {
        ui.say(&format!("process {} still works on crashes, and ends then", daemon.pid));
    }
    for path in [UNIT, SYSCTL] {
        if std::fs::symlink_metadata(path).is_ok() {
            ui.say(&format!("to be removed by hand, if you want: {path}"));
        }
    }
    let now = Settings::read()?;
    match was_ours {
        true => ui.say(&format!("core_pattern is {} again", now.pattern)),
        false => ui.say(&format!("core_pattern is not ours, and stays {}", now.pattern)),
    }
    Ok(Exit::Done)
}

/// Crashes a child of ours and looks for it.
fn test(place: &HandlerPlace, ui: &Ui) -> Result<Exit> {
    let now = Settings::read()?;
    if !place.is_ours(&now.pattern) {
        let what = format!("the handler is not installed: core_pattern is {}", now.pattern);
        return Err(Failure::new(what, "install it: coretool handler install").into());
    }
    only_root()?;
    let mut child = Command::new("/bin/sh");
    child.args(["-c", "kill -SEGV $$"]).stdin(Stdio::null()).stderr(Stdio::null());
    let mut child = child.spawn().context("cannot start a child to crash")?;
    let pid = child.id();
    let status = child.wait().context("cannot wait for the child")?;
    if status.signal().is_none() {
        let what = format!("the child did not crash: {status}");
        return Err(Failure::new(what, "is /bin/sh a shell?").into());
    }
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Some(store) = store_place::existing(Some(&place.store))? {
            let entries = store.list(&Wanted::default())?;
            if let Some(entry) = entries.into_iter().find(|entry| entry.pid == Some(pid)) {
                ui.data(&format!("it works: the crash of process {pid} is {}\n", entry.id))?;
                return Ok(Exit::Done);
            }
        }
        thread::sleep(Duration::from_millis(20));
    }
    let what = format!("process {pid} crashed, and nothing of it came into the store");
    Err(Failure::new(what, format!("see the end of {}", place.log().display())).into())
}

/// Waits until the daemon is gone, and cleans up after it.
fn guard(place: &HandlerPlace) -> Result<Exit> {
    let mut nothing = Vec::new();
    let _ended = io::stdin().lock().read_to_end(&mut nothing);
    if place.restore()? {
        place.say("the daemon was killed; the former core_pattern is back");
    }
    // One that ended by itself has left nothing.
    take_up(place, &Store::open(&place.store, Budget::default())?)?;
    Ok(Exit::Done)
}

fn only_root() -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let uid = std::fs::metadata("/proc/self").context("cannot read /proc/self")?.uid();
    if uid == 0 {
        return Ok(());
    }
    let what = "only root can change core_pattern, which is one for the whole machine";
    let hint = format!(
        "sudo coretool handler ...; or `coretool run PROG` keeps your crashes in {}",
        store_place::chosen(None)?.display()
    );
    Err(Failure::new(what, hint).into())
}

fn texts(
    program: &Path,
    store: Option<&Path>,
    args: &InstallArgs,
    pattern: Option<&str>,
) -> String {
    match pattern {
        Some(pattern) => {
            let settings =
                Settings { pattern: pattern.to_owned(), pipe_limit: WANTED_PIPE_LIMIT.to_string() };
            format!("# {SYSCTL}\n{}", sysctl(&settings))
        }
        None => format!("# {UNIT}\n{}", unit(program, store, args.serve.burst)),
    }
}

/// The file that sets the pattern at boot. A socket's pattern is never in it:
/// it must not be there before somebody listens.
fn sysctl(settings: &Settings) -> String {
    format!(
        "# Crashes go to coretool. Without a limit the kernel would not wait for it.\n\
         kernel.core_pipe_limit = {}\nkernel.core_pattern = {}\n",
        settings.pipe_limit, settings.pattern
    )
}

fn unit(program: &Path, store: Option<&Path>, burst: u32) -> String {
    let program = program.display();
    let store = store.map(|store| format!(" --store {}", store.display())).unwrap_or_default();
    format!(
        "[Unit]\n\
         Description=Keeps and explains crashes of all programs\n\
         Documentation=man:core(5)\n\
         DefaultDependencies=no\n\
         After=local-fs.target\n\
         Conflicts=shutdown.target\n\
         Before=sysinit.target shutdown.target\n\
         \n\
         [Service]\n\
         # It sets core_pattern once it listens, and puts the former one back.\n\
         ExecStart={program} handler serve --burst {burst}{store}\n\
         ExecStopPost={program} handler uninstall{store}\n\
         Restart=always\n\
         LimitNOFILE=65536\n\
         LimitCORE=0\n\
         OOMScoreAdjust=-500\n\
         \n\
         [Install]\n\
         WantedBy=sysinit.target\n"
    )
}
