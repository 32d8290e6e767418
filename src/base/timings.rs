//! Where the time of an analysis goes. Nothing is measured unless somebody
//! brings a clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What was measured so far; shared by all stages. Without a clock, nothing.
#[derive(Clone, Debug, Default)]
pub struct Timings(Option<Arc<Measured>>);

#[derive(Debug)]
struct Measured {
    now: fn() -> Instant,
    phases: Mutex<Vec<(&'static str, Duration)>>,
    modules: Mutex<BTreeMap<String, ModuleTimings>>,
}

/// What one module took, on all threads together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModuleTimings {
    /// Finding and opening its debug information.
    pub opening: Duration,
    /// Looking up functions, inlined calls and lines.
    pub names: Duration,
    /// Units of debug information that were parsed.
    pub units: usize,
    /// Bytes of `.debug_info` that there are, not compressed.
    pub debug_info: u64,
}

impl PartialEq for Timings {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

impl Eq for Timings {}

impl Timings {
    /// Measures by this clock.
    pub fn by(now: fn() -> Instant) -> Self {
        let (phases, modules) = (Mutex::default(), Mutex::default());
        Self(Some(Arc::new(Measured { now, phases, modules })))
    }

    /// Does `work`, a part of the analysis that follows those before it.
    pub fn phase<T>(&self, name: &'static str, work: impl FnOnce() -> T) -> T {
        let Some(measured) = &self.0 else { return work() };
        let begun = (measured.now)();
        let done = work();
        let took = (measured.now)().saturating_duration_since(begun);
        measured.phases.lock().unwrap_or_else(PoisonError::into_inner).push((name, took));
        done
    }

    /// Does `work` for a module, and adds its time to what `part` is of it.
    pub fn module<T>(
        &self,
        name: impl FnOnce() -> String,
        part: impl FnOnce(&mut ModuleTimings) -> &mut Duration,
        work: impl FnOnce() -> T,
    ) -> T {
        let Some(measured) = &self.0 else { return work() };
        let begun = (measured.now)();
        let done = work();
        let took = (measured.now)().saturating_duration_since(begun);
        self.change(name(), |module| {
            let sum = part(module);
            *sum = sum.saturating_add(took);
        });
        done
    }

    /// Notes how much of a module was read.
    pub fn count(&self, name: impl FnOnce() -> String, units: usize, debug_info: u64) {
        if self.0.is_some() {
            self.change(name(), |module| (module.units, module.debug_info) = (units, debug_info));
        }
    }

    /// Whether anything is measured.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// The phases, in the order in which they ended.
    pub fn phases(&self) -> Vec<(&'static str, Duration)> {
        let phases = self.0.as_ref().map(|measured| &measured.phases);
        let phases = phases.map(|phases| phases.lock().unwrap_or_else(PoisonError::into_inner));
        phases.map(|phases| phases.clone()).unwrap_or_default()
    }

    /// The modules that took time, by name.
    pub fn modules(&self) -> BTreeMap<String, ModuleTimings> {
        let modules = self.0.as_ref().map(|measured| &measured.modules);
        let modules = modules.map(|found| found.lock().unwrap_or_else(PoisonError::into_inner));
        modules.map(|modules| modules.clone()).unwrap_or_default()
    }

    fn change(&self, name: String, change: impl FnOnce(&mut ModuleTimings)) {
        if let Some(measured) = &self.0 {
            let mut modules = measured.modules.lock().unwrap_or_else(PoisonError::into_inner);
            change(modules.entry(name).or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_clock_nothing_is_measured() {
        let timings = Timings::default();
        assert_eq!(timings.phase("work", || 7), 7);
        assert_eq!(timings.module(|| panic!("no name"), |of| &mut of.names, || 8), 8);
        assert!(timings.phases().is_empty() && timings.modules().is_empty());
        assert_eq!(timings, Timings::default());
    }

    #[test]
    fn phases_and_modules() {
        let timings = Timings::by(Instant::now);
        let name = || "libc".to_owned();
        let inner = timings.phase("outer", || timings.phase("inner", || 1));
        timings.module(name, |of| &mut of.opening, || ());
        timings.module(name, |of| &mut of.names, || ());
        timings.count(name, 3, 100);
        let phases: Vec<_> = timings.phases().into_iter().map(|(name, _)| name).collect();
        assert_eq!((inner, phases), (1, vec!["inner", "outer"]));
        let modules = timings.modules();
        let found = modules.get("libc").unwrap();
        assert_eq!((modules.len(), found.units, found.debug_info), (1, 3, 100));
        assert!(timings != Timings::by(Instant::now) && timings == timings.clone());
    }
}
