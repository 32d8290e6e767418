//! End-to-end tests.

#[path = "../support/mod.rs"]
mod support;

mod each_fixture;
mod exit_codes;
mod files;
mod fixtures;
mod layers;
mod matrix;
mod oracle;
mod schema;
mod sources;
