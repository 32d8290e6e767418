//! End-to-end tests.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod architectures;
mod assist;
mod bad_input;
mod binaries;
mod bundle;
mod capture_core;
mod capture_matrix;
mod capture_rungs;
mod causes;
mod ci;
mod compressed;
mod confined;
mod damage;
mod damage_values;
mod debug_forms;
mod debuginfod;
mod doctor;
mod each_fixture;
mod exit_codes;
mod files;
mod fixtures;
#[cfg(feature = "minidump")]
mod fuzz;
mod handler;
mod hangs;
mod hostile;
mod html;
mod instructions;
mod layers;
mod matrix;
mod memory;
#[cfg(feature = "minidump")]
mod minidump;
mod names;
mod odd_cores;
mod oracle;
mod orphans;
mod other_makers;
mod print;
mod query;
mod readme;
mod run;
mod run_deaths;
mod run_surroundings;
mod schema;
mod shown_values;
mod signals;
mod snapshot;
mod sources;
mod store;
mod stories;
mod story_orphan;
mod symbol_files;
mod tracer_killed;
mod triage;
mod values;
mod values_table;
mod what;
