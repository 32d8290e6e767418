//! `coretool handler serve`: listens on the kernel's coredump socket.
//!
//! One thread accepts, a few dump, a few analyze; between them are bounded
//! queues. When these are full, crashes wait in the kernel; none is lost. The
//! pattern is ours only while this runs: a second process, which outlives a
//! `kill -9` of the first, puts the former one back.

use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};

use crate::capture::handler::daemon::{DaemonId, StopSignals, hide};
use crate::capture::handler::listener::{Listener, Offer};
use crate::capture::handler::pattern::{Settings, socket_pattern};
use crate::capture::handler::rate_limit::{Rate, RateLimit};
use crate::capture::handler::{Rung, dump};
use crate::cli::exit::Exit;
use crate::cli::handler::captured::{Captured, take_up};
use crate::cli::handler::keep::{BUDGET, Kept, keep};
use crate::cli::handler::place::HandlerPlace;
use crate::cli::handler::rates::Rates;
use crate::triage::store::{Budget, Staged, Store};

/// Dumps at once: more only share the same disk.
const DUMPERS: usize = 4;
/// Crashes accepted and not yet dumped. More wait in the socket's backlog.
const MOST_WAITING: usize = 512;
/// Cores that wait for their analysis.
const MOST_DUMPED: usize = 64;
/// How often what the rate limit knows is written to its file.
const BETWEEN_SAVES: Duration = Duration::from_secs(1);
/// How long crashes that came before the end are waited for.
const LAST_WAIT: Duration = Duration::from_secs(120);

/// A core on its way to the store.
type Dumped = (Captured, Staged);

struct Shared {
    place: HandlerPlace,
    limit: Mutex<RateLimit>,
    /// When the limit was written to its file.
    limit_saved: Mutex<Instant>,
    /// Crashes accepted and not finished.
    under_way: AtomicUsize,
    /// The same for the crashes of one key that were only counted: told once.
    counted: Mutex<HashMap<String, u64>>,
}

/// Listens until a signal ends it.
///
/// # Errors
///
/// When the socket or the pattern cannot be had. The pattern is then as it was.
pub fn serve(place: HandlerPlace, rate: Rate) -> Result<Exit> {
    let signals = StopSignals::hold().context("cannot hold back signals")?;
    let store = Store::open(&place.store, Budget::default())?;
    drop(store);
    place.make()?;
    hide().context("cannot make the handler undumpable")?;
    let socket = place.socket();
    let listener = Listener::bind(&socket);
    let listener = listener.with_context(|| format!("cannot listen on `{}`", socket.display()))?;
    let pattern = socket_pattern(&socket)?;

    let limit = Rates::lock(&place.rates()).read(rate);
    let shared = Arc::new(Shared {
        place,
        limit: Mutex::new(limit),
        limit_saved: Mutex::new(Instant::now()),
        under_way: AtomicUsize::new(0),
        counted: Mutex::new(HashMap::new()),
    });
    start_workers(listener, &shared);
    take_up_others(&shared);
    let place = &shared.place;
    let former = place.remember()?;
    // From before the pattern is ours until after it is not.
    let guard = guard(place)?;
    let own = DaemonId::own().context("cannot read /proc/self/stat")?;
    own.save(&place.daemon()).context("cannot write the handler's state")?;
    let ours = Settings { pattern, ..former };
    if let Err(error) = ours.write() {
        let _restored = place.restore();
        return Err(error).context("cannot set the kernel's core_pattern");
    }
    place.say("listening");
    let waited = signals.wait();
    let restored = place.restore();
    finish_crashes(&shared);
    save_limit(&shared, Duration::ZERO);
    drop(guard);
    let _gone = std::fs::remove_file(place.daemon());
    let _gone = std::fs::remove_file(place.socket());
    place.say("ended");
    waited.context("cannot wait for signals")?;
    restored?;
    Ok(Exit::Done)
}

/// Waits until all crashes that were accepted, or wait to be, are kept.
fn finish_crashes(shared: &Shared) {
    let until = Instant::now() + LAST_WAIT;
    let mut quiet = 0;
    // What the kernel has just connected is accepted within a moment.
    while quiet < 10 && Instant::now() < until {
        quiet = if shared.under_way.load(Ordering::SeqCst) == 0 { quiet + 1 } else { 0 };
        thread::sleep(Duration::from_millis(20));
    }
}

/// What one before us had captured before it was killed, beside what comes now.
fn take_up_others(shared: &Arc<Shared>) {
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let store = Store::open(&shared.place.store, Budget::default());
        let done = store.map_err(Into::into).and_then(|store| take_up(&shared.place, &store));
        if let Err(error) = done {
            shared.place.say(&format!("crashes of before wait still: {error:#}"));
        }
    });
}

/// Writes what the rate limit knows, unless that was done this long ago.
fn save_limit(shared: &Shared, at_least: Duration) {
    let mut saved = shared.limit_saved.lock().unwrap_or_else(PoisonError::into_inner);
    if saved.elapsed() < at_least {
        return;
    }
    *saved = Instant::now();
    let limit = shared.limit.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Rates::lock(&shared.place.rates()).write(&limit);
}

/// Puts the former pattern back when we are gone, however that comes: its
/// standard input ends then. The caller keeps it until the end.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _status = self.0.wait();
    }
}

fn guard(place: &HandlerPlace) -> Result<Guard> {
    let mut command = Command::new("/proc/self/exe");
    command.args(["--quiet", "handler", "guard", "--store"]).arg(&place.store);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // A Ctrl-C is for us.
    command.process_group(0);
    Ok(Guard(command.spawn().context("cannot start the guard of the pattern")?))
}

