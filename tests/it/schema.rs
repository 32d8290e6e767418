//! `docs/report-schema.json` and its neighbors are in step with the code.

use std::path::Path;

use coretool::report::schema::{
    addr_schema, doctor_schema, export_schema, handler_status_schema, list_schema, memory_schema,
    print_schema, prune_schema, report_schema, symbols_schema, triage_schema, what_schema,
};

#[test]
fn the_checked_in_schemas_are_the_generated_ones() {
    let schemas = [
        ("docs/report-schema.json", report_schema()),
        ("docs/print-schema.json", print_schema()),
        ("docs/memory-schema.json", memory_schema()),
        ("docs/what-schema.json", what_schema()),
        ("docs/list-schema.json", list_schema()),
        ("docs/prune-schema.json", prune_schema()),
        ("docs/doctor-schema.json", doctor_schema()),
        ("docs/symbols-schema.json", symbols_schema()),
        ("docs/addr-schema.json", addr_schema()),
        ("docs/triage-schema.json", triage_schema()),
        ("docs/handler-status-schema.json", handler_status_schema()),
        ("docs/export-schema.json", export_schema()),
    ];
    for (file, generated) in schemas {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(&path, &generated).unwrap();
        }
        let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            checked_in == generated,
            "{file} is out of step: UPDATE_SCHEMA=1 cargo test --test it schema"
        );
    }
}

/// Fields may be added, but what is required of a writer stays as it was
/// agreed: readers rely on it.
#[test]
fn required_fields() {
    let schema: serde_json::Value = serde_json::from_str(&report_schema()).unwrap();
    let required = |object: &serde_json::Value| {
        let names = object["required"].as_array().cloned().unwrap_or_default();
        let mut names: Vec<String> =
            names.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
        names.sort();
        names.join(" ")
    };
    let cases = [
        ("/source", "arch"),
        ("/thread", "crashed frames tid"),
        ("/frame", "index inlined pc trust"),
        ("/variable", "name value"),
        ("/value", "text"),
        ("/gap", "missing"),
    ];
    assert_eq!(required(&schema), "findings schema source threads verdict");
    for (name, want) in cases {
        let definition = schema["$defs"].as_object().unwrap().iter();
        let object = definition
            .filter(|(found, _)| format!("/{}", found.to_lowercase()) == name)
            .map(|(_, object)| object)
            .next()
            .unwrap();
        assert_eq!(required(object), want, "{name}");
    }
}
