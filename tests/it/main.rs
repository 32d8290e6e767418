//! End-to-end tests.

#[path = "../support/mod.rs"]
mod support;

mod exit_codes;
mod files;
mod fixtures;
mod layers;
mod schema;
mod sources;
