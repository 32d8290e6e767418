//! Many crashes: what is kept of them, and for how long.

mod address_key;
pub mod baseline;
pub mod buckets;
pub mod cluster;
pub mod crash;
pub mod digest;
pub mod logs;
pub mod packed_file;
pub mod signature;
pub mod store;
