//! The JSON schema of the report, for programs that read it.
//!
//! `docs/report-schema.json` is this text, checked in. A test compares the two;
//! `UPDATE_SCHEMA=1 cargo test --test it schema` writes the file anew.

use schemars::generate::SchemaSettings;

use crate::report::model::Report;

/// The schema (draft 2020-12) of what a reader of a report can rely on, as
/// indented JSON with a newline at its end.
pub fn report_schema() -> String {
    let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<Report>();
    // `{:#}` of a JSON value is its indented form, and cannot fail.
    format!("{:#}\n", schema.as_value())
}
