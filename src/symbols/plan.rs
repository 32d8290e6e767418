//! Which files are wanted, and in which order to look. Pure: nothing is opened
//! here.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use crate::dump::process::Module;
use crate::symbols::SymbolOptions;

/// Where separate debug files lie on all distributions.
const DEBUG_DIRECTORY: &str = "/usr/lib/debug";

/// Directories in the path of a source file that are left out in turn.
const MOST_PARTS: usize = 32;

/// What the kernel appends to the path of a file that is gone.
const DELETED: &[u8] = b" (deleted)";

/// A debug file that may exist, and what must hold before it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    pub(super) proof: Proof,
    pub(super) how: How,
}

/// How a file was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The user gave it.
    Given,
    /// At the path that the process had mapped.
    Path,
    /// By its build-id, in a directory of debug files.
    BuildId,
    /// By the name in `.gnu_debuglink`.
    Link,
    /// By its build-id, below a directory that the user gave.
    Indexed,
    /// In the archive that the core came in.
    Attached,
    /// In the directory of what came from debuginfod servers.
    Downloaded,
    /// By the name or build-id in `.gnu_debugaltlink` or `.debug_sup`.
    Alternative,
}

impl How {
    /// For people: what follows the file's name.
    pub fn says(self) -> &'static str {
        match self {
            Self::Given => "as given with --exe",
            Self::Path => "at its path",
            Self::BuildId => "by its build-id",
            Self::Link => "by the name in its .gnu_debuglink",
            Self::Indexed => "by its build-id, below --binaries",
            Self::Attached => "in the archive of the core",
            Self::Downloaded => "from a debuginfod server",
            Self::Alternative => "by the link that dwz left",
        }
    }
}

/// What ties a debug file to its binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// It has this build-id.
    BuildId(Vec<u8>),
    /// It has this build-id, or this checksum in its `.debug_sup`.
    Shared(Vec<u8>),
    /// Its CRC-32 is this; for binaries without a build-id.
    Crc(u32),
}

/// Where the file of a module may lie.
pub(super) fn binaries(module: &Module, options: &SymbolOptions) -> Vec<(PathBuf, How)> {
    let mut found = Vec::new();
    if module.is_main
        && let Some(executable) = &options.executable
    {
        // What the user says is not second-guessed; its build-id is.
        return vec![(executable.clone(), How::Given)];
    }
    let path = module.path.strip_suffix(DELETED).unwrap_or(&module.path);
    if path.starts_with(b"/") {
        found.push((in_sysroot(Path::new(OsStr::from_bytes(path)), options), How::Path));
    }
    // A package of debug symbols links the binary there, too.
    if let Some((directory, file)) = module.build_id.as_deref().and_then(build_id_path) {
        for root in debug_directories(options) {
            let path = root.join(".build-id").join(&directory).join(&file);
            found.push((path, How::BuildId));
        }
    }
    let build_id = module.build_id.as_deref();
    found.extend(downloaded(build_id, "executable", options).map(|path| (path, How::Downloaded)));
    found
}

/// Where a file that came from a debuginfod server lies.
fn downloaded(build_id: Option<&[u8]>, name: &str, options: &SymbolOptions) -> Option<PathBuf> {
    let build_id = build_id.filter(|id| !id.is_empty())?;
    Some(options.downloads.as_ref()?.join(hex(build_id)).join(name))
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
            let proof = Proof::BuildId(build_id.to_vec());
            found.push(Candidate { path, proof, how: How::BuildId });
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
        let mut add = |path| found.push(Candidate { path, proof: proof.clone(), how: How::Link });
        add(directory.join(name));
        add(directory.join(".debug").join(name));
        let inside = outside_sysroot(directory, options);
        for root in debug_directories(options) {
            add(join_below(&root, &inside).join(name));
        }
    }
    if let Some(build_id) = build_id
        && let Some(path) = downloaded(Some(build_id), "debuginfo", options)
    {
        let proof = Proof::BuildId(build_id.to_vec());
        found.push(Candidate { path, proof, how: How::Downloaded });
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
    let proof = Proof::Shared(build_id.to_vec());
    let mut found = Vec::new();
    let how = How::Alternative;
    let mut add = |path| found.push(Candidate { path, proof: proof.clone(), how });
    if let Some((directory, file)) = build_id_path(build_id) {
        for root in debug_directories(options) {
            add(root.join(".build-id").join(&directory).join(format!("{file}.debug")));
        }
    }
    let path = Path::new(OsStr::from_bytes(path));
    let beside = from.parent().unwrap_or(Path::new("/")).join(path);
    add(beside);
    if let Some(name) = path.file_name() {
        for root in debug_directories(options) {
            add(root.join(".dwz").join(name));
        }
    }
    found
}

