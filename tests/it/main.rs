//! End-to-end tests.

#[path = "../support/mod.rs"]
mod support;

mod fixtures;
mod values;
