//! Source files as the repository names them: what a CI service can show.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::cli::triage::project;
use crate::report::model::{Place, Triage};

/// `--path-map FROM=TO`: a beginning of paths, and what stands for it.
pub type PathMap = (PathBuf, PathBuf);

/// A repository, and how paths of debug information lead into it.
#[derive(Clone, Debug, Default)]
pub struct Repository {
    root: Option<PathBuf>,
    maps: Vec<PathMap>,
    known: HashMap<String, Option<String>>,
}

impl Repository {
    /// The repository that a CI service names, or the one around the current
    /// directory.
    pub fn here(maps: &[PathMap]) -> Self {
        let named = ["GITHUB_WORKSPACE", "CI_PROJECT_DIR", "WORKSPACE", "BUILD_SOURCESDIRECTORY"];
        let named = named.iter().filter_map(std::env::var_os).map(PathBuf::from);
        let named = named.into_iter().find(|path| path.is_absolute() && path.is_dir());
        let around = || project::root(&std::env::current_dir().ok()?);
        Self::at(named.or_else(around), maps)
    }

    /// The repository at `root`.
    pub fn at(root: Option<PathBuf>, maps: &[PathMap]) -> Self {
        Self { root, maps: maps.to_vec(), known: HashMap::new() }
    }

    /// The path of a source file relative to the root, when it is there: by
    /// `--path-map`, as it stands, or by its longest end that exists.
    pub fn relative(&mut self, file: &str) -> Option<String> {
        if let Some(known) = self.known.get(file) {
            return known.clone();
        }
        let found = self.find(file);
        self.known.insert(file.to_owned(), found.clone());
        found
    }

    fn find(&self, file: &str) -> Option<String> {
        let root = self.root.as_deref()?;
        let mapped = self.maps.iter().find_map(|(from, to)| {
            let rest = Path::new(file).strip_prefix(from).ok()?;
            to.join(rest).to_str().map(str::to_owned)
        });
        let file = mapped.as_deref().unwrap_or(file);
        let path = Path::new(file);
        if let Ok(inside) = path.strip_prefix(root)
            && path.is_file()
        {
            return inside.to_str().map(normal).filter(|inside| !inside.starts_with("../"));
        }
        let file = normal(file);
        let parts: Vec<&str> = file.split('/').collect();
        if parts.contains(&"..") {
            return None;
        }
        // A file's bare name alone is too little: many have a `main.c`.
        let least = if parts.len() == 1 { 1 } else { 2 };
        (0..parts.len()).filter(|at| parts.len() - at >= least || *at == 0).find_map(|at| {
            let end = parts.get(at..)?.join("/");
            root.join(&end).is_file().then_some(end)
        })
    }

    /// Names the places of all bugs as the repository does.
    pub fn name_places(&mut self, triage: &mut Triage) {
        for bucket in &mut triage.buckets {
            self.name_place(&mut bucket.place);
        }
    }

    fn name_place(&mut self, place: &mut Place) {
        if let Some(file) = &place.file {
            place.repository_file = self.relative(file);
        }
    }
}

/// A path without `.` and inner `..`.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => (),
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_debug_information_lead_into_the_repository() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        std::fs::create_dir_all(root.join("src/deep")).unwrap();
        for file in ["src/a.c", "src/deep/main.c", "top.c"] {
            std::fs::write(root.join(file), "").unwrap();
        }
        let maps = [("/mnt/x".into(), "src".into())];
        let mut repository = Repository::at(Some(root.to_owned()), &maps);
        let inside = root.join("src/a.c").display().to_string();
        let cases = [
            ("where it is", inside.as_str(), Some("src/a.c")),
            ("built elsewhere", "/build/42/src/a.c", Some("src/a.c")),
            ("relative", "./src/../src/a.c", Some("src/a.c")),
            ("mapped", "/mnt/x/a.c", Some("src/a.c")),
            ("at the top", "top.c", Some("top.c")),
            ("a bare name of another directory", "/usr/src/other/top.c", None),
            ("a file that is not there", "/build/src/b.c", None),
            ("out of it", "../../etc/passwd", None),
        ];
        for (name, file, want) in cases {
            assert_eq!(repository.relative(file).as_deref(), want, "{name}");
        }
    }
}
