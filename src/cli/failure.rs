//! What went wrong, and what to try.

use crate::capture::error::CaptureError;
use crate::dump::error::DumpError;
use crate::inspect::NoSuchPlace;
use crate::triage::store::StoreError;

/// A failure of a command that has a remedy.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    /// What could not be done, and with which file.
    pub what: String,
    /// What the user can try.
    pub hint: String,
}

impl Failure {
    /// A failure with a remedy.
    pub fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into() }
    }
}

/// The remedy for the outermost cause that has one.
pub fn hint(error: &anyhow::Error) -> Option<String> {
    let own = error.downcast_ref::<Failure>().map(|failure| failure.hint.clone());
    own.or_else(|| {
        error.chain().find_map(|cause| {
            let failure = cause.downcast_ref::<Failure>().map(|failure| failure.hint.clone());
            let of_dump = || cause.downcast_ref::<DumpError>().and_then(DumpError::hint);
            let of_capture = || cause.downcast_ref::<CaptureError>().and_then(CaptureError::hint);
            let of_place = || cause.downcast_ref::<NoSuchPlace>().map(NoSuchPlace::hint);
            let of_store = || cause.downcast_ref::<StoreError>().and_then(StoreError::hint);
            failure.or_else(of_dump).or_else(of_capture).or_else(of_place).or_else(of_store)
        })
    })
}
