//! The parts of `coretool handler` that run without anybody looking.

pub mod captured;
pub mod daemon;
pub mod deliver;
pub mod examine;
pub mod found;
pub mod keep;
pub mod piped;
pub mod place;
pub mod rates;
