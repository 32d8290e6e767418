//! What another handler has recorded of a crash, for its report.

use std::path::Path;

use crate::capture::recorded::Recorded;
use crate::report::model;
use crate::report::model::Report;

/// Adds to a report what was recorded of the core in this file.
pub fn note(report: &mut Report, core: &Path) {
    // A user may name it by a link.
    let core = std::fs::canonicalize(core).unwrap_or_else(|_| core.to_owned());
    report.source.recorded = Recorded::of(&core).map(|found| model::Recorded {
        by: found.by.name().to_owned(),
        pid: found.pid,
        uid: found.uid,
        gid: found.gid,
        signal: found.signal.map(|signal| signal.name()),
        time: found.at,
        core_limit: found.core_limit,
        host: found.host,
        command: found.command,
        executable: found.executable,
        package: found.package,
    });
}
