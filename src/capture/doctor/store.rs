//! The place where crashes are kept.

use std::path::Path;

use nix::unistd::{AccessFlags, access};

use crate::capture::doctor::{Check, State, kernel};

const GROUP: &str = "store";

/// With less than this on the disk the store keeps few cores.
const ROOM: u64 = 1 << 30;

pub(super) fn checks(store: Option<&Path>) -> Vec<Check> {
    let check = |state, says: String| Check::new(GROUP, "store", state, says);
    let Some(store) = store else {
        let says = "there is no place to keep crashes: neither XDG_STATE_HOME nor HOME is an \
                    absolute path";
        return vec![
            check(State::Warning, says.to_owned())
                .remedy("set XDG_STATE_HOME to a directory that you may write to"),
        ];
    };
    let shown = store.display();
    // What is there already, of the way to it.
    let Some(there) = store.ancestors().find(|path| path.symlink_metadata().is_ok()) else {
        return vec![check(State::Unknown, format!("`{shown}` cannot be looked for"))];
    };
    if !there.is_dir() {
        let says = format!("crashes cannot be kept: `{}` is not a directory", there.display());
        return vec![check(State::Warning, says).remedy("name another place: `--store DIR`")];
    }
    if access(there, AccessFlags::W_OK | AccessFlags::X_OK).is_err() {
        let says = format!("crashes cannot be kept: `{}` cannot be written", there.display());
        return vec![check(State::Warning, says).remedy("name another place: `--store DIR`")];
    }
    let will = if there == store { "are kept" } else { "will be kept" };
    vec![match kernel::free_bytes(there) {
        None => {
            check(State::Unknown, format!("crashes {will} in `{shown}`; its room is not known"))
        }
        Some(free) if free < ROOM => {
            let says =
                format!("crashes {will} in `{shown}`, with {} MB left on the disk", free >> 20);
            check(State::Warning, says).remedy("make room, `coretool prune`, or `--store DIR`")
        }
        Some(free) => {
            let says =
                format!("crashes {will} in `{shown}`, with {} GB left on the disk", free >> 30);
            check(State::Ok, says)
        }
    }]
}
