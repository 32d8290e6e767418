//! Options that say where symbols and sources come from, of all commands that
//! show code.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Result;

use crate::cli::failure::Failure;
use crate::symbols::{Servers, SymbolOptions, Traffic};

/// What may be looked for besides the machine's own files.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct SymbolArgs {
    /// Look for source files here, too (may be repeated)
    #[arg(long = "source-dir", value_name = "DIR")]
    pub source_directories: Vec<PathBuf>,

    /// Download what is missing from debuginfod servers, which are told the build-ids [URLS: those
    /// in DEBUGINFOD_URLS]
    #[arg(long, value_name = "URLS", num_args = 0..=1, require_equals = true,
          default_missing_value = "", env = "CORETOOL_DEBUGINFOD")]
    pub debuginfod: Option<String>,
}

impl SymbolArgs {
    /// Adds what was asked for to `options`.
    ///
    /// # Errors
    ///
    /// When servers are to be asked, but none is known.
    pub fn apply(&self, options: &mut SymbolOptions) -> Result<()> {
        options.source_directories.clone_from(&self.source_directories);
        options.downloads = downloads(&variable);
        let root = options.sysroot.as_deref().unwrap_or(Path::new("/"));
        options.os_release = os_release(root);
        options.servers = self.servers(&variable)?;
        Ok(())
    }

    fn servers(&self, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Option<Servers>> {
        let Some(given) = &self.debuginfod else { return Ok(None) };
        // How the variable says no, and how it says yes without naming servers.
        if given == "0" || given == "no" {
            return Ok(None);
        }
        if cfg!(not(feature = "debuginfod")) {
            let what = "this coretool was built without its feature `debuginfod`";
            return Err(Failure::new(what, "leave out --debuginfod").into());
        }
        let named = match given.as_str() {
            "" | "1" | "yes" => {
                let known = variable("DEBUGINFOD_URLS").and_then(|urls| urls.into_string().ok());
                known.unwrap_or_else(|| configured(Path::new("/etc/debuginfod")))
            }
            given => given.to_owned(),
        };
        let is_server = |word: &&str| word.starts_with("https://") || word.starts_with("http://");
        let urls: Vec<String> =
            named.split_whitespace().filter(is_server).map(str::to_owned).collect();
        if urls.is_empty() {
            let what = "--debuginfod is given, but no server is known";
            let hint = "set DEBUGINFOD_URLS to the servers of your distribution, or name one: \
                        --debuginfod=https://SERVER";
            return Err(Failure::new(what, hint).into());
        }
        let number = |name: &str| variable(name)?.into_string().ok()?.parse::<u64>().ok();
        let longest = number("DEBUGINFOD_MAXTIME").filter(|seconds| *seconds > 0);
        Ok(Some(Servers {
            urls,
            patience: Duration::from_secs(5),
            longest: Duration::from_secs(longest.unwrap_or(600)),
            largest: number("DEBUGINFOD_MAXSIZE").filter(|size| *size > 0).unwrap_or(8 << 30),
            miss: miss(downloads(variable).as_deref()),
            now: SystemTime::now(),
            traffic: Traffic::default(),
        }))
    }
}

/// Where the files of a process of this machine are looked for. No server is
/// asked: the process waits.
pub fn of_this_machine(debug_directories: Vec<PathBuf>) -> SymbolOptions {
    SymbolOptions {
        debug_directories,
        downloads: downloads(&variable),
        os_release: os_release(Path::new("/")),
        ..SymbolOptions::default()
    }
}

/// A variable of the environment that has a value.
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The directory that all clients share. Source: debuginfod_find_debuginfo(3).
fn downloads(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    const NAME: &str = "debuginfod_client";
    if let Some(path) = variable("DEBUGINFOD_CACHE_PATH") {
        return Some(path.into());
    }
    if let Some(cache) = variable("XDG_CACHE_HOME") {
        return Some(Path::new(&cache).join(NAME));
    }
    let home = variable("HOME")?;
    // Where older clients have put it.
    let old = Path::new(&home).join(".debuginfod_client_cache");
    Some(if old.is_dir() { old } else { Path::new(&home).join(".cache").join(NAME) })
}

/// How long a miss counts: the control file `cache_miss_s`, or ten minutes.
fn miss(cache: Option<&Path>) -> Duration {
    let text = cache.and_then(|cache| std::fs::read_to_string(cache.join("cache_miss_s")).ok());
    let seconds = text.and_then(|text| text.trim().parse().ok());
    Duration::from_secs(seconds.unwrap_or(600))
}

/// The servers that a distribution has configured: all words of all `*.urls`.
fn configured(directory: &Path) -> String {
    let files = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = files.map(|file| file.path()).collect();
    paths.retain(|path| path.extension() == Some(OsStr::new("urls")));
    paths.sort();
    let texts = paths.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    texts.collect::<Vec<_>>().join(" ")
}

/// Source: os-release(5).
fn os_release(root: &Path) -> Option<String> {
    let read = |path| std::fs::read_to_string(root.join(path)).ok();
    read("etc/os-release").or_else(|| read("usr/lib/os-release"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_asked_only_with_consent() {
        let urls = |given: Option<&str>, known: Option<&str>| {
            let args = SymbolArgs { debuginfod: given.map(str::to_owned), ..SymbolArgs::default() };
            let variable = |name: &str| match name {
                "DEBUGINFOD_URLS" => known.map(OsString::from),
                _ => None,
            };
            args.servers(&variable).map(|servers| servers.map(|servers| servers.urls))
        };
        let known = Some("https://a ima:enforcing http://b file:///c");
        assert_eq!(urls(None, known).unwrap(), None);
        assert_eq!(urls(Some("no"), known).unwrap(), None);
        let both = Some(vec!["https://a".to_owned(), "http://b".to_owned()]);
        assert_eq!(urls(Some(""), known).unwrap(), both);
        assert_eq!(urls(Some("yes"), known).unwrap(), both);
        assert_eq!(urls(Some("http://x"), known).unwrap(), Some(vec!["http://x".to_owned()]));
        assert!(urls(Some("nonsense"), known).is_err());
    }

    #[test]
    fn the_cache_is_where_elfutils_has_it() {
        let at = |set: &[(&str, &str)]| {
            let found = |name: &str| {
                let value = set.iter().find(|(known, _)| *known == name)?.1;
                Some(OsString::from(value))
            };
            downloads(&found).map(|path| path.display().to_string())
        };
        let (path, cache, home) =
            (("DEBUGINFOD_CACHE_PATH", "/p"), ("XDG_CACHE_HOME", "/c"), ("HOME", "/nowhere"));
        assert_eq!(at(&[path, cache, home]).as_deref(), Some("/p"));
        assert_eq!(at(&[cache, home]).as_deref(), Some("/c/debuginfod_client"));
        assert_eq!(at(&[home]).as_deref(), Some("/nowhere/.cache/debuginfod_client"));
        assert_eq!(at(&[]), None);
    }
}
