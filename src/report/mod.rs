//! What we say: the report, its JSON contract and its renderers.
//!
//! [`model`] is the contract, [`render`] turns it into text and JSON, and
//! [`schema`] describes it to other programs.

pub mod build;
pub mod model;
pub mod render;
pub mod schema;
