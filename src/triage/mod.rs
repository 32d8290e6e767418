//! Many crashes: what is kept of them, and for how long.

mod address_key;
pub mod digest;
pub mod store;
