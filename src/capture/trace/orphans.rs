//! Processes that live on when the main program has ended, and those that have
//! lost their parent.

use std::io;
use std::time::{Duration, Instant};

use libc::pid_t;
use rustc_hash::FxHashMap;

use super::Tracer;
use crate::base::facts::{NodeChannel, Peer, PeerState, Relative};
use crate::capture::facts::onlooker;
use crate::capture::orphans;
use crate::capture::orphans::Orphans;
use crate::capture::pass_on::PassOn;
use crate::capture::sys;
use crate::capture::timeout;
use crate::capture::tree::Origin;
use crate::dump::sidecar::Sidecar;

/// Orphans that a report names.
const MOST: usize = 64;
/// For so long the other ends of their descriptors are looked for: the process
/// that they descend from is held meanwhile.
const PATIENCE: Duration = Duration::from_millis(100);

impl Tracer<'_> {
    /// Names those who live on, and does with them what is wanted.
    pub(super) fn settle(
        &mut self,
        orphans: Orphans,
        limit: &mut Option<timeout::Ending>,
        pass_on: &PassOn,
    ) -> io::Result<()> {
        let left = self.left();
        let found = orphans::alive(&left);
        for line in orphans::named(&found, |pid| self.comes_from(pid)) {
            self.notice(line);
        }
        match orphans {
            Orphans::Report => (),
            Orphans::Wait => {
                pass_on.to_others(&left);
                self.follow(limit, |tracer| tracer.threads.is_empty())?;
            }
            Orphans::Kill(grace) => {
                let mut ending = orphans::Ending::new(grace);
                loop {
                    while let Ok(Some((tid, status))) = sys::wait_now() {
                        self.news(tid, status);
                    }
                    // A tracee keeps its id until we have waited for it.
                    let (said, goes_on) = ending.look(&self.left(), |_| true);
                    if let Some(said) = said {
                        self.notice(said);
                    }
                    if !goes_on {
                        break;
                    }
                }
            }
        }
        self.release_all();
        Ok(())
    }

    fn left(&self) -> Vec<pid_t> {
        self.processes().into_iter().filter(|process| *process != self.main).collect()
    }

    /// "an orphan, started by ...", or "started by ..." where the one who did
    /// lives on, too.
    fn comes_from(&self, process: pid_t) -> String {
        let is_orphan = self.tree.origin(process).is_orphan == Some(true);
        let orphan = if is_orphan { "an orphan, " } else { "" };
        format!("{orphan}{}", self.tree.ancestry(process))
    }

    /// What only the tracer knows of a process's relatives.
    pub(super) fn kin(&self, process: pid_t) -> Kin {
        let mut origin = self.tree.origin(process);
        if process == self.main {
            origin.is_orphan = Some(false);
        }
        let processes = self.processes();
        let creator = |pid: &pid_t| Some((pid.cast_unsigned(), self.tree.creator(*pid)?));
        let deadline = Instant::now() + PATIENCE;
        let has_strayed = |pid: &&pid_t| self.tree.has_strayed(**pid, process);
        let strays = processes.iter().filter(has_strayed).take(MOST);
        let strays = strays.filter_map(|pid| onlooker(pid.cast_unsigned(), deadline)).collect();
        Kin { origin, creators: processes.iter().filter_map(creator).collect(), strays }
    }
}

/// What only the tracer knows of a process's relatives: who started them, also
/// where `/proc` shows them as somebody else's.
#[derive(Debug, Default)]
pub(in crate::capture) struct Kin {
    origin: Origin,
    /// By process id: who started it.
    creators: FxHashMap<u32, u32>,
    /// Those that descend from it, and have lost their parent.
    strays: Vec<Relative>,
}

impl Kin {
    /// Adds it to what `/proc` says.
    pub(in crate::capture) fn add_to(&self, sidecar: &mut Sidecar) {
        let tree = &mut sidecar.tree;
        tree.is_orphan = self.origin.is_orphan;
        tree.started_by.clone_from(&self.origin.started_by);
        tree.orphans.clone_from(&self.strays);
        for relative in tree.descendants.iter_mut().chain(&mut tree.orphans) {
            relative.started_by = self.creators.get(&relative.pid).copied();
        }
        if let (Some(channel), Some(by)) = (&mut sidecar.ipc.node_channel, &self.origin.started_by)
        {
            lost_end(channel, by);
        }
    }
}

/// Whoever sets `NODE_CHANNEL_FD` for the process that it starts keeps the
/// other end itself. It has ended, and nobody else has it.
fn lost_end(channel: &mut NodeChannel, started_by: &Relative) {
    if channel.peer_state != PeerState::Dead && !channel.is_closed {
        return;
    }
    channel.peer_state = PeerState::Dead;
    channel.peers = vec![Peer {
        pid: started_by.pid,
        command: started_by.command.clone(),
        ended: started_by.ended.clone(),
        ..Peer::default()
    }];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_end_was_the_starters() {
        let by = Relative {
            pid: 12,
            command: "node".to_owned(),
            ended: Some("exited with 0".to_owned()),
            ..Relative::default()
        };
        let mut closed = NodeChannel { fd: 3, is_closed: true, ..NodeChannel::default() };
        lost_end(&mut closed, &by);
        assert_eq!(closed.peer_state, PeerState::Dead);
        assert_eq!(closed.peers[0].ended.as_deref(), Some("exited with 0"));
        // A descriptor that was inherited by somebody else keeps it alive.
        let alive = NodeChannel { fd: 3, peer_state: PeerState::Alive, ..NodeChannel::default() };
        let mut kept = alive.clone();
        lost_end(&mut kept, &by);
        assert_eq!(kept, alive);
    }
}
