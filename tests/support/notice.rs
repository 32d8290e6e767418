//! What a test must tell even when it passes: that it could not look.

use std::io::Write as _;

/// Says why something was not tested, past the harness, which shows only what
/// failing tests print.
pub(crate) fn untested(what: &str) {
    let _told = writeln!(std::io::stderr().lock(), "NOT TESTED: {what}");
}
