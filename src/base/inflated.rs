//! Sections that were inflated once and are used by many analyses.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

use std::sync::{Arc, Mutex, OnceLock};

use rustc_hash::FxHashMap;

use crate::base::file_map::Identity;

/// Bytes of all inflated sections that are kept, unless told otherwise.
const MOST: usize = 256 << 20;

/// Inflated sections by the place that they were inflated from. Many cores of a
/// batch have the same C library, whose debug file is most of the work on each.
pub struct Inflated {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    slots: FxHashMap<Key, Slot>,
    /// Grows with each use, so that the least recently used can be told.
    clock: u64,
}

struct Slot {
    bytes: Arc<OnceLock<Option<Arc<Vec<u8>>>>>,
    used: u64,
}

/// Which bytes of which file.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) file: Identity,
    pub(super) offset: usize,
    pub(super) len: usize,
}

impl Default for Inflated {
    fn default() -> Self {
        Self::new(MOST)
    }
}

impl Inflated {
    /// Nothing yet, and never more than `most` bytes but for those in use.
    pub fn new(most: usize) -> Self {
        Self { most, state: Mutex::default() }
    }

    /// Whether a section of that many bytes is worth a place.
    pub fn takes(&self, len: usize) -> bool {
        len <= self.most / 4
    }

    /// The bytes of `key`, made by `make` if nobody has them. Who comes while
    /// another one makes them waits for those. `None`: they cannot be made.
    pub(super) fn get(
        &self,
        key: Key,
        make: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Option<Arc<Vec<u8>>> {
        let slot = {
            let mut state = self.locked();
            state.clock = state.clock.saturating_add(1);
            let used = state.clock;
            let slot =
                state.slots.entry(key).or_insert_with(|| Slot { bytes: Arc::default(), used: 0 });
            slot.used = used;
            Arc::clone(&slot.bytes)
        };
        let mut is_new = false;
        let made = slot.get_or_init(|| {
            is_new = true;
            make().map(Arc::new)
        });
        if is_new {
            self.locked().make_room(self.most);
        }
        made.clone()
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic cannot leave a slot half-made: it is filled in one step.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl State {
    /// Forgets the least recently used until the rest fits. Who still uses them
    /// has them in its own hands.
    fn make_room(&mut self, most: usize) {
        let size = |slot: &Slot| match slot.bytes.get() {
            Some(Some(bytes)) => bytes.len(),
            _ => 0,
        };
        let mut total = self.slots.values().map(size).fold(0, usize::saturating_add);
        while total > most {
            let full = self.slots.iter().filter(|(_, slot)| size(slot) > 0);
            let Some(oldest) = full.min_by_key(|(_, slot)| slot.used).map(|(key, _)| *key) else {
                return;
            };
            let gone = self.slots.remove(&oldest).map_or(0, |slot| size(&slot));
            total = total.saturating_sub(gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(offset: usize) -> Key {
        Key { file: Identity::default(), offset, len: 1 }
    }

    #[test]
    fn each_is_made_once_while_there_is_room() {
        let shared = Inflated::new(100);
        let made = |at| shared.get(key(at), || Some(vec![at as u8; 40]));
        let not_made = |at| shared.get(key(at), || None);
        assert_eq!(made(1).unwrap()[0], 1);
        assert_eq!(made(2).unwrap()[0], 2);
        assert!(not_made(1).is_some(), "it is there, and is the last used now");
        let kept = made(3).unwrap();
        assert!(not_made(2).is_none(), "the least recently used had to go");
        assert!(not_made(1).is_some() && not_made(3).is_some());
        assert_eq!(kept.len(), 40);
        assert!(shared.takes(25) && !shared.takes(26));
    }

    #[test]
    fn what_fails_fails_for_all() {
        let shared = Inflated::default();
        assert!(shared.get(key(1), || None).is_none());
        assert!(shared.get(key(1), || Some(vec![1])).is_none());
    }
}
