//! What leaves the store: by command, or by budget.

use std::time::SystemTime;

use super::Store;
use super::budget::{self, Budget, Reason, Removal};
use super::entry::Entry;
use super::error::StoreError;
use super::index::{Index, Taken, Wanted, millis};
use super::journal::Intent;
use super::place::free_space;
use super::recovery::{self, Freshness};

impl Store {
    /// Removes a crash, its report and its core. Its count stays.
    ///
    /// # Errors
    ///
    /// When there is no such crash, or the system refuses.
    pub fn remove(&self, id: &str) -> Result<(), StoreError> {
        let id = match self.find(id) {
            Ok(entry) => entry.id,
            // Nothing of it can be read: its directory is removed.
            Err(StoreError::Damaged { .. }) => self.id_of_directory(id)?,
            Err(error) => return Err(error),
        };
        self.change(&Intent::Remove { id }, || Ok(()))?;
        self.save_counts(Freshness::Now)
    }

    /// The id of the only directory whose name begins with `name`.
    fn id_of_directory(&self, name: &str) -> Result<String, StoreError> {
        let name = name.to_ascii_lowercase();
        let directories = recovery::directories(&self.place)?;
        let names = directories.iter().filter_map(|path| path.file_name()?.to_str());
        let mut found: Vec<&str> = names.filter(|found| found.starts_with(&name)).collect();
        match (found.pop(), found.len() as u64) {
            (Some(id), 0) => Ok(id.to_owned()),
            (None, _) => Err(StoreError::NoSuchCrash { id: name }),
            (Some(_), more) => Err(StoreError::Ambiguous { id: name, count: more + 1 }),
        }
    }

    /// Removes the core of a crash; its report stays.
    ///
    /// # Errors
    ///
    /// As for [`Store::remove`].
    pub fn drop_core(&self, id: &str) -> Result<(), StoreError> {
        self.change(&Intent::DropCore { id: id.to_owned() }, || Ok(()))
    }

    /// What `budget` would have removed at the time `now`.
    ///
    /// # Errors
    ///
    /// When the index cannot be read.
    pub fn excess(&self, budget: &Budget, now: SystemTime) -> Result<Vec<Removal>, StoreError> {
        self.excess_but(budget, now, None)
    }

    fn excess_but(
        &self,
        budget: &Budget,
        now: SystemTime,
        protected: Option<&str>,
    ) -> Result<Vec<Removal>, StoreError> {
        let entries = self.list(&Wanted::default())?;
        let free = free_space(&self.place.root);
        Ok(budget::removals(&entries, budget, now, free, protected))
    }

    /// Removes what `budget` has no room for, and returns what went. Before
    /// that the index is compared with the files.
    ///
    /// # Errors
    ///
    /// When something cannot be removed.
    pub fn prune(&self, budget: &Budget, now: SystemTime) -> Result<Vec<Removal>, StoreError> {
        self.change(&Intent::Reconcile, || Ok(()))?;
        let removals = self.excess(budget, now)?;
        self.carry_out(&removals)?;
        Ok(removals)
    }

    /// Heeds the store's own budget. Where it is passed, more is removed than
    /// needs be, so that the next crashes need not look at all others again
    /// while a process is held.
    pub(super) fn enforce(
        &self,
        now: SystemTime,
        protected: Option<&str>,
    ) -> Result<(), StoreError> {
        if !self.is_passed(now)? {
            return Ok(());
        }
        let shrunk = |bytes: u64| bytes - bytes / 10;
        let budget = Budget {
            total: shrunk(self.budget.total),
            per_program: shrunk(self.budget.per_program),
            ..self.budget.clone()
        };
        let mut removals = self.excess_but(&budget, now, protected)?;
        // One by age for each that comes: after a wrong clock's leap all would
        // be old at once.
        let mut by_age = 0;
        removals.retain(|removal| {
            by_age += u32::from(removal.why == Reason::Age);
            removal.why != Reason::Age || by_age == 1
        });
        self.carry_out(&removals)
    }

    /// Removes the oldest core, and says whether there was one: a newer one
    /// has no room on the disk.
    ///
    /// # Errors
    ///
    /// As for [`Store::drop_core`].
    pub fn drop_oldest_core(&self) -> Result<bool, StoreError> {
        let entries = self.list(&Wanted::default())?;
        let has_core = |entry: &&Entry| entry.core.as_ref().is_some_and(|core| core.is_ours);
        let Some(oldest) = entries.iter().rev().find(has_core) else { return Ok(false) };
        self.drop_core(&oldest.id)?;
        Ok(true)
    }

    /// Whether any bound is passed. It costs a sum, not a list.
    fn is_passed(&self, now: SystemTime) -> Result<bool, StoreError> {
        let taken = self.on_index(Index::taken)?;
        let bytes = |taken: &Taken| taken.cores.saturating_add(taken.reports);
        let oldest = self.budget.age.and_then(|age| now.checked_sub(age)).map(millis);
        let is_old = |taken: &Taken| taken.oldest_core.is_some_and(|at| Some(at) < oldest);
        let free = free_space(&self.place.root);
        let lacks_room = free.is_some_and(|(free, size)| free < self.budget.keep_free.bytes(size));
        Ok(taken.iter().map(bytes).sum::<u64>() > self.budget.total
            || taken.iter().any(|taken| bytes(taken) > self.budget.per_program || is_old(taken))
            || lacks_room && taken.iter().any(|taken| taken.cores > 0))
    }

    fn carry_out(&self, removals: &[Removal]) -> Result<(), StoreError> {
        for removal in removals {
            let id = removal.id.clone();
            let intent = match removal.core_only {
                true => Intent::DropCore { id },
                false => Intent::Remove { id },
            };
            self.change(&intent, || Ok(()))?;
        }
        match removals.iter().any(|removal| !removal.core_only) {
            true => self.save_counts(Freshness::Now),
            false => Ok(()),
        }
    }
}
