//! End-to-end tests.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod damage;
mod each_fixture;
mod exit_codes;
mod files;
mod fixtures;
mod layers;
mod matrix;
mod oracle;
mod readme;
mod run;
mod schema;
mod sources;
mod values;
