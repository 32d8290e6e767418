//! Work on many items at once, safe under locks.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// More threads than this gain nothing on tables.
const MOST_WORKERS: usize = 8;

/// The results of `work` on each of `items`, in their order. With `2` or more
/// items the work is shared out among threads.
///
/// Not rayon: results are made while a `OnceLock` is being filled, often by a
/// rayon worker. A worker that waits takes other jobs in the meantime, and one
/// of those may want the same lock, on the same thread: a deadlock. Scoped
/// threads take nothing else.
pub(super) fn spread<I: Sync, O: Send>(items: &[I], work: impl Fn(&I) -> O + Sync) -> Vec<O> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let workers = processors.min(items.len()).min(MOST_WORKERS);
    if workers < 2 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let run = || {
        let mut made = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return made };
            made.push((index, work(item)));
        }
    };
    let mut made = thread::scope(|scope| {
        let others: Vec<_> = (1..workers)
            // Where no more threads may be had, this one does the work.
            .filter_map(|_| thread::Builder::new().spawn_scoped(scope, run).ok())
            .collect();
        let mut made = run();
        for other in others {
            match other.join() {
                Ok(more) => made.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        made
    });
    made.sort_unstable_by_key(|(index, _)| *index);
    made.into_iter().map(|(_, output)| output).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_of_the_items() {
        let items: Vec<usize> = (0..1000).collect();
        assert_eq!(spread(&items, |item| item * 2), (0..2000).step_by(2).collect::<Vec<_>>());
        assert_eq!(spread(&[] as &[usize], |item| *item), Vec::<usize>::new());
    }
}
