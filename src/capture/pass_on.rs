//! Signals that are sent to us and are meant for the program.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use libc::pid_t;
use nix::sys::signal::{SigSet, SigmaskHow, Signal as NixSignal};

use crate::capture::sys;
use crate::dump::siginfo::{SignalCause, SignalInfo};

/// Passes signals that are sent to us on to the program, while it lives.
pub(super) struct PassOn {
    former: Option<SigSet>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Those who get them. A process that has ended gets nothing, whoever has
    /// its id then.
    receivers: Mutex<Vec<OwnedFd>>,
    /// The last signal that was passed on, and who had sent it to us.
    last: Mutex<Option<SignalInfo>>,
}

impl PassOn {
    /// Passes SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 on to `program`, a child
    /// that has not been waited for.
    pub(super) fn to(program: pid_t) -> Self {
        let mut signals = SigSet::empty();
        for signal in
            [NixSignal::SIGTERM, NixSignal::SIGHUP, NixSignal::SIGUSR1, NixSignal::SIGUSR2]
        {
            signals.add(signal);
        }
        let former = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK).ok();
        let shared = Arc::new(Shared::default());
        let pass_on = Self { former, shared: Arc::clone(&shared) };
        pass_on.to_others(&[program]);
        // It ends with the process: a thread that sleeps in sigwaitinfo holds
        // nothing.
        thread::spawn(move || {
            loop {
                let info = match sys::wait_for_signal(&signals) {
                    Ok(info) => info,
                    // We have been stopped and continued: Ctrl-Z, `fg`.
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(_) => break,
                };
                // The terminal sends its own to the whole group, the program
                // included.
                if info.code == Some(libc::SI_KERNEL) {
                    continue;
                }
                *shared.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(info);
                let receivers = shared.receivers.lock().unwrap_or_else(PoisonError::into_inner);
                for receiver in receivers.iter() {
                    let _gone = sys::pidfd_send_signal(receiver.as_fd(), info.signal.0);
                }
            }
        });
        pass_on
    }

    /// From now on these get them. Our children that have not been waited for,
    /// or tracees: their ids mean nobody else.
    pub(super) fn to_others(&self, pids: &[pid_t]) {
        let opened = pids.iter().filter_map(|pid| sys::pidfd_open(*pid).ok()).collect();
        *self.shared.receivers.lock().unwrap_or_else(PoisonError::into_inner) = opened;
    }

    /// Who meant the signal that `killer` says came from us.
    pub(super) fn true_sender(&self, killer: SignalInfo) -> SignalInfo {
        let own = i32::try_from(std::process::id()).ok();
        let is_ours = matches!(killer.cause, SignalCause::Sent { pid, .. } if Some(pid) == own);
        let passed_on = *self.shared.last.lock().unwrap_or_else(PoisonError::into_inner);
        match passed_on.filter(|info| is_ours && info.signal == killer.signal) {
            Some(info) => info,
            None => killer,
        }
    }
}

impl Drop for PassOn {
    fn drop(&mut self) {
        if let Some(former) = &self.former {
            let _restored = former.thread_set_mask();
        }
    }
}
