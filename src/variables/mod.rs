//! From a frame and its debug information to values.

pub mod calls;
pub mod value;
