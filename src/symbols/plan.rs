//! Which files are wanted, and in which order to look. Pure: nothing is opened
//! here.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use crate::dump::process::Module;
use crate::symbols::SymbolOptions;

/// Where separate debug files lie on all distributions.
const DEBUG_DIRECTORY: &str = "/usr/lib/debug";

/// What the kernel appends to the path of a file that is gone.
const DELETED: &[u8] = b" (deleted)";

/// A debug file that may exist, and what must hold before it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    pub(super) proof: Proof,
}

/// What ties a debug file to its binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// It has this build-id.
    BuildId(Vec<u8>),
    /// Its CRC-32 is this; for binaries without a build-id.
    Crc(u32),
}

/// Where the file of a module may lie.
pub(super) fn binaries(module: &Module, options: &SymbolOptions) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if module.is_main
        && let Some(executable) = &options.executable
    {
        // What the user says is not second-guessed; its build-id is.
        return vec![executable.clone()];
    }
    let path = module.path.strip_suffix(DELETED).unwrap_or(&module.path);
    if path.starts_with(b"/") {
        found.push(in_sysroot(Path::new(OsStr::from_bytes(path)), options));
    }
    // A package of debug symbols links the binary there, too.
    if let Some((directory, file)) = module.build_id.as_deref().and_then(build_id_path) {
        for root in debug_directories(options) {
            found.push(root.join(".build-id").join(&directory).join(&file));
        }
    }
    found
}

/// Where the debug file of a binary may lie: by its build-id, then by the name
/// in `.gnu_debuglink`.
///
/// Source: GDB manual, "Debugging Information in Separate Files".
pub(super) fn debug_files(
    binary: Option<&Path>,
    build_id: Option<&[u8]>,
    link: Option<(&[u8], u32)>,
    options: &SymbolOptions,
) -> Vec<Candidate> {
    let mut found = Vec::new();
    if let Some(build_id) = build_id
        && let Some((directory, file)) = build_id_path(build_id)
    {
        for root in debug_directories(options) {
            let path = root.join(".build-id").join(&directory).join(format!("{file}.debug"));
            found.push(Candidate { path, proof: Proof::BuildId(build_id.to_vec()) });
        }
    }
    if let Some((name, crc)) = link
        && let Some(directory) = binary.and_then(Path::parent)
        // A base name; anything else would lead out of the directories.
        && !name.contains(&b'/')
        && name != b".."
        && name != b"."
    {
        let name = OsStr::from_bytes(name);
        let proof = build_id.map_or(Proof::Crc(crc), |id| Proof::BuildId(id.to_vec()));
        let mut add = |path| found.push(Candidate { path, proof: proof.clone() });
        add(directory.join(name));
        add(directory.join(".debug").join(name));
        let inside = outside_sysroot(directory, options);
        for root in debug_directories(options) {
            add(join_below(&root, &inside).join(name));
        }
    }
    found
}

/// Where the file that `.gnu_debugaltlink` names may lie, for a debug file at
/// `from`.
pub(super) fn alternative_files(
    from: &Path,
    path: &[u8],
    build_id: &[u8],
    options: &SymbolOptions,
) -> Vec<Candidate> {
    let proof = Proof::BuildId(build_id.to_vec());
    let mut found = Vec::new();
    if let Some((directory, file)) = build_id_path(build_id) {
        for root in debug_directories(options) {
            let path = root.join(".build-id").join(&directory).join(format!("{file}.debug"));
            found.push(Candidate { path, proof: proof.clone() });
        }
    }
    let path = Path::new(OsStr::from_bytes(path));
    let beside = from.parent().unwrap_or(Path::new("/")).join(path);
    found.push(Candidate { path: beside, proof: proof.clone() });
    if let Some(name) = path.file_name() {
        for root in debug_directories(options) {
            found.push(Candidate { path: root.join(".dwz").join(name), proof: proof.clone() });
        }
    }
    found
}

/// Where a source file lies. `None`: the path is relative, and nobody knows to
/// what; the current directory of the analysis is not it.
pub(super) fn source_file(path: &str, options: &SymbolOptions) -> Option<PathBuf> {
    path.starts_with('/').then(|| in_sysroot(Path::new(path), options))
}

fn debug_directories(options: &SymbolOptions) -> Vec<PathBuf> {
    let given = options.debug_directories.iter().map(PathBuf::as_path);
    let all = given.chain([Path::new(DEBUG_DIRECTORY)]);
    all.flat_map(|directory| {
        let inside = options.sysroot.as_ref().map(|root| join_below(root, directory));
        inside.into_iter().chain([directory.to_path_buf()])
    })
    .collect()
}

/// `.build-id/ab/cdef...`: the first byte is the directory, the rest the name.
/// A build-id of one byte names no file.
fn build_id_path(build_id: &[u8]) -> Option<(String, String)> {
    let (first, rest) = build_id.split_first()?;
    (!rest.is_empty()).then(|| (hex(&[*first]), hex(rest)))
}

/// Lowercase digits, two a byte: how build-ids are written.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS.get(usize::from(value)).copied().unwrap_or(b'?'));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The base name of a module's file, as the process saw it.
pub(super) fn base_name(module: &Module) -> Option<&[u8]> {
    let path = module.path.strip_suffix(DELETED).unwrap_or(&module.path);
    path.rsplit(|byte| *byte == b'/')
        .next()
        .filter(|name| !name.is_empty() && name.len() < path.len())
}

