//! Renderers: a [`Report`](crate::report::model::Report) in, text out.
//!
//! They are pure: no terminal, no files, no clock, no environment. What is not
//! in the report or the options cannot be in the output. Every text that came
//! from the dead process passes through [`escape`].

pub mod doctor;
pub mod escape;
pub mod fault;
pub mod json;
pub mod kept;
mod layout;
pub mod memory;
pub mod printout;
mod size;
pub mod symbols;
pub mod text;
pub mod theme;
pub mod what;
