//! The JSON schemas of what programs can read: reports and answers.
//!
//! `docs/report-schema.json` and its neighbors are these texts, checked in. A
//! test compares them; `UPDATE_SCHEMA=1 cargo test --test it schema` writes the
//! files anew.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

use crate::report::model::{
    AddressLines, Examination, Exported, HandlerStatus, KeptCrashes, MemoryDump, Printout, Pruned,
    Report, SymbolFiles, Triage, What,
};

/// The schema (draft 2020-12) of what a reader of a report can rely on, as
/// indented JSON with a newline at its end.
pub fn report_schema() -> String {
    schema::<Report>()
}

/// The same for `coretool print`.
pub fn print_schema() -> String {
    schema::<Printout>()
}

/// The same for `coretool memory`.
pub fn memory_schema() -> String {
    schema::<MemoryDump>()
}

/// The same for `coretool what`.
pub fn what_schema() -> String {
    schema::<What>()
}

/// The same for `coretool list`.
pub fn list_schema() -> String {
    schema::<KeptCrashes>()
}

/// The same for `coretool prune`.
pub fn prune_schema() -> String {
    schema::<Pruned>()
}

/// The same for `coretool triage`.
pub fn triage_schema() -> String {
    schema::<Triage>()
}

/// The same for `coretool doctor`.
pub fn doctor_schema() -> String {
    schema::<Examination>()
}

/// The same for `coretool symbols`.
pub fn symbols_schema() -> String {
    schema::<SymbolFiles>()
}

/// The same for a line of `coretool addr`.
pub fn addr_schema() -> String {
    schema::<AddressLines>()
}

/// The same for `coretool handler status`.
pub fn handler_status_schema() -> String {
    schema::<HandlerStatus>()
}

/// The same for `coretool export`.
pub fn export_schema() -> String {
    schema::<Exported>()
}

fn schema<T: JsonSchema>() -> String {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>();
    // `{:#}` of a JSON value is its indented form, and cannot fail.
    format!("{:#}\n", schema.as_value())
}
