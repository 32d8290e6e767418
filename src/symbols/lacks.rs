//! What a module's files do not tell, why, and what would help.

use crate::base::gap::Gap;
use crate::symbols::distribution::{self, Origin};
use crate::symbols::fetch::Binary;
use crate::symbols::module::ModuleSymbols;
use crate::symbols::plan::hex;

impl ModuleSymbols<'_> {
    /// Notes what is lacking of a module whose code is on a stack. Of the
    /// others nobody wants to know. `missing`: of the split unit of code on the
    /// stack.
    pub(super) fn note_gaps(&self, missing: Option<Gap>) {
        missing.into_iter().for_each(|gap| self.fetch.gaps.add(gap));
        self.is_on_stack
            .get_or_init(|| self.lacks().into_iter().for_each(|gap| self.fetch.gaps.add(gap)));
    }

    /// That the file in the module's place is another one, if it is.
    pub fn mismatch_gap(&self) -> Option<Gap> {
        self.mismatch().map(|mismatch| self.fetch.mismatch_gap(&self.module, mismatch))
    }

    /// What the module's files do not tell of its code and data, and what would
    /// help.
    pub fn lacks(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        gaps.extend(self.mismatch_gap());
        if self.debug().is_none() {
            gaps.extend(self.no_lines());
        }
        if self.found().is_some_and(|file| !file.is_verified) {
            gaps.push(Gap {
                missing: format!("proof that {} is the file that ran", self.name()),
                why: "its build-id is not in the process's memory, so the file with its path is \
                      used as it is"
                    .to_owned(),
                hint: Some(
                    "if functions and lines make no sense, it was replaced since".to_owned(),
                ),
            });
        }
        gaps
    }

    fn no_lines(&self) -> Option<Gap> {
        let path = String::from_utf8_lossy(&self.module.path);
        let id = self.build_id().map(hex);
        let build_id =
            id.as_deref().map_or("no build-id".to_owned(), |id| format!("build-id {id}"));
        match &self.binary {
            // The mismatch is said, which is why.
            Binary::Mismatch(_) => None,
            Binary::Missing { why } => {
                let hint = match self.module.is_main {
                    true => "give the program with --exe, or its tree with --sysroot",
                    false => "give the tree of the machine that it ran on with --sysroot",
                };
                let missing = format!("symbols and code of {path} ({build_id})");
                let hint = match &self.package {
                    Some(package) => {
                        let version = package.version.as_deref().unwrap_or("of unknown version");
                        format!("{hint}; it is from the package {} {version}", package.name)
                    }
                    None => hint.to_owned(),
                };
                Some(Gap { missing, why: why.clone(), hint: Some(hint) })
            }
            // The kernel ships its vdso without lines.
            Binary::Found(file) if file.path.is_none() => None,
            Binary::Found(_) => {
                let name = self.name();
                let looked = match id.as_deref() {
                    Some(_) => {
                        "it has no debug information, and no separate debug file with \
                                its build-id was found"
                    }
                    None => {
                        "it has no debug information, and no build-id by which a separate \
                             debug file could be found"
                    }
                };
                let what = match self.go_table() {
                    Some(_) => "inlined calls and variables",
                    None => "line numbers and variables",
                };
                Some(Gap {
                    missing: format!("{what} of {name} ({build_id})"),
                    why: looked.to_owned(),
                    hint: Some(self.how_to_get_lines(&path, id.as_deref())),
                })
            }
        }
    }

    /// What gets the debug information of the module's file.
    fn how_to_get_lines(&self, path: &str, build_id: Option<&str>) -> String {
        let name = self.name();
        let os_release = self.fetch.options.os_release.as_deref();
        let origin = Origin { note: self.package.as_ref(), os_release, path, build_id };
        let command = distribution::command(&origin);
        let command = command.map_or_else(String::new, |command| format!(": {command}"));
        // A program without a package was compiled by who runs it.
        let own = match self.module.is_main && self.package.is_none() {
            true => format!("compile {name} with -g, or install its debug symbols"),
            false => format!("install the debug symbols package of {name}{command}"),
        };
        match (&self.fetch.options.servers, build_id) {
            (None, Some(_)) => format!(
                "{own}; or give its directory with --debug-dir, or ask servers with --debuginfod"
            ),
            _ => format!("{own}; or give its directory with --debug-dir"),
        }
    }
}
