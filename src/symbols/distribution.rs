//! Which command gets debug information, by distribution. Pure: who asks
//! brings the facts.

use crate::dump::package_note::PackageNote;

/// A family of distributions, with one way to install debug information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Debian,
    Ubuntu,
    Fedora,
    Suse,
    Arch,
    Alpine,
}

/// What is known of where a file came from.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Origin<'o> {
    /// What the file itself says.
    pub(super) note: Option<&'o PackageNote>,
    /// The text of `/etc/os-release` of the machine that it ran on, or else of
    /// this one.
    pub(super) os_release: Option<&'o str>,
    /// The file, as the process saw its path.
    pub(super) path: &'o str,
    /// Its build-id, in digits.
    pub(super) build_id: Option<&'o str>,
}

impl Family {
    /// By the names that os-release has in `ID` and `ID_LIKE`.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "debian" | "raspbian" => Self::Debian,
            "ubuntu" => Self::Ubuntu,
            "fedora" | "rhel" | "centos" | "rocky" | "almalinux" => Self::Fedora,
            "suse" | "opensuse" | "sles" | "opensuse-tumbleweed" | "opensuse-leap" => Self::Suse,
            "arch" | "archlinux" => Self::Arch,
            "alpine" => Self::Alpine,
            _ => return None,
        })
    }

    fn of(origin: &Origin<'_>) -> Option<Self> {
        let noted = origin.note.and_then(|note| {
            let named = note.distribution.as_deref().and_then(Self::named);
            named.or(match note.kind.as_str() {
                "deb" => Some(Self::Debian),
                "rpm" => Some(Self::Fedora),
                "alpm" => Some(Self::Arch),
                "apk" => Some(Self::Alpine),
                _ => None,
            })
        });
        noted.or_else(|| {
            let text = origin.os_release?;
            let of = |key: &str| {
                let mut lines = text.lines();
                lines.find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            };
            let words = [of("ID"), of("ID_LIKE")].into_iter().flatten();
            let mut names = words.flat_map(|words| words.trim_matches(['"', '\'']).split(' '));
            names.find_map(Self::named)
        })
    }
}

/// What to run to get the debug information of a file. `None`: the
/// distribution is not known.
pub(super) fn command(origin: &Origin<'_>) -> Option<String> {
    let family = Family::of(origin)?;
    let name = origin.note.map(|note| note.name.as_str());
    let version = origin.note.and_then(|note| note.version.as_deref());
    // What a shell would take apart is not put into a command.
    let is_plain = |char: char| char.is_ascii_alphanumeric() || "+-._~/@".contains(char);
    let path = Some(origin.path).filter(|path| path.starts_with('/') && path.chars().all(is_plain));
    let exact = |sign: &str| match version {
        Some(version) => format!("{sign}{version}"),
        None => String::new(),
    };
    Some(match (family, name) {
        (Family::Debian, Some(name)) => {
            format!("apt install {name}-dbgsym{} (from the archive debian-debug)", exact("="))
        }
        (Family::Debian, None) => {
            format!("find-dbgsym-packages {} (of debian-goodies) names its package", path?)
        }
        (Family::Ubuntu, Some(name)) => {
            format!("apt install {name}-dbgsym{} (from ddebs.ubuntu.com)", exact("="))
        }
        (Family::Ubuntu, None) => {
            format!("find-dbgsym-packages {} (of debian-goodies) names its package", path?)
        }
        (Family::Fedora, _) => match origin.build_id {
            Some(id) => format!("dnf --enablerepo='*debug*' install 'debuginfo(build-id) = {id}'"),
            None => format!("dnf debuginfo-install {}{}", name?, exact("-")),
        },
        (Family::Suse, _) => match origin.build_id {
            Some(id) => format!("zypper install --capability 'debuginfo(build-id)={id}'"),
            None => format!("zypper install {}-debuginfo", name?),
        },
        // Its packages of debug symbols are on its server only.
        (Family::Arch, _) => {
            "coretool --debuginfod with DEBUGINFOD_URLS=https://debuginfod.archlinux.org".to_owned()
        }
        (Family::Alpine, Some(name)) => format!("apk add {name}-dbg{}", exact("=")),
        (Family::Alpine, None) => {
            let path = path?;
            format!("apk info --who-owns {path} names its package; apk add that name with -dbg")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(kind: &str, distribution: Option<&str>) -> PackageNote {
        PackageNote {
            kind: kind.to_owned(),
            distribution: distribution.map(str::to_owned),
            name: "zlib".to_owned(),
            version: Some("1.3-2".to_owned()),
            ..PackageNote::default()
        }
    }

    #[test]
    fn commands_by_note() {
        let cases = [
            ("deb", Some("debian"), "apt install zlib-dbgsym=1.3-2"),
            ("deb", Some("ubuntu"), "zlib-dbgsym=1.3-2 (from ddebs.ubuntu.com)"),
            ("deb", None, "apt install zlib-dbgsym"),
            ("rpm", Some("fedora"), "install 'debuginfo(build-id) = abcd'"),
            ("rpm", Some("opensuse"), "zypper install --capability 'debuginfo(build-id)=abcd'"),
            ("alpm", Some("arch"), "debuginfod.archlinux.org"),
            ("apk", Some("alpine"), "apk add zlib-dbg=1.3-2"),
        ];
        for (kind, distribution, want) in cases {
            let note = note(kind, distribution);
            let origin = Origin {
                note: Some(&note),
                path: "/lib/libz.so.1",
                build_id: Some("abcd"),
                // The note is nearer to the file than the machine.
                os_release: Some("ID=alpine\n"),
            };
            let found = command(&origin).unwrap();
            assert!(found.contains(want), "{kind} {distribution:?}: {found}");
        }
    }

    #[test]
    fn commands_by_the_machine() {
        let cases = [
            ("NAME=x\nID=debian\n", Some("find-dbgsym-packages /lib/libz.so.1")),
            ("ID=mint\nID_LIKE=\"ubuntu debian\"\n", Some("find-dbgsym-packages")),
            ("ID=\"rocky\"\n", Some("dnf ")),
            ("ID=opensuse-tumbleweed\n", Some("zypper ")),
            ("ID=arch\n", Some("debuginfod.archlinux.org")),
            ("ID=alpine\n", Some("apk info --who-owns /lib/libz.so.1")),
            ("ID=other\n", None),
            ("", None),
        ];
        for (os_release, want) in cases {
            let origin = Origin {
                path: "/lib/libz.so.1",
                build_id: Some("abcd"),
                os_release: Some(os_release),
                ..Origin::default()
            };
            let found = command(&origin);
            assert_eq!(found.is_some(), want.is_some(), "{os_release}");
            assert!(found.unwrap_or_default().contains(want.unwrap_or_default()), "{os_release}");
        }
        // A path that a shell would not take as one word is not put before it.
        let hostile =
            Origin { path: "/lib/$(x)", os_release: Some("ID=debian"), ..Origin::default() };
        assert_eq!(command(&hostile), None);
    }
}
