//! Variables that every thread has for itself.

use crate::base::addr::RunAddr;
use crate::variables::location::Activation;

impl Activation<'_, '_, '_> {
    /// The address of a thread-local variable, from its offset in the block of
    /// its module.
    pub(super) fn thread_local(&self, _offset: u64) -> Result<RunAddr, String> {
        Err("it is local to the thread".to_owned())
    }
}
