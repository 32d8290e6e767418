//! What gdb and coretool say of one death, each asked once.

use std::collections::HashMap;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use coretool::analyze::{Locals, Options, analyze};
use coretool::base::file_store::FileStore;
use coretool::base::gap::Gaps;
use coretool::base::inflated::Inflated;
use coretool::dump;
use coretool::dump::error::DumpError;
use coretool::report::model::Report;

use crate::support::builds::Build;
use crate::support::core_maker::gdb_core;
use crate::support::fixture::Fixture;
use crate::support::gdb::GdbFacts;

/// Two views of the death of one fixture in one build.
pub(crate) struct Examination {
    /// gdb's view of the process.
    pub(crate) facts: GdbFacts,
    /// coretool's view of the core that gdb saved, or its last words.
    pub(crate) report: Result<Report, String>,
}

type Slot = Arc<OnceLock<Arc<Examination>>>;

/// The views of this fixture and build; made on first use.
pub(crate) fn examination(fixture: &Fixture, build: Build) -> Arc<Examination> {
    static SLOTS: LazyLock<Mutex<HashMap<(String, Build), Slot>>> = LazyLock::new(Mutex::default);
    let key = (fixture.name.clone(), build);
    let slot = Arc::clone(SLOTS.lock().expect("no panic under the lock").entry(key).or_default());
    let examine = || {
        let (core, facts) = gdb_core(fixture, build);
        // Values of all threads are compared.
        let options = Options { locals: Locals::All, ..Options::default() };
        let report = report_of(&core.path, &options);
        Arc::new(Examination { facts, report })
    };
    Arc::clone(slot.get_or_init(examine))
}

/// Opens and analyzes a core in this process. An error is what the user would
/// be told, or a panic.
pub(crate) fn report_of(core: &Path, options: &Options) -> Result<Report, String> {
    // All cores of a run have the C library in common.
    static SHARED: LazyLock<Arc<Inflated>> = LazyLock::new(Arc::default);
    let analyzed = panic::catch_unwind(AssertUnwindSafe(|| {
        let (store, gaps) = (FileStore::sharing(Arc::clone(&SHARED)), Gaps::new());
        let process = dump::open(core, &store, &options.limits, &gaps)?;
        Ok(analyze(&process, &store, options, &gaps))
    }));
    match analyzed {
        Ok(result) => result.map_err(|error: DumpError| error.to_string()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(format!("panicked: {}", text.unwrap_or("without words")))
        }
    }
}
