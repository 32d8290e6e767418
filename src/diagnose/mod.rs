//! From facts to findings: why did it die, and how sure is that?

pub mod crash;
pub mod finding;
pub mod rules;
