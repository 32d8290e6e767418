//! What the kernel knew of a process while it was there, and a core does not
//! hold: its descriptors and who is at their other ends, its relatives, its
//! limits and surroundings.
//!
//! The sidecar of a dump and the report have these facts in one form, so each
//! type is both kept and shown. All fields may be absent: what was not found
//! out is left out. Text is as the process had it, made of bytes by
//! [`text`](crate::base::text::text): **whoever shows it escapes it**.

mod ipc;
mod surroundings;
mod tree;
pub mod words;

pub use self::ipc::{
    Access, Descriptor, DescriptorKind, FileLock, Ipc, NodeChannel, Peer, PeerState, PeerWait,
    Queue, Relation, SemaphoreSet, SharedKind, SharedMemory,
};
pub use self::surroundings::{
    Cgroup, Environment, EnvironmentVariable, Mount, Namespace, ResourceLimit, Surroundings,
};
pub use self::tree::{Relative, Tree};
