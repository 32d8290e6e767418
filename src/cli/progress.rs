//! A sign of life on a terminal, for work that takes its time.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::ui::{Stream, Ui};
use crate::symbols::Traffic;

/// Work shorter than this needs no sign of life.
const PATIENCE: Duration = Duration::from_millis(500);

/// Time between looks at the downloads.
const LOOK: Duration = Duration::from_millis(200);

/// Shows a spinner on a terminal's standard error from half a second on, until
/// it is dropped. Nothing at all elsewhere.
pub struct Progress {
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Starts to wait. `what` is the work: "analyzing core".
    pub fn start(ui: &Ui, what: &str) -> Self {
        Self::watch(ui, what, None)
    }

    /// The same, and says how far the downloads are, if there are any.
    pub fn watch(ui: &Ui, what: &str, traffic: Option<Traffic>) -> Self {
        if ui.is_quiet() || !ui.is_terminal(Stream::Error) {
            return Self { running: None };
        }
        let (done, is_done) = channel();
        let what = what.to_owned();
        let thread = std::thread::spawn(move || {
            if is_done.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let spinner = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
                spinner.set_style(style);
            }
            spinner.set_message(what);
            spinner.enable_steady_tick(Duration::from_millis(100));
            // Ends when the sender is dropped.
            while is_done.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                let (received, expected) = traffic.as_ref().map_or((0, 0), Traffic::bytes);
                if received < expected {
                    spinner.set_message(format!(
                        "downloading debug information: {:.1} of {:.1} MB; Ctrl-C goes on without",
                        received as f64 / 1e6,
                        expected as f64 / 1e6
                    ));
                }
            }
            spinner.finish_and_clear();
        });
        Self { running: Some((done, thread)) }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((done, thread)) = self.running.take() {
            drop(done);
            // A spinner that failed is no reason to fail.
            let _ended = thread.join();
        }
    }
}

/// How far work on many files is, with rate and time left, on a terminal's
/// standard error from half a second on. Nothing elsewhere.
pub struct Counted {
    bar: Option<ProgressBar>,
    start: std::time::Instant,
}

impl Counted {
    /// Starts work on `total` files, of which `done` are done.
    pub fn start(ui: &Ui, total: u64, done: u64) -> Self {
        let start = std::time::Instant::now();
        if ui.is_quiet() || !ui.is_terminal(Stream::Error) {
            return Self { bar: None, start };
        }
        let bar = ProgressBar::new(total);
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        let template = "{bar:20} {pos} of {len} files, {per_sec}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_position(done);
        bar.reset_eta();
        Self { bar: Some(bar), start }
    }

    /// One more is done.
    pub fn step(&self) {
        let Some(bar) = &self.bar else { return };
        if bar.is_hidden() && self.start.elapsed() > PATIENCE {
            bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
        }
        bar.inc(1);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
