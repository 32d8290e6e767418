//! Cores that are read once, from front to back: compressed ones, those in a
//! tar or in a report of apport, and those that come by a pipe.
//!
//! [`layers`] takes off what is around the core, [`intake`] reads it, and
//! [`selection`] says what of it is kept: headers and notes, which come first,
//! then stacks and whatever registers point to, then the smaller segments, and
//! of the rest as much as the limit allows. What is kept lies in the scratch
//! file that the store was lent, or in memory, and [`kept`] answers from it.
//! The core is never written in whole.

mod apport;
mod codec;
mod decode_ahead;
mod intake;
mod kept;
mod layers;
mod outline;
mod scratch;
mod selection;
mod tar;

pub(super) use kept::Kept;
pub use layers::Input;
pub(super) use layers::{contents, contents_of_stream};
