//! Descriptors, and what processes share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a process had open and shared with others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Ipc {
    /// Its descriptors, by number.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub descriptors: Vec<Descriptor>,
    /// How many more it had. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub descriptors_omitted: Option<u64>,
    /// Memory that it shared with others, or could have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shared_memory: Vec<SharedMemory>,
    /// SysV semaphore sets and named POSIX semaphores that it used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub semaphores: Vec<SemaphoreSet>,
    /// SysV message queues that it used. POSIX ones are descriptors.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queues: Vec<Queue>,
    /// The channel to the parent, of a process that Node has forked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_channel: Option<NodeChannel>,
    /// Locks of files for which the process waits, and for which their owners
    /// wait in turn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub file_locks: Vec<FileLock>,
    /// What processes at the other ends of its descriptors wait in, those with
    /// one thread.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub peer_waits: Vec<PeerWait>,
    /// What of all this could not be found out, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// The lock of a file for which a process waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct FileLock {
    /// The process that waits, as coretool saw its id.
    pub waiter: u32,
    /// The process that has the lock. Absent: it cannot be seen from here, or
    /// the lock belongs to an open file and no process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<u32>,
    /// The owner's command (`comm`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// As `/proc/locks` calls it, in small letters: `flock`, `posix`, `ofdlck`.
    pub kind: String,
    /// Inode of the file.
    pub inode: u64,
    /// The descriptor of the process that waits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub descriptors: Vec<u32>,
}

/// The system call that a process waits in at one of its descriptors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PeerWait {
    /// Its process id, as coretool saw it.
    pub pid: u32,
    /// The system call: `read`.
    pub call: String,
    /// The descriptor.
    pub fd: u32,
}

/// One open descriptor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Descriptor {
    /// Its number.
    pub fd: u32,
    /// What it is.
    pub kind: DescriptorKind,
    /// What `/proc/PID/fd/N` points to: a path, `pipe:[INODE]`.
    pub target: String,
    /// What it may be used for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// Where the next read or write happens, in bytes. Files only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Size of the file, in bytes. Files only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Flags of `open(2)` besides the access mode: `nonblock`, `append`,
    /// `cloexec`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// Inode of a pipe, socket or memory file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inode: Option<u64>,
    /// State of a socket: `listening`, `connected`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// More that the kernel tells of it: addresses of a socket, the count of an
    /// eventfd, descriptors that an epoll watches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// Descriptors that an epoll watches.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub watches: Vec<u32>,
    /// Whether anybody is at the other end. Absent: it has none, or it was not
    /// looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_state: Option<PeerState>,
    /// Who is at the other end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<Peer>,
}

/// Kinds of descriptors.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DescriptorKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A terminal.
    Terminal,
    /// Another device: `/dev/null`.
    Device,
    /// A pipe without a name.
    Pipe,
    /// A pipe with a name.
    Fifo,
    /// A Unix socket, perhaps one of a pair.
    UnixSocket,
    /// A TCP socket.
    TcpSocket,
    /// A UDP socket.
    #[serde(rename = "udp_socket")]
    Udp,
    /// A socket of another family, or of one that was not found out.
    Socket,
    /// An `eventfd(2)`.
    Eventfd,
    /// An `epoll(7)` instance.
    Epoll,
    /// A `timerfd_create(2)`.
    Timerfd,
    /// A `signalfd(2)`.
    Signalfd,
    /// An `inotify(7)` instance.
    Inotify,
    /// A `pidfd_open(2)`.
    Pidfd,
    /// A `memfd_create(2)`.
    Memfd,
    /// A POSIX message queue.
    MessageQueue,
    /// Something else.
    #[default]
    #[serde(other)]
    Other,
}

/// What a descriptor may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// `O_RDONLY`.
    Read,
    /// `O_WRONLY`.
    Write,
    /// `O_RDWR`.
    ReadWrite,
}

/// Whether anybody is at the other end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeerState {
    /// Another process has it open.
    Alive,
    /// Nobody has it open: whoever had it has ended or closed it.
    Dead,
    /// Only the process itself has it open.
    Own,
    /// It is there, but whose it is cannot be seen from here: another user's,
    /// another namespace's or the kernel's.
    NotVisible,
    /// It was not found out.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A process at the other end of something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Peer {
    /// Its process id, as coretool saw it.
    pub pid: u32,
    /// Its command (`comm`).
    pub command: String,
    /// The descriptor by which it holds the other end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fd: Option<u32>,
    /// How it is related to the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relation: Option<Relation>,
    /// How it ended, when it had ended by then: `killed by SIGSEGV`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

/// How two processes are related.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// It is the parent.
    Parent,
    /// It is a child.
    Child,
    /// It has the same parent.
    Sibling,
}

/// Memory that several processes may see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SharedMemory {
    /// What it is.
    pub kind: SharedKind,
    /// Where it is mapped, first address first: `0x7f0000000000`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Its size as mapped, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// The mapped file, or the name of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The id of a SysV segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// The key of a SysV segment, as `ipcs` shows it: `0x4d2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The process that made a SysV segment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creator: Option<Peer>,
    /// How many processes have a SysV segment attached, the process itself
    /// among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached: Option<u64>,
    /// Others that have it mapped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<Peer>,
    /// See [`PeerState`]. Absent: it was not looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_state: Option<PeerState>,
    /// Whether it stays when all processes that use it have ended.
    pub stays_behind: bool,
    /// The command that removes it, when it stays behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removal: Option<String>,
}

/// Kinds of shared memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SharedKind {
    /// `shmget(2)`.
    #[serde(rename = "sysv")]
    SysV,
    /// `shm_open(3)`.
    Posix,
    /// `memfd_create(2)`.
    Memfd,
    /// `mmap(2)` with `MAP_SHARED | MAP_ANONYMOUS`: seen by forked processes.
    Anonymous,
    /// A file.
    #[default]
    #[serde(other)]
    File,
}

/// A set of SysV semaphores, or a named POSIX semaphore.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SemaphoreSet {
    /// Its SysV id. Absent: it is a POSIX one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// Its SysV key: `0x4d2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The name of a POSIX semaphore.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The values, where they may be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<u32>,
    /// For each value the process that changed it last; 0: nobody yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub last_pids: Vec<u32>,
    /// Why it is thought to be the process's.
    pub why: String,
    /// Whether it stays when all processes that use it have ended.
    pub stays_behind: bool,
    /// The command that removes it, when it stays behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removal: Option<String>,
}

/// A SysV message queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Queue {
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// Its key: `0x4d2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// How many messages it held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    /// How many bytes they had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Who sent last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_sender: Option<Peer>,
    /// Who received last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_receiver: Option<Peer>,
    /// Why it is thought to be the process's.
    pub why: String,
    /// Whether it stays when all processes that use it have ended.
    pub stays_behind: bool,
    /// The command that removes it, when it stays behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removal: Option<String>,
}

/// The channel to the parent of a process that Node has forked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NodeChannel {
    /// The descriptor, as `NODE_CHANNEL_FD` says.
    pub fd: u32,
    /// Who is at the other end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<Peer>,
    /// Whether anybody is.
    pub peer_state: PeerState,
    /// Whether the process itself has closed it: Node does when the other end
    /// is closed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_closed: bool,
}
