//! Ctrl-C as a request to come to an end, where the work so far is worth
//! something.

use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// Milliseconds between looks at whether anybody still waits.
const LOOK: u16 = 100;

/// Listens until it is dropped.
pub struct StopRequest {
    end: Arc<AtomicBool>,
    signals: SigSet,
    listener: Option<JoinHandle<()>>,
}

impl StopRequest {
    /// Calls `act` at the first SIGINT; the second one ends the process as
    /// usual. Begin before other threads are started: they take over that the
    /// signal waits for who listens.
    ///
    /// # Errors
    ///
    /// When the system does not allow it. SIGINT then ends the process as
    /// usual.
    pub fn listen(act: impl Fn() + Send + 'static) -> nix::Result<Self> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGINT);
        signals.thread_block()?;
        let descriptor =
            SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK);
        let descriptor = descriptor.inspect_err(|_refused| {
            let _undone = signals.thread_unblock();
        })?;
        let end = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&end);
        let listener = std::thread::spawn(move || {
            let mut is_first = true;
            while !ended.load(Ordering::Relaxed) {
                let mut waiting = [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)];
                let _ready = poll(&mut waiting, PollTimeout::from(LOOK));
                if !matches!(descriptor.read_signal(), Ok(Some(_))) {
                    continue;
                }
                if is_first {
                    act();
                    is_first = false;
                    continue;
                }
                // As it would have been without us.
                let _unblocked = signals.thread_unblock();
                let _ended = raise(Signal::SIGINT);
            }
        });
        Ok(Self { end, signals, listener: Some(listener) })
    }
}

impl Drop for StopRequest {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(listener) = self.listener.take() {
            // One that failed is no reason to fail.
            let _ended = listener.join();
        }
        let _undone = self.signals.thread_unblock();
    }
}
