//! The command line of coretool.

fn main() {}