fn start_workers(listener: Listener, shared: &Arc<Shared>) {
    let (offers, waiting) = sync_channel::<UnixStream>(MOST_WAITING);
    let (dumped, cores) = sync_channel::<Dumped>(MOST_DUMPED);
    let waiting = Arc::new(Mutex::new(waiting));
    let cores = Arc::new(Mutex::new(cores));
    let analysts = thread::available_parallelism().map_or(2, usize::from).clamp(1, 8);
    for _ in 0..analysts {
        let (shared, cores) = (Arc::clone(shared), Arc::clone(&cores));
        thread::spawn(move || work(&cores, &shared, |core| analyze(core, &shared)));
    }
    for _ in 0..DUMPERS {
        let (shared, waiting) = (Arc::clone(shared), Arc::clone(&waiting));
        let dumped = dumped.clone();
        thread::spawn(move || work(&waiting, &shared, |socket| capture(socket, &shared, &dumped)));
    }
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        loop {
            match listener.accept() {
                Ok(socket) => {
                    shared.under_way.fetch_add(1, Ordering::SeqCst);
                    if offers.send(socket).is_err() {
                        return;
                    }
                }
                Err(error) => {
                    shared.place.say(&format!("cannot accept a crash: {error}"));
                    // Out of descriptors, perhaps; some come back.
                    thread::sleep(Duration::from_millis(50));
                }
            }
        }
    });
}

/// Takes what comes; a panic over one crash is not the end of the others.
fn work<T>(queue: &Mutex<Receiver<T>>, shared: &Shared, each: impl Fn(T) -> Result<Next>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(next) = next else { return };
        match catch_unwind(AssertUnwindSafe(|| each(next))) {
            Ok(Ok(Next::Goes)) => continue,
            Ok(Ok(Next::Finished)) => (),
            Ok(Err(error)) => shared.place.say(&format!("a crash was lost: {error:#}")),
            Err(_panic) => shared.place.say("a crash was lost: the handler panicked over it"),
        }
        shared.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether a crash is done with.
enum Next {
    Goes,
    Finished,
}

/// While the kernel waits.
fn capture(socket: UnixStream, shared: &Shared, dumped: &SyncSender<Dumped>) -> Result<Next> {
    let at = SystemTime::now();
    let mut offer = Offer::new(socket).context("cannot pin the process")?;
    offer.accept()?;
    let store = Store::open(&shared.place.store, Budget::default())?;
    let now = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut staged = None;
    let mut trouble = None;
    let mut admit = |key: &str| {
        let key = RateLimit::plain_key(key);
        let mut limit = shared.limit.lock().unwrap_or_else(PoisonError::into_inner);
        if !limit.admit(&key, now) {
            return None;
        }
        drop(limit);
        match store.stage().map_err(anyhow::Error::from).and_then(|new| {
            let file = new.core().try_clone()?;
            staged = Some(new);
            Ok(file)
        }) {
            Ok(file) => Some((file, BUDGET)),
            Err(error) => {
                trouble = Some(error);
                None
            }
        }
    };
    let Offer { socket: stream, process } = &mut offer;
    let done = dump(stream, process, Rung::Socket, None, &mut admit);
    let (crash, key) = match done {
        Ok(dump) => {
            let key = RateLimit::plain_key(&dump.key);
            (Captured::new(dump, at), key)
        }
        Err(error) => return Err(error).context("cannot dump the process"),
    };
    // Whoever sees that the process has ended finds its report, even when we
    // are killed now.
    if let Some(staged) = &mut staged {
        crash.wait(staged, &shared.place);
    }
    // This lets the process go.
    drop(offer);
    save_limit(shared, BETWEEN_SAVES);
    if let Some(error) = trouble {
        return Err(error.context("cannot make a file for the core"));
    }
    let Some(staged) = staged else {
        count(&store, shared, &key, &crash)?;
        return Ok(Next::Finished);
    };
    match dumped.send((crash, staged)) {
        Ok(()) => Ok(Next::Goes),
        Err(_) => Ok(Next::Finished),
    }
}

/// Counts a crash that the rate limit does not keep.
fn count(store: &Store, shared: &Shared, key: &str, crash: &Captured) -> Result<()> {
    // The number is in the index even when its copy in a file fails.
    if let Err(error) = store.count(key, &crash.command, crash.at()) {
        shared.place.say(&format!("cannot save the counts: {error}"));
    }
    let mut counted = shared.counted.lock().unwrap_or_else(PoisonError::into_inner);
    if counted.len() > 10_000 {
        counted.clear();
    }
    let seen = counted.entry(key.to_owned()).or_default();
    *seen += 1;
    if *seen == 1 {
        let command = &crash.command;
        shared.place.say(&format!("`{command}` crashes again and again: counted, not kept"));
    }
    Ok(())
}

fn analyze((crash, staged): Dumped, shared: &Shared) -> Result<Next> {
    let store = Store::open(&shared.place.store, Budget::default())?;
    let Kept { id, delivered } =
        keep(&store, crash, staged, None).context("cannot keep a crash")?;
    if let Err(error) = delivered {
        shared.place.say(&format!("{id}: {error:#}"));
    }
    // Later than the report: nobody waits for it.
    if let Err(error) = store.compress(&id) {
        shared.place.say(&format!("cannot compress the core of {id}: {error}"));
    }
    Ok(Next::Finished)
}
