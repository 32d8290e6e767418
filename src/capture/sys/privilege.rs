//! Capabilities, which `nix` does not offer.

use std::io;

/// Keeps one capability, effective and permitted, of the ones that this thread
/// has, or none.
pub(in crate::capture) fn keep_only(capability: Option<u32>) -> io::Result<()> {
    /// `_LINUX_CAPABILITY_VERSION_3`: two words a set.
    const VERSION: u32 = 0x2008_0522;
    let bits = capability.and_then(|number| 1u64.checked_shl(number)).unwrap_or(0);
    let (low, high) = (bits as u32, (bits >> 32) as u32);
    // struct __user_cap_header_struct: version, pid (0: this thread).
    let header = [VERSION, 0];
    // struct __user_cap_data_struct[2]: effective, permitted, inheritable.
    let data = [low, low, 0, high, high, 0];
    // SAFETY: the kernel reads the header and, for this version, 24 bytes of
    // data. Both are live.
    let done = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), data.as_ptr()) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
