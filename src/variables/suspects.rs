//! Which pointer variable an address came from.
