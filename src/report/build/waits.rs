//! Who waits for whom, for the report.

use crate::diagnose::crash::Crash;
use crate::diagnose::hang::lock::Owner;
use crate::diagnose::hang::{Hang, Subject, calls_of};
use crate::report::build::location;
use crate::report::model::{Lock, WaitEdge, WaitGraph, WaitsFor};

/// What the thread of this index waits for.
pub(super) fn waits_for(crash: &Crash<'_, '_>, index: usize) -> Option<WaitsFor> {
    let hang = crash.hang();
    let wait = hang.wait_of(index)?;
    let lock = hang.lock_of(index);
    let holder = match wait.on {
        Subject::EndOf(thread) => Some(thread),
        _ => lock.and_then(|lock| lock.holder()).map(|holder| holder.thread),
    };
    Some(WaitsFor {
        text: hang.words(crash, index)?,
        // The end of a thread is not held by it.
        held_by: lock.and(holder).and_then(|thread| tid(crash, thread)),
        lock: lock.map(|lock| lock.at.into()),
        requested: wait.asked.and_then(|asked| calls_of(crash, index).get(asked)).map(location),
        timed: wait.is_timed,
    })
}

/// All of it. `None`: no thread waits for a lock or for another thread.
pub(super) fn wait_graph(crash: &Crash<'_, '_>) -> Option<WaitGraph> {
    let hang = crash.hang();
    if hang.locks.is_empty() && hang.edges.iter().all(Vec::is_empty) {
        return None;
    }
    let mut waiters: Vec<Vec<u32>> = vec![Vec::new(); hang.locks.len()];
    for (thread, wait) in hang.waits.iter().enumerate() {
        if let Some(Subject::Lock(lock)) = wait.as_ref().map(|wait| &wait.on)
            && let Some(waiters) = waiters.get_mut(*lock)
        {
            waiters.extend(tid(crash, thread));
        }
    }
    let locks = hang.locks.iter().zip(waiters).map(|(lock, waiters)| Lock {
        address: lock.at.into(),
        kind: lock.kind.id().to_owned(),
        text: lock.words(),
        name: lock.name.clone(),
        state: lock.state.clone(),
        owner: match lock.owner {
            Owner::Thread(tid) => Some(tid),
            Owner::Hidden | Owner::Nobody => None,
        },
        waiters,
    });
    let edges = hang.edges.iter().enumerate();
    let cycles = hang
        .circles
        .iter()
        .map(|circle| circle.threads.iter().filter_map(|thread| tid(crash, *thread)).collect());
    Some(WaitGraph {
        locks: locks.collect(),
        edges: edges.flat_map(|(thread, _)| edges_of(crash, hang, thread)).collect(),
        cycles: cycles.collect(),
    })
}

fn edges_of(crash: &Crash<'_, '_>, hang: &Hang, thread: usize) -> Vec<WaitEdge> {
    let lock = hang.lock_of(thread);
    let edges = hang.edges.get(thread).map(Vec::as_slice).unwrap_or_default();
    let edge = |edge: &crate::diagnose::hang::graph::Edge| {
        let holder = lock.and_then(|it| it.holders.iter().find(|it| it.thread == edge.to));
        Some(WaitEdge {
            from: tid(crash, thread)?,
            to: tid(crash, edge.to)?,
            lock: lock.map(|lock| lock.at.into()),
            confidence: (f64::from(edge.confidence) * 100.0).round() / 100.0,
            why: holder.map(|holder| holder.why.clone()),
        })
    };
    edges.iter().filter_map(edge).collect()
}

fn tid(crash: &Crash<'_, '_>, thread: usize) -> Option<u32> {
    crash.process.threads.get(thread).map(|thread| thread.tid)
}
