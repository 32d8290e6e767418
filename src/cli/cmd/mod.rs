//! One command a file; the head of each is its manual.

pub mod analyze;