/// The path as the dead process saw it, as the user maps it, or else below the
/// directory that stands for its root.
fn in_sysroot(path: &Path, options: &SymbolOptions) -> PathBuf {
    let mapped = options.path_map.iter().filter_map(|(from, to)| {
        let rest = path.strip_prefix(from).ok()?;
        Some((from.components().count(), join_below(to, rest), rest.as_os_str().is_empty(), to))
    });
    if let Some((_, below, is_whole, to)) = mapped.max_by_key(|(length, ..)| *length) {
        return if is_whole { to.clone() } else { below };
    }
    match &options.sysroot {
        Some(root) => join_below(root, path),
        None => path.to_path_buf(),
    }
}

fn outside_sysroot(path: &Path, options: &SymbolOptions) -> PathBuf {
    let inside = options.sysroot.as_ref().and_then(|root| path.strip_prefix(root).ok());
    inside.unwrap_or(path).to_path_buf()
}

/// Joins an absolute path of unknown origin below `root`, and does not leave
/// it: `..` at the top stays at the top, as in a real root directory.
fn join_below(root: &Path, path: &Path) -> PathBuf {
    let mut below = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => below.push(name),
            Component::ParentDir => {
                below.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => (),
        }
    }
    root.join(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::base::addr::RunRange;

    fn module(path: &str, is_main: bool) -> Module {
        Module {
            path: path.as_bytes().to_vec(),
            range: RunRange::default(),
            bias: None,
            build_id: Some(vec![0xab, 0xcd, 0xef]),
            is_main,
        }
    }

    #[test]
    fn binaries_in_order() {
        let plain = SymbolOptions::default();
        let exe = SymbolOptions { executable: Some("my/a.out".into()), ..plain.clone() };
        let sysroot = SymbolOptions { sysroot: Some("/sys".into()), ..plain.clone() };
        let path_map = vec![("/lib".into(), "/map".into()), ("/lib/x".into(), "/long".into())];
        let mapped = SymbolOptions { path_map, sysroot: Some("/sys".into()), ..plain.clone() };
        let in_sys = "/sys/usr/lib/debug/.build-id/ab/cdef";
        let by_id = "/usr/lib/debug/.build-id/ab/cdef";
        let cases: &[(&str, &str, bool, &SymbolOptions, &[&str])] = &[
            ("the path", "/bin/a", true, &plain, &["/bin/a", by_id]),
            ("a deleted file's old path", "/bin/a (deleted)", true, &plain, &["/bin/a", by_id]),
            ("the user's choice", "/bin/a", true, &exe, &["my/a.out"]),
            ("which is for the program only", "/lib/b", false, &exe, &["/lib/b", by_id]),
            ("no path", "[vdso]", false, &plain, &[by_id]),
            (
                "below the sysroot",
                "/lib/b",
                false,
                &sysroot,
                &["/sys/lib/b", "/sys/usr/lib/debug/.build-id/ab/cdef", by_id],
            ),
            ("a mapped path", "/lib/b", false, &mapped, &["/map/b", in_sys, by_id]),
            ("the longest counts", "/lib/x/b", false, &mapped, &["/long/b", in_sys, by_id]),
            ("whole names only", "/libx/b", false, &mapped, &["/sys/libx/b", in_sys, by_id]),
            ("never out of it", "/lib/../../b", false, &mapped, &["/map/b", in_sys, by_id]),
            ("one file", "/lib", false, &mapped, &["/map", in_sys, by_id]),
            (
                "never out of the sysroot",
                "/lib/../../../etc/b",
                false,
                &sysroot,
                &["/sys/etc/b", "/sys/usr/lib/debug/.build-id/ab/cdef", by_id],
            ),
        ];
        for (name, path, is_main, options, want) in cases {
            let want: Vec<_> = want.iter().map(PathBuf::from).collect();
            assert_eq!(binaries(&module(path, *is_main), options), want, "{name}");
        }
    }

    #[test]
    fn debug_files_in_order() {
        let options =
            SymbolOptions { debug_directories: vec!["/dbg".into()], ..SymbolOptions::default() };
        let paths = |id: Option<&[u8]>, link| -> Vec<String> {
            debug_files(Some(Path::new("/opt/bin/a")), id, link, &options)
                .into_iter()
                .map(|candidate| match candidate.proof {
                    Proof::BuildId(id) => format!("{} {}", candidate.path.display(), hex(&id)),
                    Proof::Crc(crc) => format!("{} {crc}", candidate.path.display()),
                })
                .collect()
        };
        assert_eq!(
            paths(Some(&[0xab, 0xcd]), Some((b"a.debug", 7))),
            [
                "/dbg/.build-id/ab/cd.debug abcd",
                "/usr/lib/debug/.build-id/ab/cd.debug abcd",
                "/opt/bin/a.debug abcd",
                "/opt/bin/.debug/a.debug abcd",
                "/dbg/opt/bin/a.debug abcd",
                "/usr/lib/debug/opt/bin/a.debug abcd",
            ]
        );
        assert_eq!(paths(None, Some((b"a.debug", 7))).first().unwrap(), "/opt/bin/a.debug 7");
        let none: [String; 0] = [];
        assert_eq!(paths(None, Some((b"../a.debug", 7))), none, "a path is no base name");
        assert_eq!(paths(Some(&[0xab]), None), none, "one byte names no file");
    }
}
