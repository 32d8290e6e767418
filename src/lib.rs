//! What happened to a dead or stuck Linux process, and how do you know?
//!
//! The modules in reading order; each one imports only those above it.
//! [`analyze`] is the pipeline on one screen.

// Blank lines keep rustfmt from sorting the order of the flow away.

pub mod base;

pub mod dump;

pub mod capture;

pub mod symbols;

pub mod unwind;

pub mod variables;

pub mod heap;

pub mod diagnose;

pub mod report;

pub mod analyze;

pub mod inspect;

pub mod triage;

pub mod cli;