/// Where the `.dwo` file of a split unit may lie: where the compiler put it,
/// beside the files of the module, and in the directories of debug files.
/// `name` and `directory` are those of the unit.
pub(super) fn split_files(
    name: &str,
    directory: Option<&str>,
    near: &[PathBuf],
    options: &SymbolOptions,
) -> Vec<PathBuf> {
    let name = Path::new(name);
    let compiled = directory.map_or_else(|| name.to_path_buf(), |at| Path::new(at).join(name));
    let mut found = Vec::new();
    let mut add = |path: PathBuf| {
        if !found.contains(&path) {
            found.push(path);
        }
    };
    // Relative to nothing that is known, it would be our own directory.
    if compiled.is_absolute() {
        add(in_sysroot(&compiled, options));
    }
    let Some(last) = name.file_name() else { return found };
    for directory in near.iter().filter_map(|path| path.parent()) {
        if name.is_relative() {
            add(join_below(directory, name));
        }
        add(directory.join(last));
    }
    for root in debug_directories(options) {
        if compiled.is_absolute() {
            add(join_below(&root, &compiled));
        }
        if name.is_relative() {
            add(join_below(&root, name));
        }
        add(root.join(last));
    }
    found
}

/// Where the package of a module's split files may lie: `.dwp` is appended to
/// the names of its files.
pub(super) fn packages(near: &[PathBuf], options: &SymbolOptions) -> Vec<PathBuf> {
    let with_suffix = |path: &Path| {
        let mut name = path.as_os_str().to_owned();
        name.push(".dwp");
        PathBuf::from(name)
    };
    let mut found: Vec<PathBuf> = near.iter().map(|path| with_suffix(path)).collect();
    for path in near {
        let inside = outside_sysroot(path, options);
        for root in debug_directories(options) {
            found.push(with_suffix(&join_below(&root, &inside)));
            found.extend(path.file_name().map(|name| with_suffix(&root.join(name))));
        }
    }
    found
}

/// Where a source file may lie: at its own path or where that is mapped to, and
/// below the directories of sources, with ever less of its path in front.
/// A relative path has only the latter: it is relative to what nobody knows, and
/// not to the current directory of the analysis.
pub(super) fn source_files(path: &str, options: &SymbolOptions) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if path.starts_with('/') {
        found.push(in_sysroot(Path::new(path), options));
    }
    for directory in &options.source_directories {
        let mut rest = path.trim_start_matches('/');
        for _ in 0..MOST_PARTS {
            found.push(join_below(directory, Path::new(rest)));
            match rest.split_once('/') {
                Some((_, shorter)) if !shorter.is_empty() => rest = shorter,
                _ => break,
            }
        }
    }
    found
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
            let found = binaries(&module(path, *is_main), options);
            let found: Vec<_> = found.into_iter().map(|(path, _)| path).collect();
            assert_eq!(found, want, "{name}");
        }
    }

    #[test]
    fn source_files_in_order() {
        let plain = SymbolOptions::default();
        let mapped =
            SymbolOptions { path_map: vec![("/build".into(), "/src".into())], ..plain.clone() };
        let below = SymbolOptions { source_directories: vec!["/mine".into()], ..plain.clone() };
        let cases: &[(&str, &SymbolOptions, &[&str])] = &[
            ("/build/a.c", &plain, &["/build/a.c"]),
            ("a.c", &plain, &[]),
            ("/build/a.c", &mapped, &["/src/a.c"]),
            ("/b/a.c", &below, &["/b/a.c", "/mine/b/a.c", "/mine/a.c"]),
            ("lib/a.c", &below, &["/mine/lib/a.c", "/mine/a.c"]),
            ("../a.c", &below, &["/mine/a.c", "/mine/a.c"]),
        ];
        for (path, options, want) in cases {
            let want: Vec<_> = want.iter().map(PathBuf::from).collect();
            assert_eq!(source_files(path, options), want, "{path}");
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
                    Proof::Shared(id) => panic!("{id:?}"),
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
