//! One module: its file, if a matching one was found, and what it tells.
