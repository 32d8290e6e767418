//! Renderers: a [`Report`](crate::report::model::Report) in, text out.
//!
//! They are pure: no terminal, no files, no clock, no environment. What is not
//! in the report or the options cannot be in the output. Every text that came
//! from the dead process passes through [`escape`].

mod azure;
mod csv;
pub mod doctor;
pub mod escape;
pub mod fault;
pub mod github;
mod gitlab;
mod html;
pub mod json;
pub mod junit;
pub mod kept;
mod layout;
mod markdown;
pub mod memory;
pub mod printout;
mod sarif;
mod size;
pub mod symbols;
pub mod table;
pub mod teamcity;
pub mod text;
pub mod theme;
pub mod triage;
pub mod what;
