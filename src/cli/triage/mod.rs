//! Many crashes: found, read side by side, remembered, shown as bugs.

pub mod crash_file;
pub mod formats;
pub mod found_files;
pub mod gate;
pub mod journal;
pub mod project;
pub mod reading;
pub mod repository;
