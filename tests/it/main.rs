//! End-to-end tests.

#[path = "../support/mod.rs"]
mod support;

mod each_fixture;
mod fixtures;
mod matrix;
mod oracle;
